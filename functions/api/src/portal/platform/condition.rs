//! How an account, or an endpoint, is doing: a word for its numbers.

use maud::{Markup, html};
use posthorn_shared::stats::Counters;

/// Of the deliveries that came to an end, the share that has to have arrived.
const WELL: f64 = 0.95;

/// What [`Condition`] goes by, for people.
pub const MEANING: &str = "Failing: more than half of the attempts failed, or fewer than 95 of 100 \
                           deliveries that came to an end arrived. Idle: nothing was sent.";

/// How it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Healthy,
    Failing,
    Idle,
}

impl Condition {
    /// Judges what became of deliveries. One that is being retried has not come to an end, for more
    /// than a day maybe: so attempts count as well.
    pub fn of(total: &Counters) -> Self {
        let arrived = total.success_rate();
        if total.attempts == 0 && arrived.is_none() {
            return Self::Idle;
        }
        let attempts_fail = total.failed_attempts.saturating_mul(2) > total.attempts;
        if attempts_fail || arrived.is_some_and(|share| share < WELL) {
            return Self::Failing;
        }
        Self::Healthy
    }

    pub fn badge(self) -> Markup {
        match self {
            Self::Healthy => html! { span.badge.good { "Healthy" } },
            Self::Failing => html! { span.badge.bad { "Failing" } },
            Self::Idle => html! { span.badge { "Idle" } },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(attempts: u64, failed_attempts: u64, delivered: u64, failed: u64) -> Condition {
        let numbers =
            Counters { attempts, failed_attempts, delivered, failed, ..Counters::default() };
        Condition::of(&numbers)
    }

    #[test]
    fn a_word_for_its_numbers() {
        assert_eq!(of(0, 0, 0, 0), Condition::Idle);
        assert_eq!(of(100, 5, 95, 5), Condition::Healthy);
        assert_eq!(of(100, 6, 94, 6), Condition::Failing);
        // A receiver that is down for an hour: nothing is given up yet.
        assert_eq!(of(9, 9, 0, 0), Condition::Failing);
        // One hiccup, delivered when tried again.
        assert_eq!(of(2, 1, 1, 0), Condition::Healthy);
    }
}
