//! What the deployment's metrics say of an attempt.

use std::sync::Arc;
use std::time::Duration;

use posthorn_shared::delivery::{Delivery, Trigger};
use posthorn_shared::metrics::{Count, Metrics, Span};
use posthorn_shared::stats::Counters;

use crate::target::Target;

/// Of one attempt that is on record.
pub struct Measures {
    target: Arc<Target>,
    counts: [(Count, u64); 5],
    duration: Option<Duration>,
    lag: Option<Duration>,
}

impl Measures {
    pub fn of(
        target: Arc<Target>,
        counters: &Counters,
        delivery: &Delivery,
        goes_on: bool,
    ) -> Self {
        // What was not sent took no time.
        let made = delivery.attempts.last().filter(|_| counters.attempts > 0);
        let first = made.filter(|made| made.number == 1 && made.trigger == Trigger::Automatic);
        let lag = first.map(|first| first.started_at.duration_since(delivery.key.received_at()));
        Self {
            target,
            counts: [
                (Count::Attempts, counters.attempts),
                (Count::FailedAttempts, counters.failed_attempts),
                (Count::Delivered, counters.delivered),
                (Count::Failed, counters.failed),
                (Count::Retried, counters.failed_attempts.min(u64::from(goes_on))),
            ],
            duration: made.map(|made| Duration::from_millis(made.duration_ms)),
            // Clocks of different machines differ: nothing is attempted before it was accepted.
            lag: lag.map(|lag| Duration::try_from(lag).unwrap_or_default()),
        }
    }

    pub fn record(self, metrics: &Metrics) {
        let dialect = &self.target.dialect;
        for (what, number) in self.counts {
            metrics.count(dialect, what, number);
        }
        let spans = [(Span::AttemptDuration, self.duration), (Span::DeliveryLag, self.lag)];
        for (what, time) in spans {
            if let Some(time) = time {
                metrics.took(dialect, what, time);
            }
        }
    }
}
