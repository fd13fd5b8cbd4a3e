//! Rules that switch endpoints off that fail too often, or for too long.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::stats::{Counters, Hour};

/// Off when more than this share of the attempts in the window failed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureRate {
    /// A share, 0–1.
    pub above: f64,
    /// The window, in hours as the statistics have them: the current one and those before.
    pub hours: u16,
    /// Fewer attempts in the window say nothing.
    pub min_attempts: u64,
}

/// What an endpoint had on record when it was switched on again: none of it counts any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    pub hour: i64,
    pub attempts: u64,
    pub failed_attempts: u64,
}

impl Baseline {
    /// Of the hour in which it is switched on.
    pub fn new(hour: Hour, counters: &Counters) -> Self {
        let Counters { attempts, failed_attempts, .. } = *counters;
        Self { hour: hour.0, attempts, failed_attempts }
    }
}

/// The attempts of an hour, and how many of them failed, without those before the baseline.
fn attempts_since(baseline: Option<Baseline>, (hour, counters): &(Hour, Counters)) -> (u64, u64) {
    let (before, failed_before) = baseline
        .filter(|baseline| baseline.hour == hour.0)
        .map_or((0, 0), |baseline| (baseline.attempts, baseline.failed_attempts));
    (
        counters.attempts.saturating_sub(before),
        counters.failed_attempts.saturating_sub(failed_before),
    )
}

impl FailureRate {
    /// What is wrong with it: a field and what would be right.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if !(0.0..1.0).contains(&self.above) {
            problems
                .push(("failure_rate.above", "is a share from 0 up to, not including, 1".into()));
        }
        if !(1..=24 * 30).contains(&self.hours) {
            problems.push(("failure_rate.hours", "is 1 to 720".into()));
        }
        problems
    }

    /// The hours to look at.
    pub fn window(&self, now: Timestamp, baseline: Option<Baseline>) -> (Hour, Hour) {
        let last = Hour::of(now);
        let first = last.0 - i64::from(self.hours) + 1;
        (Hour(baseline.map_or(first, |baseline| first.max(baseline.hour))), last)
    }

    /// Whether the endpoint is to be switched off, by the hours of the window.
    pub fn is_exceeded(&self, hours: &[(Hour, Counters)], baseline: Option<Baseline>) -> bool {
        let (attempts, failed) = hours
            .iter()
            .map(|hour| attempts_since(baseline, hour))
            .fold((0, 0), |sum, of_hour| (sum.0 + of_hour.0, sum.1 + of_hour.1));
        attempts >= self.min_attempts.max(1) && failed as f64 > self.above * attempts as f64
    }
}

/// The hour in which an endpoint began to fail without a single success since; `None` where it
/// succeeds now and then. Looks at no more than the hours that are given, oldest first.
pub fn failing_since(hours: &[(Hour, Counters)], baseline: Option<Baseline>) -> Option<Hour> {
    let from = baseline.map_or(i64::MIN, |baseline| baseline.hour);
    let mut since = None;
    for hour in hours.iter().filter(|(hour, _)| hour.0 >= from) {
        let (attempts, failed) = attempts_since(baseline, hour);
        if attempts > failed {
            since = None;
        } else if failed > 0 {
            since = since.or(Some(hour.0));
        }
    }
    since
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fails_since_the_first_failure_after_the_last_success() {
        let hour = |number, attempts, failed_attempts| {
            (Hour(number), Counters { attempts, failed_attempts, ..Counters::default() })
        };
        assert_eq!(failing_since(&[], None), None);
        assert_eq!(failing_since(&[hour(1, 5, 5), hour(2, 3, 2)], None), None);
        let hours = [hour(1, 5, 4), hour(2, 3, 3), hour(9, 1, 1)];
        assert_eq!(failing_since(&hours, None), Some(Hour(2)));
        let baseline = Some(Baseline { hour: 9, attempts: 1, failed_attempts: 1 });
        assert_eq!(failing_since(&hours, baseline), None);
    }

    #[test]
    fn more_than_the_share_of_enough_attempts_since_it_was_switched_on() {
        let rule = FailureRate { above: 0.8, hours: 24, min_attempts: 20 };
        let hour = |number, attempts, failed_attempts| {
            (Hour(number), Counters { attempts, failed_attempts, ..Counters::default() })
        };
        let exceeded = |hours: &[_]| rule.is_exceeded(hours, None);
        assert!(!exceeded(&[hour(1, 19, 19)]));
        assert!(!exceeded(&[hour(1, 10, 8), hour(2, 10, 8)]));
        assert!(exceeded(&[hour(1, 10, 8), hour(2, 10, 9)]));
        let baseline = Baseline { hour: 2, attempts: 30, failed_attempts: 30 };
        assert!(!rule.is_exceeded(&[hour(2, 49, 49)], Some(baseline)));
        assert!(rule.is_exceeded(&[hour(2, 40, 40), hour(3, 10, 10)], Some(baseline)));
        let now = Timestamp::from_second(3600 * 100 + 5).unwrap();
        assert_eq!(rule.window(now, None), (Hour(77), Hour(100)));
        assert_eq!(rule.window(now, Some(Baseline { hour: 99, ..baseline })).0, Hour(99));
    }
}
