//! What deliveries are answered, which can be changed while it runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;
/// Twenty times as long as any attempt waits.
pub const MAX_DELAY: Duration = Duration::from_secs(600);
/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// 200–599.
    pub status: u16,
    /// Milliseconds before the answer, at most ten minutes.
    pub delay_ms: u64,
    /// The share of deliveries, 0–1, that are answered `fail_status` instead.
    pub fail_rate: f64,
    /// 200–599.
    pub fail_status: u16,
    /// Whether deliveries that don't verify are answered like the others, and not 401.
    pub accept_all: bool,
}

/// One answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Answer {
    pub status: u16,
    pub delay_ms: u64,
    pub why: Why,
}

/// Why it is this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    AsSet,
    /// Drawn by lot.
    AtRandom,
    NotVerified,
}

impl Answers {
    /// What is wrong with it: a field and what would be right.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        for (field, status) in [("status", self.status), ("fail_status", self.fail_status)] {
            if !STATUSES.contains(&status) {
                problems.push((field, format!("must be from 200 to 599, not {status}")));
            }
        }
        let delay = Duration::from_millis(self.delay_ms);
        if delay > MAX_DELAY {
            problems.push(("delay_ms", format!("must be at most 10 minutes, not {delay:?}")));
        }
        if !(0.0..=1.0).contains(&self.fail_rate) {
            problems.push(("fail_rate", format!("must be from 0 to 1, not {}", self.fail_rate)));
        }
        problems
    }

    /// The answer to a delivery. `refused`: what receivers ought to answer it, since it does not
    /// verify; `unit`: a random number in `0.0..1.0`.
    pub fn choose(&self, refused: Option<u16>, unit: f64) -> Answer {
        let refused = refused.filter(|_| !self.accept_all);
        let (status, why) = if let Some(status) = refused {
            (status, Why::NotVerified)
        } else if unit < self.fail_rate {
            (self.fail_status, Why::AtRandom)
        } else {
            (self.status, Why::AsSet)
        };
        Answer { status, delay_ms: self.delay_ms, why }
    }
}

impl Answer {
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERS: Answers =
        Answers { status: 204, delay_ms: 250, fail_rate: 0.3, fail_status: 503, accept_all: false };

    #[test]
    fn chance_and_trust_choose_the_answer() {
        let chosen = |answers: Answers, refused, unit| {
            let answer = answers.choose(refused, unit);
            (answer.status, answer.why)
        };
        assert_eq!(chosen(ANSWERS, None, 0.29), (503, Why::AtRandom));
        assert_eq!(chosen(ANSWERS, None, 0.3), (204, Why::AsSet));
        assert_eq!(chosen(ANSWERS, Some(401), 0.0), (401, Why::NotVerified));
        let lenient = Answers { accept_all: true, fail_rate: 0.0, ..ANSWERS };
        assert_eq!(chosen(lenient, Some(401), 0.0), (204, Why::AsSet));
        assert_eq!(
            chosen(Answers { fail_rate: 1.0, ..ANSWERS }, None, 0.999),
            (503, Why::AtRandom)
        );
    }

    #[test]
    fn what_no_answer_can_be_is_named() {
        assert_eq!(ANSWERS.problems(), []);
        let bad = Answers {
            status: 199,
            fail_status: 600,
            delay_ms: 600_001,
            fail_rate: f64::NAN,
            accept_all: false,
        };
        let fields: Vec<&str> = bad.problems().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["status", "fail_status", "delay_ms", "fail_rate"]);
    }
}
