//! One attempt: payload, signature, request, answer, record.

use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use posthorn_shared::clock::Clock;
use posthorn_shared::delivery::{Attempt, AttemptError, ErrorKind, SentRequest};
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::dialect::{Signable, USER_AGENT};
use posthorn_shared::header_rules::{REDACTED, is_hidden, is_reserved, is_sensitive};
use posthorn_shared::response_rules::{self, Asked};
use posthorn_shared::retry_policy;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::stored_event::StoredEvent;

use crate::connector::{self, Roads};
use crate::exchange::{Answer, Exchange};
use crate::kept_response;
use crate::target::Target;

/// An attempt that was made.
pub struct Made {
    pub attempt: Attempt,
    /// What the receiver asked by `Retry-After`.
    pub retry_after: Option<Duration>,
    /// What it asked by `webhook-delivery`.
    pub asked: Option<Asked>,
}

/// Makes attempts, over connections that are kept open between invocations.
pub struct Attempts {
    exchange: Exchange,
    clock: Clock,
}

impl Attempts {
    pub fn new(runtime: &Runtime) -> Self {
        let roads = Roads {
            networks: runtime.settings.allowed_networks.clone(),
            ports: runtime.settings.allowed_ports.clone(),
            own: runtime.settings.own_addresses.clone(),
            resolve: connector::system_resolver(),
        };
        Self { exchange: Exchange::new(roads), clock: runtime.clock.clone() }
    }

    /// Makes one attempt; `None` when the payload is not at hand because the event has expired.
    pub async fn make(
        &self,
        message: &DeliveryMessage,
        target: &Target,
        event: Option<&StoredEvent>,
    ) -> Option<Made> {
        let body = match &message.payload {
            Some(payload) => Bytes::copy_from_slice(payload.get().as_bytes()),
            None => Bytes::from(target.dialect.render(event?)),
        };
        let started_at = self.clock.now();
        let headers = Headers::of(message, target, started_at, &body);
        let timeout = target.endpoint.timeout(&target.dialect);

        let clock = Instant::now();
        let url = &target.endpoint.url;
        let outcome = self.exchange.post(url, &headers.sent, body, timeout).await;
        let duration_ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);

        let request = SentRequest { url: url.clone(), headers: headers.recorded };
        Some(self.record(message, started_at, duration_ms, request, outcome))
    }

    fn record(
        &self,
        message: &DeliveryMessage,
        started_at: Timestamp,
        duration_ms: u64,
        request: SentRequest,
        outcome: Result<Answer, AttemptError>,
    ) -> Made {
        let (answer, error) = match outcome {
            Ok(answer) => (Some(answer), None),
            Err(error) => (None, Some(error)),
        };
        let status_code = answer.as_ref().map(|answer| answer.status.as_u16());
        let delivered = response_rules::is_success(status_code);
        let retry_after = answer.as_ref().and_then(|answer| {
            let value = answer.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
            retry_policy::retry_after(value, self.clock.now())
        });
        let asked = answer
            .as_ref()
            .and_then(|answer| Asked::read(answer.headers.get(Asked::HEADER)?.to_str().ok()?));
        let refused = |answer: &Answer| (!delivered).then(|| status_error(answer));
        Made {
            attempt: Attempt {
                number: message.attempt,
                trigger: message.trigger,
                started_at,
                duration_ms,
                status_code,
                error: error.or_else(|| answer.as_ref().and_then(refused)),
                request,
                response: answer.map(|answer| kept_response::keep(&answer, delivered)),
            },
            retry_after,
            asked,
        }
    }
}

/// The request's headers, the endpoint's own last, so that the order is the same every time.
struct Headers {
    sent: Vec<(String, String)>,
    /// The same as they are put on record: without what is secret.
    recorded: Vec<(String, String)>,
}

impl Headers {
    fn of(message: &DeliveryMessage, target: &Target, started_at: Timestamp, body: &[u8]) -> Self {
        let token = target.endpoint.token.as_deref();
        let signable = Signable {
            event_id: message.public_event_id(),
            event_type: message.event_type.as_str(),
            token,
            unix: started_at.as_second(),
            body,
        };
        let fixed = [
            ("content-type", "application/json".to_owned()),
            ("user-agent", USER_AGENT.to_owned()),
        ];
        let signed = target.dialect.headers(target.endpoint.secrets(started_at), signable);
        let mut headers = Self { sent: Vec::new(), recorded: Vec::new() };
        for (name, value) in fixed.into_iter().chain(signed) {
            // A dialect may have the token in a header of any name.
            let has_token = token.is_some_and(|token| value.contains(token));
            headers.push(name.to_owned(), value, has_token || is_sensitive(name));
        }
        for (name, value) in target.endpoint.headers.iter().filter(|(name, _)| !is_reserved(name)) {
            headers.push(name.clone(), value.clone(), is_hidden(name));
        }
        headers
    }

    fn push(&mut self, name: String, value: String, hidden: bool) {
        let shown = if hidden { REDACTED.to_owned() } else { value.clone() };
        self.recorded.push((name.clone(), shown));
        self.sent.push((name, value));
    }
}

fn status_error(answer: &Answer) -> AttemptError {
    let status = answer.status;
    let detail = match status.as_u16() {
        300..=399 => format!("answered {status}; redirects are not followed, register the new URL"),
        410 => format!("answered {status}; the endpoint was switched off"),
        _ => format!("answered {status}"),
    };
    AttemptError { kind: ErrorKind::Status, detail }
}
