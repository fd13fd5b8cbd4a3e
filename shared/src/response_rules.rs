//! What a receiver's answer means for the delivery.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// What a dialect says of answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseRules {
    /// After these no attempt is made any more.
    pub give_up: Vec<StatusRange>,
}

/// A status, or a hundred of them: `404`, `4xx`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRange(RangeInclusive<u16>);

/// What follows from one attempt's status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx: done.
    Delivered,
    /// Anything else, or no answer: the retry policy decides when again.
    Retry,
    /// The dialect gives up at this answer: the delivery fails.
    GiveUp,
    /// 410: the receiver wants no more. The delivery fails and the endpoint is switched off.
    Gone,
}

/// What an answer asks for beside its status, by the header `webhook-delivery`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// `abort-message`: no further attempt of this delivery.
    AbortMessage,
    /// `disable`: no further deliveries at all.
    Disable,
}

impl Asked {
    /// The header it is asked by.
    pub const HEADER: &str = "webhook-delivery";

    /// Reads the header's value; others mean nothing.
    pub fn read(value: &str) -> Option<Self> {
        match value.trim().to_ascii_lowercase().as_str() {
            "abort-message" => Some(Self::AbortMessage),
            "disable" => Some(Self::Disable),
            _ => None,
        }
    }
}

impl Verdict {
    /// Whatever is asked, what was not delivered is given up then.
    #[must_use]
    pub fn or_asked(self, asked: Option<Asked>) -> Self {
        if self == Self::Retry && asked.is_some() { Self::GiveUp } else { self }
    }
}

/// Whether a status code says that the delivery arrived.
pub fn is_success(status: Option<u16>) -> bool {
    matches!(status, Some(200..=299))
}

impl ResponseRules {
    /// Judges the status code of an answer; `None` when there was none.
    ///
    /// Redirects are not followed, so a 3xx is a failure like any other
    /// (Standard Webhooks 1.0, "Expected response").
    pub fn judge(&self, status: Option<u16>) -> Verdict {
        match status {
            status if is_success(status) => Verdict::Delivered,
            Some(410) => Verdict::Gone,
            Some(status) if self.give_up.iter().any(|range| range.0.contains(&status)) => {
                Verdict::GiveUp
            }
            _ => Verdict::Retry,
        }
    }
}

impl std::fmt::Display for StatusRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, last) = (self.0.start(), self.0.end());
        if first == last { write!(f, "{first}") } else { write!(f, "{}xx", first / 100) }
    }
}

impl FromStr for StatusRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "is a status of failure like 404, or a hundred of them: 3xx, 4xx, 5xx";
        let range = match text.strip_suffix("xx") {
            Some(hundred) => hundred.parse::<u16>().ok().map(|n| n * 100..=n * 100 + 99),
            None => text.parse::<u16>().ok().map(|status| status..=status),
        };
        range.filter(|range| (300..=599).contains(range.start())).map(Self).ok_or(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_may_give_up() {
        let give_up = ["4xx".parse().unwrap(), "501".parse().unwrap()].to_vec();
        let rules = ResponseRules { give_up };
        for (status, verdict) in [
            (Some(204), Verdict::Delivered),
            (Some(404), Verdict::GiveUp),
            (Some(410), Verdict::Gone),
            (Some(500), Verdict::Retry),
            (Some(501), Verdict::GiveUp),
            (Some(302), Verdict::Retry),
            (None, Verdict::Retry),
        ] {
            assert_eq!(rules.judge(status), verdict, "{status:?}");
        }
        for wrong in ["2xx", "200", "9xx", "xx", "", "70000", "-4xx"] {
            assert!(wrong.parse::<StatusRange>().is_err(), "{wrong}");
        }
    }
}
