//! Schedule expressions: `at(2026-11-21T05:28:10)` and `rate(5 minutes)`.
//!
//! `cron(…)` is not part of the one-machine stack: Posthorn has no use for it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// When a schedule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expression {
    Once(Timestamp),
    Every(SignedDuration),
}

impl Expression {
    /// Reads an expression; `timezone` (IANA, UTC if not given) is that of an `at`.
    ///
    /// # Errors
    /// AWS's message for what is no such expression.
    pub fn parse(text: &str, timezone: Option<&str>) -> Result<Self, String> {
        let invalid = || format!("Invalid Schedule Expression {text}.");
        let inside = |function: &str| {
            text.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')').map(str::trim)
        };
        if let Some(time) = inside("at") {
            let zone = match timezone {
                None | Some("UTC") => TimeZone::UTC,
                Some(name) => {
                    TimeZone::get(name).map_err(|_| format!("The timezone {name} is not known."))?
                }
            };
            let time = DateTime::strptime("%Y-%m-%dT%H:%M:%S", time).map_err(|_| invalid())?;
            let time = time.to_zoned(zone).map_err(|_| invalid())?;
            return Ok(Self::Once(time.timestamp()));
        }
        let (count, unit) =
            inside("rate").and_then(|rate| rate.split_once(' ')).ok_or_else(invalid)?;
        let count: u32 = count.parse().map_err(|_| invalid())?;
        let seconds = match (count, unit.trim()) {
            (1, "minute") | (2.., "minutes") => 60,
            (1, "hour") | (2.., "hours") => 60 * 60,
            (1, "day") | (2.., "days") => 24 * 60 * 60,
            _ => return Err(invalid()),
        };
        Ok(Self::Every(SignedDuration::from_secs(i64::from(count) * seconds)))
    }

    /// The first time to fire, for a schedule made at `now`.
    pub fn first(self, now: Timestamp, start: Option<Timestamp>) -> Timestamp {
        match self {
            Self::Once(time) => time,
            Self::Every(interval) => {
                start.filter(|start| *start > now).unwrap_or_else(|| later(now, interval))
            }
        }
    }

    /// The time after the one that has just fired; those missed meanwhile are left out.
    pub fn after(self, fired: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let Self::Every(interval) = self else {
            return None;
        };
        let missed = now.duration_since(fired).as_secs().max(0) / interval.as_secs().max(1);
        let missed = i32::try_from(missed).unwrap_or(i32::MAX - 1);
        Some(later(fired, interval.saturating_mul(missed + 1)))
    }
}

fn later(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn once() {
        let parsed = Expression::parse("at(2026-11-21T05:28:10)", None).unwrap();
        assert_eq!(parsed, Expression::Once(time("2026-11-21T05:28:10Z")));
        assert_eq!(parsed.after(time("2026-11-21T05:28:10Z"), time("2026-11-22T00:00:00Z")), None);
    }

    #[test]
    fn at_a_rate_without_those_missed() {
        let parsed = Expression::parse("rate(5 minutes)", None).unwrap();
        let start = time("2026-11-21T05:00:00Z");
        assert_eq!(parsed.first(start, None), time("2026-11-21T05:05:00Z"));
        let next = |now| parsed.after(start, time(now));
        assert_eq!(next("2026-11-21T05:00:01Z"), Some(time("2026-11-21T05:05:00Z")));
        assert_eq!(next("2026-11-21T05:17:00Z"), Some(time("2026-11-21T05:20:00Z")));
    }

    #[test]
    fn nothing_else() {
        for bad in [
            "",
            "at()",
            "at(2026-11-21)",
            "at(2026-11-21T05:28:10Z)",
            "at(2026-13-21T05:28:10)",
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(5 seconds)",
            "rate(-5 minutes)",
            "cron(0 12 * * ? *)",
        ] {
            assert!(Expression::parse(bad, None).is_err(), "{bad}");
        }
        assert!(Expression::parse("at(2026-11-21T05:28:10)", Some("Mars/Olympus")).is_err());
    }
}
