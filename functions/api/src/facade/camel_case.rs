//! `webhookId`, `createdAt`: the shape of Filedgr.

use std::collections::HashMap;

use posthorn_shared::delivery::Delivery;
use posthorn_shared::dialect::Dialect;
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::problem::{Problem, child, note};
use posthorn_shared::retry_policy::{MAX_ATTEMPTS, MAX_DELAY, RetryPolicy};
use posthorn_shared::stored_event::StoredEvent;
use serde_json::{Map, Value, json};

use super::fields::{self, Names};
use super::snake_case;
use super::{Call, ListPage, LogPage, LogWanted, Presenter, Read, Resent, Shown, Wanted};
use crate::problem::Refusal;

pub struct CamelCase;

const NAMES: Names = &[
    ("events", "event_types"),
    ("filters", "filter"),
    ("timeout", "timeout_seconds"),
    ("retryCount", "retry"),
    ("rateLimit/perSecond", "rate_limit/per_second"),
    ("rateLimit/perHour", "rate_limit/per_hour"),
    ("rateLimit", "rate_limit"),
    ("overlapSeconds", "overlap_seconds"),
];

const FIELDS: [&str; 11] = [
    "url",
    "description",
    "events",
    "filters",
    "secret",
    "timeout",
    "retryCount",
    "retryDelay",
    "headers",
    "rateLimit",
    "active",
];

/// The filters, and the fields of an event's data that they look at: one of them has to have one of
/// the values. The pages' events name whoever did something by what was done.
const FILTERS: [(&str, &[&str]); 3] = [
    ("vaultIds", &["vaultId"]),
    ("templateIds", &["templateId"]),
    ("userIds", &["userId", "owner", "uploadedBy", "changedBy"]),
];

impl Presenter for CamelCase {
    fn read(
        &self,
        given: Map<String, Value>,
        current: Option<&Endpoint>,
        dialect: &Dialect,
    ) -> Read {
        let mut read = Read::default();
        let (mut count, mut delay) = (None, None);
        for (name, value) in given {
            match name.as_str() {
                "url" | "description" | "headers" | "active" => read.take(&name, value),
                "events" => read.take("event_types", value),
                "timeout" => read.take("timeout_seconds", value),
                "rateLimit" => rate_limit(&mut read, value),
                "retryCount" => count = Some(value),
                "retryDelay" => delay = Some(value),
                "filters" => filters(&mut read, value),
                "secret" => read.secret(value, current),
                // What a client sends back of what it got.
                "webhookId" | "createdAt" | "updatedAt" | "disabledReason" | "droppedHeaders"
                    if current.is_some() => {}
                _ => read.unknown(&name, &FIELDS),
            }
        }
        retry(&mut read, count, delay, current, dialect);
        read
    }

    fn pointer(&self, native: &str) -> String {
        fields::pointer(NAMES, native)
    }

    fn webhook(&self, endpoint: &Endpoint, shown: Shown) -> Value {
        let (count, delay) = match &endpoint.retry {
            Some(RetryPolicy::Exponential { count, delay_seconds }) => {
                (json!(count), json!(delay_seconds))
            }
            _ => (Value::Null, Value::Null),
        };
        let rate_limit = endpoint.rate_limit.map(|limit| {
            fields::object([
                ("perSecond", json!(limit.per_second)),
                ("perHour", json!(limit.per_hour)),
            ])
        });
        fields::object([
            ("webhookId", json!(endpoint.id)),
            ("url", fields::url(endpoint, shown)),
            ("description", json!(endpoint.description)),
            ("events", json!(endpoint.event_types)),
            ("filters", endpoint.filter.as_deref().and_then(filters_of).into()),
            ("secret", fields::secret(endpoint, shown)),
            ("token", fields::token(endpoint, shown)),
            ("timeout", json!(endpoint.timeout_seconds)),
            ("retryCount", count),
            ("retryDelay", delay),
            ("headers", fields::headers(endpoint)),
            ("rateLimit", rate_limit.into()),
            ("active", json!(endpoint.is_active())),
            ("disabledReason", fields::disabled_reason(endpoint)),
            ("createdAt", json!(endpoint.created_at)),
            ("updatedAt", json!(updated_at(endpoint))),
        ])
    }

    fn say_dropped(&self, webhook: &mut Value, headers: &[String]) {
        webhook["droppedHeaders"] = json!(headers);
    }

    fn wanted(&self, query: &HashMap<String, String>) -> Result<Wanted, Refusal> {
        Ok(Wanted::After(snake_case::page(query)))
    }

    fn list(&self, page: &ListPage, _: &str) -> Value {
        fields::object([("webhooks", json!(page.webhooks)), ("nextCursor", next(&page.next))])
    }

    fn log_wanted(&self, query: &HashMap<String, String>) -> Result<LogWanted, Refusal> {
        snake_case::log_wanted(query, "eventType")
    }

    fn log_entry(&self, delivery: &Delivery, _: Option<&StoredEvent>, _: &Call) -> Value {
        entry(delivery)
    }

    fn log(&self, page: &LogPage<'_>, _: &str) -> Value {
        let (id, logs, next) = (&page.endpoint.id, &page.entries, &page.next);
        let (id, logs, next) = (json!(id), json!(logs), json!(next));
        fields::object([("webhookId", id), ("logs", logs), ("nextCursor", next)])
    }

    fn event_to_resend(&self, body: Map<String, Value>) -> Result<Option<String>, Refusal> {
        fields::event_id(body, "eventId")
    }

    fn resent(&self, endpoint: &Endpoint, what: &Resent) -> Value {
        let id = json!(endpoint.id);
        match what {
            Resent::Event(event) => json!({ "webhookId": id, "eventId": event }),
            Resent::Failed(task) => json!({ "webhookId": id, "taskId": task }),
        }
    }
}

fn next(cursor: &Option<String>) -> Value {
    json!(cursor.as_deref().map(crate::paging::encode))
}

/// The answer to a creation has no need of it.
fn updated_at(endpoint: &Endpoint) -> Option<jiff::Timestamp> {
    (endpoint.updated_at != endpoint.created_at).then_some(endpoint.updated_at)
}

/// One entry of a log, with `lastError` while there is one.
fn entry(delivery: &Delivery) -> Value {
    let last = delivery.attempts.last();
    let error = last.and_then(|attempt| attempt.error.as_ref());
    fields::object([
        ("eventId", json!(delivery.public_event_id())),
        ("eventType", json!(delivery.event_type)),
        ("deliveryStatus", fields::status(delivery)),
        ("httpStatus", json!(last.and_then(|attempt| attempt.status_code))),
        ("responseTime", json!(last.map(|attempt| attempt.duration_ms))),
        ("timestamp", json!(last.map_or(delivery.key.received_at(), |a| a.started_at))),
        ("attempts", json!(delivery.last_attempt())),
        ("lastError", json!(error.map(|error| &error.detail))),
        ("nextAttemptAt", json!(delivery.next_attempt_at)),
    ])
}

/// Count and delay are one policy. What is not said of it is as it was, or as the dialect has it.
fn retry(
    read: &mut Read,
    count: Option<Value>,
    delay: Option<Value>,
    current: Option<&Endpoint>,
    dialect: &Dialect,
) {
    let said = |value: &Option<Value>| value.as_ref().is_some_and(|value| !value.is_null());
    if !said(&count) && !said(&delay) {
        if count.is_some() || delay.is_some() {
            read.take("retry", Value::Null);
        }
        return;
    }
    let before = current.and_then(|endpoint| endpoint.retry.as_ref()).unwrap_or(&dialect.retry);
    let (former_count, former_delay) = match before {
        RetryPolicy::Exponential { count, delay_seconds } => (*count as u64, *delay_seconds),
        RetryPolicy::Schedule { schedule } => {
            (schedule.len() as u64, before.delay_after(1).map_or(5, |delay| delay.as_secs()))
        }
    };
    let mut number = |name: &str, value: Option<Value>, former: u64, range: (u64, u64)| {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return former;
        };
        let (min, max) = range;
        let number = value.as_u64().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            read.problem(name, format!("is a whole number from {min} to {max}"));
        }
        number.unwrap_or(former)
    };
    let count = number("retryCount", count, former_count, (0, MAX_ATTEMPTS as u64 - 1));
    let delay = number("retryDelay", delay, former_delay, (1, MAX_DELAY.as_secs()));
    read.take("retry", json!({ "count": count, "delay_seconds": delay }));
}

fn rate_limit(read: &mut Read, value: Value) {
    let Value::Object(limit) = value else {
        read.take("rate_limit", value);
        return;
    };
    let mut native = Map::new();
    for (name, value) in limit {
        match name.as_str() {
            "perSecond" => drop(native.insert("per_second".to_owned(), value)),
            "perHour" => drop(native.insert("per_hour".to_owned(), value)),
            _ => read.problem("rateLimit", "has perSecond, perHour or both"),
        }
    }
    read.take("rate_limit", Value::Object(native));
}

/// Writes filters as a content filter. An event without the field does not match.
fn filters(read: &mut Read, value: Value) {
    let known = || FILTERS.map(|(name, _)| name).join(", ");
    let filters = match value {
        Value::Null => return read.take("filter", Value::Null),
        Value::Object(filters) => filters,
        _ => return read.problem("filters", format!("is an object with {}", known())),
    };
    let (mut data, mut alternatives) = (Map::new(), Vec::new());
    for (name, values) in filters {
        let Some((_, members)) = FILTERS.iter().find(|(filter, _)| *filter == name) else {
            note(&mut read.problems, || {
                let detail = format!("is unknown; there are {}", known());
                Problem::new(child("/filters", &name), detail)
            });
            continue;
        };
        let texts = values.as_array().is_some_and(|values| values.iter().all(Value::is_string));
        if !texts {
            read.problem_at(child("/filters", &name), "is a list of ids");
            continue;
        }
        // No ids: nothing is narrowed.
        if values == json!([]) {
            continue;
        }
        match members {
            [member] => drop(data.insert((*member).to_owned(), values)),
            _ => alternatives.extend(members.iter().map(|member| json!({ *member: values }))),
        }
    }
    if !alternatives.is_empty() {
        data.insert("$or".to_owned(), Value::Array(alternatives));
    }
    let filter = if data.is_empty() { Value::Null } else { json!({ "data": data }) };
    read.take("filter", filter);
}

/// The filters that a content filter was written from; `None` for one that says something else.
fn filters_of(filter: &str) -> Option<Value> {
    let filter: Value = serde_json::from_str(filter).ok()?;
    let data = filter.get("data")?.as_object()?;
    let mut filters = Map::new();
    for (name, members) in FILTERS {
        let values = match members {
            [member] => data.get(*member),
            _ => data.get("$or").and_then(|all| all.get(0)?.get(members[0])),
        };
        if let Some(values) = values {
            filters.insert(name.to_owned(), values.clone());
        }
    }
    // Written anew, they have to come to the same.
    let mut again = Read::default();
    self::filters(&mut again, Value::Object(filters.clone()));
    (again.fields.get("filter") == Some(&filter)).then_some(Value::Object(filters))
}
