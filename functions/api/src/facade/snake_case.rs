//! `id`, `created_at`: the shape of FlexOrch, and of the pages that show none.

use std::collections::HashMap;

use posthorn_shared::delivery::Delivery;
use posthorn_shared::dialect::Dialect;
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::store::DeliveryFilter;
use posthorn_shared::stored_event::StoredEvent;
use serde_json::{Map, Value, json};

use super::fields::{self, Names};
use super::{Call, ListPage, LogPage, LogWanted, Presenter, Read, Resent, Shown, Wanted};
use crate::paging::{Narrowing, PageQuery};
use crate::problem::Refusal;
use crate::v1::deliveries::AttemptView;

pub struct SnakeCase;

const NAMES: Names = &[("events", "event_types")];

const FIELDS: [&str; 10] = [
    "url",
    "description",
    "events",
    "filter",
    "secret",
    "timeout_seconds",
    "retry",
    "headers",
    "rate_limit",
    "active",
];

impl Presenter for SnakeCase {
    fn read(&self, given: Map<String, Value>, current: Option<&Endpoint>, _: &Dialect) -> Read {
        let mut read = Read::default();
        for (name, value) in given {
            match name.as_str() {
                "events" => read.take("event_types", value),
                "secret" => read.secret(value, current),
                "auto_export" => {
                    read.problem(&name, "is not available yet: no dataset would be exported");
                }
                // What a client sends back of what it got.
                "id" | "created_at" | "updated_at" | "disabled_reason" | "dropped_headers"
                    if current.is_some() => {}
                known if FIELDS.contains(&known) => read.take(known, value),
                _ => read.unknown(&name, &FIELDS),
            }
        }
        read
    }

    fn pointer(&self, native: &str) -> String {
        fields::pointer(NAMES, native)
    }

    fn webhook(&self, endpoint: &Endpoint, shown: Shown) -> Value {
        let filter = endpoint.filter.as_deref().and_then(|text| serde_json::from_str(text).ok());
        fields::object([
            ("id", json!(endpoint.id)),
            ("url", fields::url(endpoint, shown)),
            ("description", json!(endpoint.description)),
            ("events", json!(endpoint.event_types)),
            ("filter", filter.unwrap_or(Value::Null)),
            ("secret", fields::secret(endpoint, shown)),
            ("token", fields::token(endpoint, shown)),
            ("timeout_seconds", json!(endpoint.timeout_seconds)),
            ("retry", json!(endpoint.retry)),
            ("headers", fields::headers(endpoint)),
            ("rate_limit", json!(endpoint.rate_limit)),
            ("active", json!(endpoint.is_active())),
            ("disabled_reason", fields::disabled_reason(endpoint)),
            ("created_at", json!(endpoint.created_at)),
            ("updated_at", json!(endpoint.updated_at)),
        ])
    }

    fn say_dropped(&self, webhook: &mut Value, headers: &[String]) {
        webhook["dropped_headers"] = json!(headers);
    }

    fn wanted(&self, query: &HashMap<String, String>) -> Result<Wanted, Refusal> {
        Ok(Wanted::After(page(query)))
    }

    fn list(&self, page: &ListPage, _: &str) -> Value {
        let next = page.next.as_deref().map(crate::paging::encode);
        json!({ "data": page.webhooks, "next_cursor": next })
    }

    fn log_wanted(&self, query: &HashMap<String, String>) -> Result<LogWanted, Refusal> {
        log_wanted(query, "event_type")
    }

    fn logs_events(&self) -> bool {
        true
    }

    fn log_entry(&self, delivery: &Delivery, event: Option<&StoredEvent>, call: &Call) -> Value {
        entry(delivery, event, call)
    }

    fn log(&self, page: &LogPage<'_>, _: &str) -> Value {
        json!({ "data": page.entries, "next_cursor": page.next })
    }

    fn event_to_resend(&self, body: Map<String, Value>) -> Result<Option<String>, Refusal> {
        fields::event_id(body, "event_id")
    }

    fn resent(&self, endpoint: &Endpoint, what: &Resent) -> Value {
        let id = json!(endpoint.id);
        match what {
            Resent::Event(event) => json!({ "id": id, "event_id": event }),
            Resent::Failed(task) => json!({ "id": id, "task_id": task }),
        }
    }
}

/// `?limit=` and `?cursor=`.
pub fn page(query: &HashMap<String, String>) -> PageQuery {
    PageQuery::new(query.get("limit").cloned(), query.get("cursor").cloned())
}

/// `?status=`, `?since=`, `?until=` and the event type's own name.
pub fn log_wanted(query: &HashMap<String, String>, event_type: &str) -> Result<LogWanted, Refusal> {
    let mut narrowing = Narrowing::default();
    let filter = DeliveryFilter {
        status: narrowing.status("/status", status(query.get("status"))),
        event_type: narrowing.event_type(&format!("/{event_type}"), query.get(event_type).cloned()),
        since: narrowing.time("/since", query.get("since").cloned()),
        until: narrowing.time("/until", query.get("until").cloned()),
    };
    narrowing.finish()?;
    Ok(LogWanted { filter, page: page(query) })
}

/// A status as the shapes show it, by our name.
pub fn status(shown: Option<&String>) -> Option<String> {
    shown.map(|shown| if shown == "success" { "delivered".to_owned() } else { shown.clone() })
}

/// One entry of a log: with every attempt's request and response, and what was sent.
fn entry(delivery: &Delivery, event: Option<&StoredEvent>, call: &Call) -> Value {
    let last = delivery.attempts.last();
    let error = last.and_then(|attempt| attempt.error.as_ref());
    let payload = event.map(|event| call.dialect.render(event));
    let payload = payload.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let attempts = delivery.attempts.iter().cloned();
    let attempts = attempts.map(|attempt| AttemptView::of(attempt, call.urls));
    json!({
        "event_id": delivery.public_event_id(),
        "event_type": delivery.event_type,
        "status": fields::status(delivery),
        "status_code": last.and_then(|attempt| attempt.status_code),
        "response_time_ms": last.map(|attempt| attempt.duration_ms),
        "error": error.map(|error| &error.detail),
        "attempt_count": delivery.last_attempt(),
        "next_attempt_at": delivery.next_attempt_at,
        "created_at": delivery.key.received_at(),
        "payload": payload,
        "attempts": attempts.collect::<Vec<_>>(),
    })
}
