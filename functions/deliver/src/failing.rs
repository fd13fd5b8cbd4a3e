//! Endpoints that fail: noted for the platform team to see, and switched off when they fail too
//! often, by the rule of their dialect.

use std::time::Duration;

use jiff::Timestamp;
use moka::sync::Cache;
use posthorn_shared::endpoint::DisabledReason;
use posthorn_shared::failure_rate::{self, FailureRate};
use posthorn_shared::ids::EndpointId;
use posthorn_shared::stats::Hour;
use posthorn_shared::store::{Store, StoreError};

use crate::target::{Target, Targets};

/// An endpoint that fails is looked at for its past no more often than this: it is measured in days.
const PATIENCE: Duration = Duration::from_secs(600);
/// How much further back than the rule's time is looked: an endpoint that fails seldom.
const FURTHER: Duration = Duration::from_secs(86_400);

/// Looks at endpoints after failures.
#[derive(Clone)]
pub struct Failing {
    store: Store,
    targets: Targets,
    /// After how long without a success; `None`: never.
    disable_after: Option<Duration>,
    seen: Cache<EndpointId, ()>,
}

impl Failing {
    pub fn new(store: Store, targets: Targets, disable_after: Option<Duration>) -> Self {
        let seen = Cache::builder().max_capacity(10_000).time_to_live(PATIENCE).build();
        Self { store, targets, disable_after, seen }
    }

    /// Notes that an endpoint fails, for the platform team: once an hour, at its first failure. If the
    /// process ends just then, the next hour's tells.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn note(&self, target: &Target, hour: Hour) -> Result<(), StoreError> {
        let endpoint = &target.endpoint;
        self.store.note_failing(&endpoint.account.id, &endpoint.id, hour).await
    }

    /// Looks at what an endpoint has on record, now that a failure was written there.
    ///
    /// # Errors
    /// When the table can't be read. The next failure looks again.
    pub async fn judge(&self, target: &Target, now: Timestamp) -> Result<(), StoreError> {
        if let Some(rule) = target.dialect.failure_rate {
            self.judge_rate(target, rule, now).await?;
        }
        match self.disable_after {
            Some(after) if !self.seen.contains_key(&target.endpoint.id) => {
                self.judge_time(target, after, now).await?;
                self.seen.insert(target.endpoint.id.clone(), ());
            }
            _ => {}
        }
        Ok(())
    }

    async fn judge_time(
        &self,
        target: &Target,
        after: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let endpoint = &target.endpoint;
        let ago = |by: Duration| Hour::of(now.checked_sub(by).unwrap_or(Timestamp::MIN));
        let hours = self.store.stats(&endpoint.id, ago(after + FURTHER), Hour::of(now)).await?;
        let since = failure_rate::failing_since(&hours, endpoint.baseline);
        if since.is_some_and(|since| since <= ago(after)) {
            self.targets.disable(endpoint, DisabledReason::Failing, now).await;
        }
        Ok(())
    }

    async fn judge_rate(
        &self,
        target: &Target,
        rule: FailureRate,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let endpoint = &target.endpoint;
        let (first, last) = rule.window(now, endpoint.baseline);
        let hours = self.store.stats(&endpoint.id, first, last).await?;
        if rule.is_exceeded(&hours, endpoint.baseline) {
            let reason = DisabledReason::FailureRate;
            self.targets.disable(endpoint, reason, now).await;
        }
        Ok(())
    }
}
