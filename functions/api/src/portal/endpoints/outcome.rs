//! What became of a delivery and of an attempt, in plain words.

use http::StatusCode;
use maud::{Markup, html};
use posthorn_shared::delivery::{Attempt, Delivery, ErrorKind, Status, Trigger};

/// A delivery's status in a word.
pub fn badge(delivery: &Delivery) -> Markup {
    match delivery.status {
        Status::Delivered => html! { span.badge.good { "Delivered" } },
        Status::Failed => html! { span.badge.bad { "Failed" } },
        Status::Retrying => html! { span.badge.warn { "Being retried" } },
        Status::Pending => html! { span.badge { "On its way" } },
        Status::Cancelled => html! { span.badge.off { "Cancelled" } },
    }
}

/// The last answer, or why there was none.
pub fn last(delivery: &Delivery) -> Markup {
    match delivery.attempts.last() {
        None => html! { span.soft { "None yet" } },
        Some(attempt) => html! { (in_short(attempt)) },
    }
}

/// `200 OK`, or what kept an answer away.
pub fn in_short(attempt: &Attempt) -> String {
    if let Some(code) = attempt.status_code {
        let reason = StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason());
        return match reason {
            Some(reason) => format!("{code} {reason}"),
            None => code.to_string(),
        };
    }
    match attempt.error.as_ref().map(|error| error.kind) {
        Some(ErrorKind::Timeout) => "No answer in time",
        Some(ErrorKind::Dns) => "Name not found",
        Some(ErrorKind::Connect) => "No connection",
        Some(ErrorKind::Tls) => "No secure connection",
        Some(ErrorKind::Blocked) => "Address not allowed",
        Some(ErrorKind::Protocol) => "Answer not understood",
        Some(ErrorKind::Filter) => "Filters too expensive",
        Some(ErrorKind::Status) | None => "No answer",
    }
    .to_owned()
}

/// What that means for whoever runs the receiver; nothing where all is well.
pub fn advice(attempt: &Attempt) -> Option<&'static str> {
    let error = attempt.error.as_ref()?;
    Some(match (error.kind, attempt.status_code) {
        (ErrorKind::Timeout, _) => {
            "The receiver took longer than its time-out. Answer first, with 200, and do the work after that."
        }
        (ErrorKind::Dns, _) => {
            "The host name did not resolve to an address. Is it spelt right, and is it in public DNS?"
        }
        (ErrorKind::Connect, _) => {
            "Nobody answered at that address, or the connection broke off. Is the receiver running, and does its firewall let requests in?"
        }
        (ErrorKind::Tls, _) => {
            "The secure connection was not made. Is the certificate valid, complete, and for this host name?"
        }
        (ErrorKind::Blocked, _) => "The address is not a public one, and nothing is sent there.",
        (ErrorKind::Filter, _) => {
            "Nothing was sent: the filters take too many steps for this event, and it is not known whether this one matches. Fewer wildcards cost less."
        }
        (ErrorKind::Protocol, _) => "What came back is no HTTP. Is this the right port?",
        (ErrorKind::Status, Some(300..=399)) => {
            "The receiver answered with a redirect, which is not followed. Change the URL to where it leads."
        }
        (ErrorKind::Status, Some(401 | 403)) => {
            "The receiver refused the request. Does it want a header, or is the signature checked with the right secret?"
        }
        (ErrorKind::Status, Some(404 | 405)) => {
            "The receiver runs, but takes no POST at this path. Is the URL complete?"
        }
        (ErrorKind::Status, Some(410)) => {
            "The receiver says that nothing is to be sent there any more."
        }
        (ErrorKind::Status, Some(429)) => {
            "The receiver has too much to do. A rate limit in the settings keeps deliveries apart."
        }
        (ErrorKind::Status, Some(500..=599)) => {
            "The receiver failed with an error of its own. Its logs tell more than its answer."
        }
        (ErrorKind::Status, _) => "The answer was no success: 2xx is.",
    })
}

/// Why an attempt was made.
pub fn why(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Automatic => "by itself",
        Trigger::Replay => "sent again by hand",
        Trigger::Test => "a test",
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use posthorn_shared::delivery::{AttemptError, SentRequest};

    use super::*;

    fn attempt(status_code: Option<u16>, kind: Option<ErrorKind>) -> Attempt {
        Attempt {
            number: 1,
            trigger: Trigger::Automatic,
            started_at: Timestamp::UNIX_EPOCH,
            duration_ms: 1,
            status_code,
            error: kind.map(|kind| AttemptError { kind, detail: String::new() }),
            request: SentRequest { url: String::new(), headers: Vec::new() },
            response: None,
        }
    }

    #[test]
    fn an_answer_reads_as_http_has_it() {
        assert_eq!(in_short(&attempt(Some(200), None)), "200 OK");
        assert_eq!(in_short(&attempt(Some(599), Some(ErrorKind::Status))), "599");
        assert_eq!(in_short(&attempt(None, Some(ErrorKind::Dns))), "Name not found");
    }

    #[test]
    fn a_failure_says_what_to_do_and_a_success_nothing() {
        assert_eq!(advice(&attempt(Some(204), None)), None);
        let redirect = advice(&attempt(Some(301), Some(ErrorKind::Status))).unwrap();
        assert!(redirect.contains("redirect"));
        let undecided = advice(&attempt(None, Some(ErrorKind::Filter))).unwrap();
        assert!(undecided.contains("Nothing was sent"));
    }
}
