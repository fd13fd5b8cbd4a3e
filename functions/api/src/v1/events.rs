//! `/v1/events`

use axum::Json;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use jiff::Timestamp;
use posthorn_shared::api_key::Scope;
use posthorn_shared::event::{self, IncomingEvent};
use posthorn_shared::ids::{EventKey, EventTypeName};
use posthorn_shared::store::EventFilter;
use posthorn_shared::stored_event::StoredEvent;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::auth::Caller;
use crate::body::RequestBody;
use crate::operations::events::{self, receipt};
use crate::paging::{List, Narrowing, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;

const MAX_EVENTS: usize = 100;

/// `{"events": […]}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// `POST /v1/events`: one event or up to 100 → 202 with `id` or `ids`. What is answered with 202 is
/// durable.
pub async fn create(
    caller: Caller,
    State(state): State<ApiState>,
    body: RequestBody,
) -> Result<(StatusCode, Json<serde_json::Value>), Refusal> {
    let account = caller.account(Scope::Publish)?;
    let text = std::str::from_utf8(&body)
        .map_err(|e| Refusal::Malformed(format!("the body is not UTF-8: {e}")))?;
    let many = is_many(text)?;
    let events = if many { read_many(text)? } else { vec![(String::new(), read_one(text)?)] };
    let accepted = events::accept(&state, account, events).await?;
    let (ids, mut messages): (Vec<_>, Vec<_>) =
        accepted.into_iter().map(|event| (event.id, event.message)).unzip();
    if many {
        state.ingest.send_all(messages).await?;
    } else if let Some(message) = messages.pop() {
        state.ingest.send(message).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(receipt(ids, many))))
}

/// An event in a list: all but its data.
#[derive(Serialize)]
pub struct EventView {
    id: String,
    #[serde(rename = "type")]
    event_type: EventTypeName,
    timestamp: Timestamp,
    received_at: Timestamp,
    /// Whether a test send made it.
    test: bool,
}

impl From<StoredEvent> for EventView {
    fn from(event: StoredEvent) -> Self {
        Self {
            id: event.public_id().to_owned(),
            received_at: event.key.received_at(),
            event_type: event.event_type,
            timestamp: event.timestamp,
            test: event.test,
        }
    }
}

/// What narrows the list of events.
#[derive(Debug, Default, Deserialize)]
pub struct EventsQuery {
    #[serde(rename = "type")]
    event_type: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// `GET /v1/events?type=&since=&until=`, newest first, without data. A page looks through ten days
/// at the most: it may be short and still have a next one.
pub async fn list(
    caller: Caller,
    State(state): State<ApiState>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<List<EventView>>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let view = state.accounts.get(account).await?.ok_or(Refusal::Unknown("account"))?;
    let mut narrowing = Narrowing::default();
    let filter = EventFilter {
        event_type: narrowing.event_type("/type", query.event_type),
        since: narrowing.time("/since", query.since),
        until: narrowing.time("/until", query.until),
    };
    narrowing.finish()?;
    let paging = PageQuery::new(query.limit, query.cursor);
    let after = paging.after_parsed::<EventKey>()?;
    let now = state.runtime.clock.now();
    let found =
        state.store.event_log(&view.account, &filter, paging.limit()?, after.as_ref(), now).await?;
    let next = found.next.as_ref().map(EventKey::as_str);
    Ok(page(found.events.into_iter().map(EventView::from).collect(), next))
}

/// `GET /v1/events/{id}`, with its payload as it came.
pub async fn show(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<Box<RawValue>>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let event = events::find(&state, account, &id).await?;
    RawValue::from_string(event.to_json()).map(Json).map_err(|_| Refusal::Fault)
}

/// Whether the body is a list of events: an object with `events`, and no event of its own.
fn is_many(text: &str) -> Result<bool, Refusal> {
    #[derive(Deserialize)]
    struct Probe<'a> {
        #[serde(borrow, default)]
        events: Option<&'a RawValue>,
    }
    match serde_json::from_str::<Probe>(text) {
        Ok(probe) => Ok(probe.events.is_some()),
        Err(error) => Err(Refusal::Malformed(format!("the body is not a JSON object: {error}"))),
    }
}

fn read_one(text: &str) -> Result<IncomingEvent, Refusal> {
    event::parse_native(text).map_err(|error| Refusal::of_event(error, ""))
}

fn read_many(text: &str) -> Result<Vec<(String, IncomingEvent)>, Refusal> {
    let many: Many = serde_json::from_str(text).map_err(|e| {
        Refusal::field("/events", format!("is a list of events, nothing else: {e}"))
    })?;
    if !(1..=MAX_EVENTS).contains(&many.events.len()) {
        return Err(Refusal::field("/events", format!("has 1 to {MAX_EVENTS} events")));
    }
    let (mut events, mut problems) = (Vec::with_capacity(many.events.len()), Vec::new());
    for (index, raw) in many.events.into_iter().enumerate() {
        let pointer = format!("/events/{index}");
        match event::parse_native(raw.get()) {
            Ok(event) => events.push((pointer, event)),
            Err(error) => match Refusal::of_event(error, &pointer) {
                Refusal::Invalid(more) => problems.extend(more),
                other => return Err(other),
            },
        }
    }
    if problems.is_empty() { Ok(events) } else { Err(Refusal::Invalid(problems)) }
}
