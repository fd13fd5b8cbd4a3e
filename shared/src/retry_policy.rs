//! When a failed attempt is made again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Attempts of one delivery, the first included.
pub const MAX_ATTEMPTS: usize = 20;
/// The longest pause between two attempts, by policy or by `Retry-After`.
pub const MAX_DELAY: Duration = Duration::from_secs(24 * 3600);
/// Delays above this one are jittered, so that an outage's retries don't come back as one wave.
const JITTER_ABOVE: Duration = Duration::from_secs(60);
const JITTER: f64 = 0.1;

/// The pauses after each failed attempt, as a schedule or as a count with an exponential pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum RetryPolicy {
    /// `{"schedule": ["5s", "5m", "30m"]}`: up to 19 pauses of at most 24 h.
    Schedule {
        #[schema(max_items = 19)]
        schedule: Vec<Delay>,
    },
    /// `{"count": 3, "delay_seconds": 5}`: pauses of 5, 10, 20 s…, none above 24 h.
    Exponential {
        #[schema(maximum = 19)]
        count: usize,
        #[schema(minimum = 1, maximum = 86_400)]
        delay_seconds: u64,
    },
}

/// A pause, written like `45s`, `5m`, `2h` or `1d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Delay(Duration);

impl RetryPolicy {
    /// The pause after attempt `number` (from 1); `None` when it was the last one.
    pub fn delay_after(&self, number: u32) -> Option<Duration> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        match self {
            Self::Schedule { schedule } => schedule.get(index).map(|delay| delay.0),
            Self::Exponential { count, .. } if index >= *count => None,
            Self::Exponential { delay_seconds, .. } => {
                // 2^17 seconds are above the cap already.
                let factor = 1u64 << index.min(17);
                let seconds = delay_seconds.saturating_mul(factor);
                Some(Duration::from_secs(seconds).min(MAX_DELAY))
            }
        }
    }

    /// What is wrong with it: a pointer below `/retry` and what would be right.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        let retries = match self {
            Self::Schedule { schedule } => {
                for (index, delay) in schedule.iter().take(MAX_ATTEMPTS).enumerate() {
                    if delay.0 > MAX_DELAY {
                        problems.push((format!("/schedule/{index}"), "is at most 24h".to_owned()));
                    }
                }
                schedule.len()
            }
            Self::Exponential { count, delay_seconds } => {
                if !(1..=MAX_DELAY.as_secs()).contains(delay_seconds) {
                    let detail = "is 1 to 86400 seconds".to_owned();
                    problems.push(("/delay_seconds".to_owned(), detail));
                }
                *count
            }
        };
        if retries >= MAX_ATTEMPTS {
            let detail = format!("has at most {} retries", MAX_ATTEMPTS - 1);
            problems.push((String::new(), detail));
        }
        problems
    }
}

/// When the attempt after `number` is due: the policy's pause with ±10 % jitter above a minute
/// (`unit` is a random number in 0..1), or what the receiver's `Retry-After` asks if that is
/// later, up to 24 h. `None`: there is no next attempt.
///
/// The second value is the pause before `time_scale` shortens it, by which the road is chosen.
pub fn next_attempt(
    policy: &RetryPolicy,
    number: u32,
    now: Timestamp,
    retry_after: Option<Duration>,
    unit: f64,
    time_scale: f64,
) -> Option<(Timestamp, Duration)> {
    let mut delay = policy.delay_after(number)?;
    if delay > JITTER_ABOVE {
        delay = delay.mul_f64(1.0 + JITTER * (2.0 * unit - 1.0)).min(MAX_DELAY);
    }
    if let Some(asked) = retry_after {
        delay = delay.max(asked.min(MAX_DELAY));
    }
    let scaled = SignedDuration::try_from(delay.div_f64(time_scale)).unwrap_or_default();
    Some((now.saturating_add(scaled).unwrap_or(now), delay))
}

/// Reads a `Retry-After` header: seconds, or an HTTP date (RFC 9110, section 10.2.3).
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let date = Timestamp::try_from(date).ok()?;
    Duration::try_from(date.duration_since(now)).ok()
}

impl Delay {
    /// Seconds, for built-in schedules.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl PartialSchema for Delay {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A pause of at most 24 h, written like 45s, 5m, 2h or 1d"))
            .pattern(Some("^([1-9][0-9]{0,3}s|[1-9][0-9]{0,2}m|([1-9]|1[0-9]|2[0-4])h|1d)$"))
            .examples(["5m"])
            .into()
    }
}

impl ToSchema for Delay {}

impl TryFrom<String> for Delay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |unit: char| text.strip_suffix(unit)?.parse::<u64>().ok();
        let seconds = number('s')
            .or_else(|| number('m')?.checked_mul(60))
            .or_else(|| number('h')?.checked_mul(3600))
            .or_else(|| number('d')?.checked_mul(86_400));
        match seconds {
            Some(seconds) if seconds > 0 => Ok(Self::from_secs(seconds)),
            _ => Err("a pause is written like 45s, 5m, 2h or 1d".to_owned()),
        }
    }
}

impl From<Delay> for String {
    fn from(delay: Delay) -> String {
        let seconds = delay.0.as_secs();
        match seconds {
            s if s % 3600 == 0 => format!("{}h", s / 3600),
            s if s % 60 == 0 => format!("{}m", s / 60),
            s => format!("{s}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(json: &str) -> RetryPolicy {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_schedule_and_its_end() {
        let policy = policy(r#"{"schedule": ["5s", "5m"]}"#);
        assert_eq!(policy.delay_after(1), Some(Duration::from_secs(5)));
        assert_eq!(policy.delay_after(2), Some(Duration::from_secs(300)));
        assert_eq!(policy.delay_after(3), None);
    }

    #[test]
    fn exponential_doubles_up_to_a_day() {
        let policy = policy(r#"{"count": 19, "delay_seconds": 5}"#);
        let seconds: Vec<_> =
            (1..=20).map(|n| policy.delay_after(n).map(|d| d.as_secs())).collect();
        assert_eq!(&seconds[..3], [Some(5), Some(10), Some(20)]);
        assert_eq!(seconds[18], Some(86_400));
        assert_eq!(seconds[19], None);
    }

    #[test]
    fn retry_after_moves_later_never_earlier() {
        let now = Timestamp::UNIX_EPOCH;
        let policy = policy(r#"{"schedule": ["5s"]}"#);
        let due = |asked| next_attempt(&policy, 1, now, asked, 0.5, 1.0).unwrap().0.as_second();
        assert_eq!(due(Some(Duration::from_secs(1))), 5);
        assert_eq!(due(Some(Duration::from_secs(120))), 120);
        assert_eq!(due(Some(Duration::from_secs(u64::MAX))), 86_400);
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        let date = "Thu, 01 Jan 1970 00:02:00 GMT";
        assert_eq!(retry_after(date, now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-5", now), None);
    }

    #[test]
    fn names_what_is_wrong() {
        assert!(policy(r#"{"schedule": ["25h"]}"#).problems()[0].0.contains("/schedule/0"));
        assert_eq!(policy(r#"{"count": 20, "delay_seconds": 0}"#).problems().len(), 2);
        let schedule = vec![r#""25h""#; 10_000].join(",");
        let long = policy(&format!(r#"{{"schedule": [{schedule}]}}"#));
        assert_eq!(long.problems().len(), MAX_ATTEMPTS + 1);
        assert!(serde_json::from_str::<RetryPolicy>(r#"{"schedule": ["soon"]}"#).is_err());
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_tenth(unit in 0.0f64..1.0, minutes in 2u64..1400) {
            let policy = RetryPolicy::Schedule { schedule: vec![Delay::from_secs(minutes * 60)] };
            let now = Timestamp::UNIX_EPOCH;
            let (_, delay) = next_attempt(&policy, 1, now, None, unit, 1.0).unwrap();
            let ratio = delay.as_secs_f64() / (minutes as f64 * 60.0);
            prop_assert!((0.899..=1.101).contains(&ratio));
        }
    }
}
