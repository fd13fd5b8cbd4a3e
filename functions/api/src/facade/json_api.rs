//! JSON:API 1.1 (<https://jsonapi.org/format/>): the shape of Beltic.

use std::collections::HashMap;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use posthorn_shared::delivery::Delivery;
use posthorn_shared::dialect::Dialect;
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::problem::Problem;
use posthorn_shared::store::DeliveryFilter;
use posthorn_shared::stored_event::StoredEvent;
use serde_json::{Map, Value, json};

use super::fields::{self, Names};
use super::{
    Call, ListPage, LogPage, LogWanted, Presenter, Read, Resent, Shown, Wanted, snake_case,
};
use crate::paging::{Narrowing, PageQuery};
use crate::problem::Refusal;

pub struct JsonApi;

const MEDIA_TYPE: &str = "application/vnd.api+json";
const DEFAULT_SIZE: usize = 15;
const MAX_SIZE: usize = 100;

/// Where a webhook's fields are in a document.
const ATTRIBUTES: &str = "/data/attributes";

/// Where an endpoint's fields are in a document.
const NAMES: Names = &[
    ("data/attributes/subscribed_statuses", "event_types"),
    ("data/attributes/is_active", "active"),
    ("data/attributes/url", "url"),
    ("data/attributes/description", "description"),
    ("data/attributes/secret", "secret"),
    ("data/attributes/headers", "headers"),
    ("data/attributes/timeout_seconds", "timeout_seconds"),
    ("data/attributes/overlap_seconds", "overlap_seconds"),
];

const FIELDS: [&str; 7] = [
    "url",
    "description",
    "subscribed_statuses",
    "is_active",
    "secret",
    "headers",
    "timeout_seconds",
];

impl Presenter for JsonApi {
    fn content_type(&self) -> &'static str {
        MEDIA_TYPE
    }

    fn refusal(&self, refusal: Refusal) -> Response {
        let status = refusal.status();
        let of = |detail: String, source: Option<Value>| {
            fields::object([
                ("status", json!(status.as_str())),
                ("title", json!(status.canonical_reason())),
                ("detail", json!(detail)),
                ("source", json!(source)),
            ])
        };
        let errors: Vec<Value> = match &refusal {
            Refusal::Invalid(problems) => {
                let error = |problem: &Problem| {
                    let pointer = &problem.pointer;
                    // A query parameter has its name in brackets, where a field has none.
                    let source = match pointer.strip_prefix('/') {
                        Some(name) if name.contains('[') && !name.starts_with("data/") => {
                            json!({ "parameter": name })
                        }
                        _ => json!({ "pointer": pointer }),
                    };
                    of(problem.detail.clone(), Some(source))
                };
                problems.iter().map(error).collect()
            }
            other => vec![of(other.to_string(), None)],
        };
        let mut response = refusal.into_response();
        *response.body_mut() = Body::from(json!({ "errors": errors }).to_string());
        let media_type = HeaderValue::from_static(MEDIA_TYPE);
        response.headers_mut().insert(CONTENT_TYPE, media_type);
        response
    }

    fn fields(&self, mut body: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
        if body.is_empty() {
            return Ok(body);
        }
        let attributes =
            body.remove("data").and_then(|mut data| match data.get_mut("attributes") {
                Some(Value::Object(attributes)) => Some(std::mem::take(attributes)),
                _ => None,
            });
        attributes.ok_or_else(|| {
            let detail = r#"is a resource object: {"type": "webhook-config", "attributes": {…}}"#;
            Refusal::field("/data", detail)
        })
    }

    fn read(&self, given: Map<String, Value>, current: Option<&Endpoint>, _: &Dialect) -> Read {
        let mut read = Read::default();
        for (name, value) in given {
            match name.as_str() {
                "subscribed_statuses" => read.take("event_types", value),
                "is_active" => read.take("active", value),
                "secret" => read.secret(value, current),
                // What a client sends back of what it got.
                "created_at" | "updated_at" | "disabled_reason" | "dropped_headers"
                    if current.is_some() => {}
                known if FIELDS.contains(&known) => read.take(known, value),
                _ => read.unknown(&name, &FIELDS),
            }
        }
        for problem in &mut read.problems {
            *problem = problem.below(ATTRIBUTES);
        }
        read
    }

    fn pointer(&self, native: &str) -> String {
        let pointer = fields::pointer(NAMES, native);
        if pointer.starts_with(ATTRIBUTES) { pointer } else { format!("{ATTRIBUTES}{pointer}") }
    }

    fn webhook(&self, endpoint: &Endpoint, shown: Shown) -> Value {
        let attributes = fields::object([
            ("url", fields::url(endpoint, shown)),
            ("description", json!(endpoint.description)),
            ("subscribed_statuses", json!(endpoint.event_types)),
            ("is_active", json!(endpoint.is_active())),
            ("disabled_reason", fields::disabled_reason(endpoint)),
            ("headers", fields::headers(endpoint)),
            ("timeout_seconds", json!(endpoint.timeout_seconds)),
            ("secret", fields::secret(endpoint, shown)),
            ("token", fields::token(endpoint, shown)),
            ("created_at", json!(endpoint.created_at)),
            ("updated_at", json!(endpoint.updated_at)),
        ]);
        json!({ "type": "webhook-config", "id": endpoint.id, "attributes": attributes })
    }

    fn say_dropped(&self, webhook: &mut Value, headers: &[String]) {
        webhook["attributes"]["dropped_headers"] = json!(headers);
    }

    fn one(&self, webhook: Value) -> Value {
        json!({ "data": webhook })
    }

    fn wanted(&self, query: &HashMap<String, String>) -> Result<Wanted, Refusal> {
        let mut narrowing = Narrowing::default();
        let get = |name: &str| query.get(name).cloned();
        let active =
            narrowing.parsed("/filter[is_active]", get("filter[is_active]"), "true or false");
        let size = size(query, &mut narrowing);
        let expected = "a page's number, from 1";
        let number = narrowing.parsed("/page[number]", get("page[number]"), expected).unwrap_or(1);
        if number == 0 {
            narrowing.problem("/page[number]", "is a page's number, from 1");
        }
        narrowing.finish()?;
        Ok(Wanted::Numbered { active, number, size })
    }

    fn list(&self, page: &ListPage, path: &str) -> Value {
        let (number, size, total) = page.numbered.unwrap_or((1, DEFAULT_SIZE, page.webhooks.len()));
        let last = total.div_ceil(size).max(1);
        let link = |number: usize| json!(format!("{path}?page[number]={number}&page[size]={size}"));
        let links = json!({
            "self": link(number),
            "first": link(1),
            "prev": (number > 1).then(|| link(number - 1)),
            "next": (number < last).then(|| link(number + 1)),
            "last": link(last),
        });
        let meta =
            json!({ "page": { "number": number, "size": size, "total": total, "last": last } });
        json!({ "data": page.webhooks, "links": links, "meta": meta })
    }

    fn log_wanted(&self, query: &HashMap<String, String>) -> Result<LogWanted, Refusal> {
        let mut narrowing = Narrowing::default();
        let get = |name: &str| query.get(name);
        let status = snake_case::status(get("filter[status]"));
        let filter = DeliveryFilter {
            status: narrowing.status("/filter[status]", status),
            event_type: narrowing.event_type("/filter[event]", get("filter[event]").cloned()),
            since: narrowing.time("/filter[since]", get("filter[since]").cloned()),
            until: narrowing.time("/filter[until]", get("filter[until]").cloned()),
        };
        let size = size(query, &mut narrowing).to_string();
        narrowing.finish()?;
        Ok(LogWanted { filter, page: PageQuery::new(Some(size), get("page[after]").cloned()) })
    }

    fn log_entry(&self, delivery: &Delivery, _: Option<&StoredEvent>, _: &Call) -> Value {
        entry(delivery)
    }

    fn log(&self, page: &LogPage<'_>, path: &str) -> Value {
        let next = page.next.as_ref().map(|next| format!("{path}?page[after]={next}"));
        json!({ "data": page.entries, "links": { "self": path, "next": next } })
    }

    fn event_to_resend(&self, body: Map<String, Value>) -> Result<Option<String>, Refusal> {
        fields::event_id(self.fields(body)?, "event_id").map_err(|refusal| match refusal {
            Refusal::Invalid(mut problems) => {
                for problem in &mut problems {
                    *problem = problem.below(ATTRIBUTES);
                }
                Refusal::Invalid(problems)
            }
            other => other,
        })
    }

    fn resent(&self, endpoint: &Endpoint, what: &Resent) -> Value {
        let (id, attributes) = match what {
            Resent::Event(event) => (event.clone(), json!({ "event_id": event })),
            Resent::Failed(task) => (task.to_string(), json!({ "task_id": task })),
        };
        let config = json!({ "data": { "type": "webhook-config", "id": endpoint.id } });
        let relationships = json!({ "webhook-config": config });
        let resource = json!({
            "type": "webhook-resend", "id": id,
            "attributes": attributes, "relationships": relationships,
        });
        json!({ "data": resource })
    }
}

fn size(query: &HashMap<String, String>, narrowing: &mut Narrowing) -> usize {
    let expected = "a number from 1 to 100";
    let size = narrowing.parsed("/page[size]", query.get("page[size]").cloned(), expected);
    let size = size.unwrap_or(DEFAULT_SIZE);
    if !(1..=MAX_SIZE).contains(&size) {
        narrowing.problem("/page[size]", "is a number from 1 to 100");
    }
    size
}

fn entry(delivery: &Delivery) -> Value {
    let last = delivery.attempts.last();
    let error = last.and_then(|attempt| attempt.error.as_ref());
    let attributes = json!({
        "event": delivery.event_type,
        "status": fields::status(delivery),
        "http_status": last.and_then(|attempt| attempt.status_code),
        "response_time_ms": last.map(|attempt| attempt.duration_ms),
        "last_error": error.map(|error| &error.detail),
        "attempts": delivery.last_attempt(),
        "next_attempt_at": delivery.next_attempt_at,
        "created_at": delivery.key.received_at(),
    });
    json!({ "type": "webhook-delivery", "id": delivery.public_event_id(), "attributes": attributes })
}
