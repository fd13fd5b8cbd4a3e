//! Switches endpoints off that fail too often, by the rule of their dialect.

use jiff::Timestamp;
use posthorn_shared::endpoint::DisabledReason;
use posthorn_shared::store::{Store, StoreError};

use crate::target::{Target, Targets};

/// Judges endpoints after failures.
#[derive(Clone)]
pub struct Failing {
    store: Store,
    targets: Targets,
}

impl Failing {
    pub fn new(store: Store, targets: Targets) -> Self {
        Self { store, targets }
    }

    /// Looks at what an endpoint has on record, now that a failure was written there.
    ///
    /// # Errors
    /// When the table can't be read. The next failure looks again.
    pub async fn judge(&self, target: &Target, now: Timestamp) -> Result<(), StoreError> {
        let Some(rule) = target.dialect.failure_rate else {
            return Ok(());
        };
        let endpoint = &target.endpoint;
        let (first, last) = rule.window(now, endpoint.baseline);
        let hours = self.store.stats(&endpoint.id, first, last).await?;
        if rule.is_exceeded(&hours, endpoint.baseline) {
            let reason = DisabledReason::FailureRate;
            self.targets.disable(&endpoint.account, &endpoint.id, reason, now).await;
        }
        Ok(())
    }
}
