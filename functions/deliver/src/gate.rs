//! Keeps deliveries from endpoints that don't answer, and slows them down where an endpoint asks for
//! less.
//!
//! What is known is kept with the endpoint, which every batch reads anyway: an endpoint that is well
//! costs nothing. Failures are counted in the process, since a backlog that is worth stopping comes
//! through each process in numbers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use posthorn_shared::clock::Clock;
use posthorn_shared::delivery::{Attempt, ErrorKind, Trigger};
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::health::{Health, OPENS_AFTER, Open};
use posthorn_shared::ids::EndpointId;
use posthorn_shared::metrics::{Count, Metrics};
use posthorn_shared::runtime::Runtime;

use crate::pace::{Ready, Turn};
use crate::plan::Next;
use crate::target::{Target, Targets};

/// An answer that took longer holds a place of a function for too long: the endpoint gets less.
const SLOW: Duration = Duration::from_secs(10);
/// The longest delay of an SQS message.
const MAX_REST: Duration = Duration::from_secs(900);

/// What an attempt says of its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It answers.
    Well,
    /// It answers, and asks for less: 429, 502, 504, or after a long time.
    TooMuch,
    /// No connection, or no answer in time.
    Unreachable,
    /// Nothing: the guard did not let it through.
    None,
}

impl Sign {
    pub fn of(attempt: &Attempt) -> Self {
        match (attempt.status_code, attempt.error.as_ref().map(|error| error.kind)) {
            // Standard Webhooks 1.0, "Deliverability and reliability".
            (Some(429 | 502 | 504), _) => Self::TooMuch,
            (Some(_), _) if attempt.duration_ms >= SLOW.as_millis() as u64 => Self::TooMuch,
            (Some(_), _) => Self::Well,
            (None, Some(ErrorKind::Timeout | ErrorKind::Connect | ErrorKind::Dns)) => {
                Self::Unreachable
            }
            (None, Some(ErrorKind::Tls | ErrorKind::Protocol)) => Self::Unreachable,
            (None, _) => Self::None,
        }
    }
}

/// The gate.
pub struct Gate {
    targets: Targets,
    clock: Clock,
    scale: f64,
    metrics: Metrics,
    /// Attempts without any answer, one after the other.
    failures: Cache<EndpointId, u32>,
}

impl Gate {
    pub fn new(runtime: &Runtime, targets: Targets) -> Self {
        Self {
            targets,
            clock: runtime.clock.clone(),
            scale: runtime.settings.time_scale,
            metrics: runtime.metrics.clone(),
            failures: Cache::builder().max_capacity(10_000).build(),
        }
    }

    /// Lets through whose endpoint's circuit is closed; of an open one's, the probe that is due, the
    /// oldest event's. The rest comes again after the next one.
    pub async fn pass(&self, ready: Vec<Ready>) -> (Vec<Ready>, Vec<(Ready, Turn)>) {
        let (mut passed, mut postponed) = (Vec::with_capacity(ready.len()), Vec::new());
        let mut stopped: HashMap<EndpointId, Vec<Ready>> = HashMap::new();
        for ready in ready {
            // Somebody looks on while a test is sent: an answer to it is as good as a probe's.
            if ready.target.endpoint.health.open.is_none() || ready.message.trigger == Trigger::Test
            {
                passed.push(ready);
            } else {
                stopped.entry(ready.message.endpoint.clone()).or_default().push(ready);
            }
        }
        for (_, mut waiting) in stopped {
            waiting.sort_by(|a, b| b.message.key.cmp(&a.message.key));
            let (open, may_probe) = self.ask(&waiting[0].target).await;
            if may_probe {
                passed.extend(waiting.pop());
            }
            let rest = waiting.into_iter().map(|ready| {
                let turn = Turn::Later(Next::Queue(ready.message.later(), self.after(open)));
                (ready, turn)
            });
            postponed.extend(rest);
        }
        (passed, postponed)
    }

    /// Asks for the probe. Answers how the circuit is, and whether this process makes it.
    async fn ask(&self, target: &Target) -> (Option<Open>, bool) {
        let seen = target.endpoint.health.open;
        let now = self.clock.now();
        if seen.is_some_and(|open| now < open.probe_at) {
            return (seen, false);
        }
        let probing = self.change(&target.endpoint, |health| health.probing(now, self.scale)).await;
        match probing {
            Some(health) => (health.open, true),
            None => (seen, false),
        }
    }

    /// Some time after the next probe, spread over as long as it rests, so that what has piled up
    /// does not come back as one wave.
    fn after(&self, open: Option<Open>) -> Timestamp {
        let now = self.clock.now();
        let (probe_at, pause) = open.map_or((now, Duration::ZERO), |o| (o.probe_at, o.pause()));
        let pause = pause.max(Duration::from_secs(5)).mul_f64(self.clock.random_unit());
        let after = |time: Timestamp, by: Duration| {
            let by = SignedDuration::try_from(by.div_f64(self.scale)).unwrap_or_default();
            time.saturating_add(by).unwrap_or(Timestamp::MAX)
        };
        after(probe_at.max(now), pause).min(after(now, MAX_REST))
    }

    /// Draws the conclusions from a batch's attempts.
    pub async fn learn(&self, signs: Vec<(Arc<Target>, Sign)>) {
        let mut by_endpoint: HashMap<EndpointId, (Arc<Target>, Vec<Sign>)> = HashMap::new();
        for (target, sign) in signs.into_iter().filter(|(_, sign)| *sign != Sign::None) {
            let id = target.endpoint.id.clone();
            by_endpoint.entry(id).or_insert_with(|| (target, Vec::new())).1.push(sign);
        }
        for (target, signs) in by_endpoint.into_values() {
            self.conclude(&target, &signs).await;
        }
    }

    async fn conclude(&self, target: &Target, signs: &[Sign]) {
        let endpoint = &target.endpoint;
        let (id, now) = (&endpoint.id, self.clock.now());
        let was_open = endpoint.health.open.is_some();
        if signs.iter().all(|sign| *sign == Sign::Unreachable) {
            // It was open, and somebody else has closed it: then it begins anew.
            let closed = |before: &u32| !was_open && *before >= OPENS_AFTER;
            let before = self.failures.get(id).filter(|before| !closed(before)).unwrap_or(0);
            let failures = before.saturating_add(u32::try_from(signs.len()).unwrap_or(u32::MAX));
            self.failures.insert(id.clone(), failures);
            if was_open {
                self.change(endpoint, |health| health.probe_failed(now, self.scale)).await;
            } else if failures >= OPENS_AFTER {
                let opened = self.change(endpoint, |health| health.opened(now, self.scale)).await;
                let new = u64::from(opened.is_some());
                self.metrics.count(&target.dialect, Count::CircuitsOpened, new);
            }
            return;
        }
        if self.failures.contains_key(id) {
            self.failures.invalidate(id);
        }
        if was_open {
            self.change(endpoint, |health| health.answered(now)).await;
        } else if signs.contains(&Sign::TooMuch)
            && endpoint.health.slowed(now, self.scale).is_some()
        {
            self.change(endpoint, |health| health.slowed(now, self.scale)).await;
        }
    }

    /// Writes down how an endpoint is doing now. Whoever comes second finds it done.
    async fn change(
        &self,
        endpoint: &Endpoint,
        change: impl Fn(Health) -> Option<Health>,
    ) -> Option<Health> {
        let changed = self.targets.change_health(&endpoint.account, &endpoint.id, change).await;
        if let Some(health) = &changed {
            let open = health.open.is_some();
            tracing::info!(endpoint = %endpoint.id, open, pace = ?health.pace, "endpoint's health");
        }
        changed
    }
}
