//! What a receiver's answer means for the delivery.

/// What follows from one attempt's status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx: done.
    Delivered,
    /// Anything else, or no answer: the retry policy decides when again.
    Retry,
    /// 410: the receiver wants no more. The delivery fails and the endpoint is switched off.
    Gone,
}

/// Judges the status code of an answer; `None` when there was none.
///
/// Redirects are not followed, so a 3xx is a failure like any other
/// (Standard Webhooks 1.0, "Expected response").
pub fn judge(status: Option<u16>) -> Verdict {
    match status {
        Some(200..=299) => Verdict::Delivered,
        Some(410) => Verdict::Gone,
        _ => Verdict::Retry,
    }
}
