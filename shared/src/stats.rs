//! What became of an endpoint's deliveries, hour by hour.

use std::time::Duration;

use jiff::Timestamp;

/// Upper bounds of the latency buckets, in milliseconds; above the last one lies one more.
pub const BOUNDS_MS: [u64; 13] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000];
/// Latency buckets.
pub const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// Counters of one hour. Test sends are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Attempts, and those of them that failed.
    pub attempts: u64,
    pub failed_attempts: u64,
    /// Deliveries that succeeded in this hour.
    pub delivered: u64,
    /// Deliveries that were given up in this hour.
    pub failed: u64,
    /// Attempts by how long they took.
    pub latency: [u64; BUCKETS],
}

/// An hour, by its number since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    /// The hour that a time lies in.
    pub fn of(time: Timestamp) -> Self {
        Self(time.as_second().div_euclid(3600))
    }

    /// When it begins.
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(self.0.saturating_mul(3600)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl Counters {
    /// Counts how long an attempt took.
    pub fn took(&mut self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.latency[BOUNDS_MS.partition_point(|bound| *bound < millis)] += 1;
    }

    /// Adds another hour's, or more of the same.
    pub fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.failed_attempts += other.failed_attempts;
        self.delivered += other.delivered;
        self.failed += other.failed;
        for (mine, theirs) in self.latency.iter_mut().zip(other.latency) {
            *mine += theirs;
        }
    }

    /// Milliseconds that this share (0–1) of the attempts took at the most, read off the buckets
    /// by linear interpolation; `None` when there was no attempt.
    pub fn latency_ms(&self, share: f64) -> Option<u64> {
        let total: u64 = self.latency.iter().sum();
        if total == 0 {
            return None;
        }
        let rank = share * total as f64;
        let mut below = 0.0;
        for (index, count) in self.latency.iter().enumerate() {
            let count = *count as f64;
            if count > 0.0 && below + count >= rank {
                let low = index.checked_sub(1).map_or(0, |index| BOUNDS_MS[index]);
                // Nothing is known of the last bucket but where it begins.
                let high = BOUNDS_MS.get(index).copied().unwrap_or(low);
                let within = ((rank - below) / count).clamp(0.0, 1.0);
                return Some(low + (within * (high - low) as f64).round() as u64);
            }
            below += count;
        }
        BOUNDS_MS.last().copied()
    }

    /// Delivered among all that came to an end; `None` when none did.
    pub fn success_rate(&self) -> Option<f64> {
        let ended = self.delivered + self.failed;
        (ended > 0).then(|| self.delivered as f64 / ended as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_out_of_the_buckets() {
        let mut counters = Counters::default();
        assert_eq!(counters.latency_ms(0.5), None);
        for millis in (0..1000).map(|n| n % 100 + 1) {
            counters.took(Duration::from_millis(millis));
        }
        assert_eq!(counters.latency_ms(0.5), Some(50));
        assert_eq!(counters.latency_ms(0.95), Some(95));
        counters.took(Duration::from_secs(60));
        assert_eq!(counters.latency_ms(1.0), Some(30_000));
    }

    #[test]
    fn a_duration_on_a_bound_belongs_below_it() {
        let mut counters = Counters::default();
        counters.took(Duration::from_millis(5));
        counters.took(Duration::from_millis(6));
        assert_eq!(counters.latency[..2], [1, 1]);
    }

    #[test]
    fn hours_begin_on_the_hour() {
        let hour = Hour::of("2026-11-21T10:59:59.9Z".parse().unwrap());
        assert_eq!(hour.start().to_string(), "2026-11-21T10:00:00Z");
    }
}
