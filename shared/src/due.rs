//! Retries that are due later than SQS can delay a message: rows under the minute they are due in,
//! and one schedule per minute and shard that wakes the retry function.

use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::Trigger;
use crate::ids::{AccountId, EndpointId, EventKey, EventTypeName, ProducerEventId};

/// The longest delay of an SQS message.
pub const MAX_QUEUE_DELAY: Duration = Duration::from_secs(900);

/// Shards of a minute. A DynamoDB partition takes 1,000 writes/s: with four, an outage that
/// postpones 200,000 deliveries into one minute still writes its rows without throttling.
pub const SHARDS: u8 = 4;

/// The rows that are due within one minute: the minute's start. Where time is scaled, the minute
/// is shorter, but never below a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(i64);

impl Bucket {
    /// Length of a bucket, in seconds: 60 in production.
    pub fn length(time_scale: f64) -> i64 {
        ((60.0 / time_scale) as i64).max(1)
    }

    /// The bucket that holds this time.
    pub fn of(due: Timestamp, time_scale: f64) -> Self {
        let length = Self::length(time_scale);
        Self(due.as_second().div_euclid(length) * length)
    }

    /// The next one.
    pub fn next(self, time_scale: f64) -> Self {
        Self(self.0 + Self::length(time_scale))
    }

    /// When it begins: the time at which its schedule fires.
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl std::fmt::Display for Bucket {
    /// Basic ISO 8601, like `20261121T101500Z`: sorts by time, fits a schedule's name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.start().strftime("%Y%m%dT%H%M%SZ"))
    }
}

impl std::str::FromStr for Bucket {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        Ok(Self(text.parse::<Timestamp>()?.as_second()))
    }
}

/// The earliest time at which a retry may be due by this road, so that its row is there when its
/// bucket begins. In production retries come this way only when they are due in more than 15
/// minutes; where time is scaled, they have to be held back a little.
pub fn earliest(now: Timestamp, time_scale: f64) -> Timestamp {
    Bucket::of(now, time_scale).next(time_scale).next(time_scale).start()
}

/// An attempt that is due later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRetry {
    pub due: Timestamp,
    pub account: AccountId,
    pub endpoint: EndpointId,
    pub key: EventKey,
    pub event_id: Option<ProducerEventId>,
    pub event_type: EventTypeName,
    /// Number of the attempt to make.
    pub attempt: u32,
    /// It waits for a slot by its endpoint's rate limit, which `due` is; and what made it happen.
    /// `None`: a retry like any other.
    pub waits: Option<Trigger>,
}

impl DueRetry {
    /// The shard of its bucket: follows from the event's key, so that writing the same retry again
    /// writes the same row.
    pub fn shard(&self) -> u8 {
        self.key.spread() % SHARDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_minutes_and_read_back() {
        let due: Timestamp = "2026-11-21T10:15:42.5Z".parse().unwrap();
        let bucket = Bucket::of(due, 1.0);
        assert_eq!(bucket.to_string(), "20261121T101500Z");
        assert_eq!(bucket.to_string().parse::<Bucket>().unwrap(), bucket);
        assert_eq!(bucket.next(1.0).to_string(), "20261121T101600Z");
        assert_eq!(Bucket::of(due, 3600.0).start().as_second(), due.as_second());
    }
}
