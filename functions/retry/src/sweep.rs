//! The recurring sweep: buckets that are overdue and not marked done, because their schedule was
//! never created, or its call failed.

use std::time::Duration;

use jiff::SignedDuration;
use posthorn_shared::due::Bucket;
use posthorn_shared::metrics::Count;
use posthorn_shared::store::SweepCursor;

use crate::{Retry, RetryError, RetryOutcome};

/// Buckets are left to their schedule for this long after their end (Scheduler is up to a minute
/// late, and the call takes its time).
const GRACE: Duration = Duration::from_secs(120);

/// Where the very first sweep of a deployment starts: it is older than its first retry. Not scaled:
/// sweeps come once a minute, however fast the time is.
const FIRST_REACH: SignedDuration = SignedDuration::from_hours(1);

/// How long after the first sweep of a release that marks the hours of events they may still be stored
/// by one that does not: an update shifts the functions to it one by one, within minutes.
const MIXED: SignedDuration = SignedDuration::from_hours(1);

/// Buckets of one call: a sweep that has fallen behind catches up in steps, each of which is kept.
const STEP: usize = 240;

impl Retry {
    /// Goes from the cursor up to the newest bucket that should be done by now, sends what is not,
    /// and moves the cursor.
    pub(crate) async fn sweep(&self) -> Result<RetryOutcome, RetryError> {
        let scale = self.runtime.settings.time_scale;
        let now = self.runtime.clock.now();
        let ago = |pause: Duration| {
            let scaled = SignedDuration::try_from(pause.div_f64(scale)).unwrap_or_default();
            Bucket::of(now.saturating_sub(scaled).unwrap_or(now), scale)
        };
        let end = ago(GRACE);
        let cursor = self.store.sweep_cursor().await?;
        let mut bucket = match &cursor {
            Some(cursor) => cursor.bucket,
            None => Bucket::of(now.saturating_sub(FIRST_REACH).unwrap_or(now), scale),
        };
        let marked_from = cursor.and_then(|cursor| cursor.events_marked_from);
        let marked_from = marked_from.or_else(|| now.checked_add(MIXED).ok());
        let mut outcome = RetryOutcome::default();
        while bucket < end {
            let step: Vec<Bucket> =
                std::iter::successors(Some(bucket), |bucket| Some(bucket.next(scale)))
                    .take_while(|bucket| *bucket < end)
                    .take(STEP)
                    .collect();
            for (overdue, shard) in self.store.not_done(&step).await? {
                outcome.sent += self.finish(overdue, shard).await?;
                outcome.buckets += 1;
            }
            bucket = match step.last() {
                Some(last) => last.next(scale),
                None => end,
            };
            let cursor = SweepCursor { bucket, events_marked_from: marked_from };
            self.store.move_sweep_cursor(cursor).await?;
        }
        self.runtime.metrics.count_of_all(Count::Sweeps, 1);
        self.runtime.metrics.count_of_all(Count::OverdueRetries, outcome.sent as u64);
        if outcome.sent > 0 {
            tracing::warn!(retries = outcome.sent, "overdue retries found by the sweep");
        }
        Ok(outcome)
    }

    /// A bucket that had no retries at all is unmarked, too: it is not worth a mark, since the
    /// cursor moves past it.
    async fn finish(&self, bucket: Bucket, shard: u8) -> Result<usize, RetryError> {
        if self.store.due_rows(bucket, shard).await?.is_empty() {
            return Ok(0);
        }
        self.wake(bucket, shard).await
    }
}
