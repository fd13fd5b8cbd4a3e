//! What a trace says of an attempt.

use jiff::SignedDuration;
use posthorn_shared::delivery::Attempt;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::traces::{Span, Step};
use url::Url;

/// The attempt as a span. Of the URL it has the host alone: path and query may hold what is the
/// customer's.
pub fn of_attempt(message: &DeliveryMessage, attempt: &Attempt) -> Span {
    let took = SignedDuration::from_millis(i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX));
    let ended = attempt.started_at.checked_add(took).unwrap_or(attempt.started_at);
    let host = Url::parse(&attempt.request.url).ok();
    let host = host.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let mut span = Span::new(Step::Attempt, attempt.started_at, ended)
        .with("posthorn.account", message.account.to_string())
        .with("posthorn.endpoint", message.endpoint.to_string())
        .with("posthorn.attempt", i64::from(attempt.number))
        .with("posthorn.trigger", attempt.trigger.as_str())
        .with("http.request.method", "POST")
        .with("server.address", host);
    if let Some(status) = attempt.status_code {
        span = span.with("http.response.status_code", i64::from(status));
    }
    let error = attempt.error.as_ref();
    if let Some(error) = error {
        span = span.with("error.type", error.kind.as_str());
    }
    span.failed(error.map(|error| error.detail.clone()))
}
