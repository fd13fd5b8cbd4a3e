//! `/v1/events`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use posthorn_shared::api_key::Scope;
use posthorn_shared::event::{self, IncomingEvent};
use posthorn_shared::ids::{EventKey, EventTypeName, ProducerEventId};
use posthorn_shared::problem::{MAX_PROBLEMS, cut, note_all};
use posthorn_shared::store::EventFilter;
use posthorn_shared::stored_event::StoredEvent;
use posthorn_shared::traces::{Span, Step};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::body::RequestBody;
use crate::extract::{Path, Query};
use crate::operations::events;
use crate::paging::{List, Narrowing, PageQuery, cursor, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::v1::requests::OneOrMoreEvents;

const MAX_EVENTS: usize = 100;

/// `{"events": […]}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// What was accepted: the ids that its deliveries carry.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Receipt {
    One { id: String },
    More { ids: Vec<String> },
}

/// Takes one event, or up to 100. What is answered with 202 is durable. An event with an id of its
/// own that was sent before is accepted and changes nothing.
#[utoipa::path(post, operation_id = "send_events", path = "/v1/events", tag = "events",
    request_body = OneOrMoreEvents, responses((status = 202, body = Receipt)))]
pub async fn create(
    caller: Caller,
    State(state): State<ApiState>,
    body: RequestBody,
) -> Result<(StatusCode, Json<Receipt>), Refusal> {
    let account = caller.account(Scope::Publish)?;
    let began = state.runtime.clock.now();
    let text = std::str::from_utf8(&body)
        .map_err(|e| Refusal::Malformed(format!("the body is not UTF-8: {e}")))?;
    let many = is_many(text)?;
    let events = if many { read_many(text)? } else { vec![(String::new(), read_one(text)?)] };
    let accepted = events::accept(&state, account, events).await?;
    let (mut ids, mut messages): (Vec<_>, Vec<_>) =
        accepted.into_iter().map(|event| (event.id, event.message)).unzip();
    if many {
        state.ingest.send_all(messages).await?;
    } else if let Some(message) = messages.pop() {
        state.ingest.send(message).await?;
    }
    let ended = state.runtime.clock.now();
    for id in &ids {
        tracing::info!(event_id = id, "accepted");
        // The key of an event that brought an id follows from its message: the trace begins there.
        if let Ok(key) = id.parse::<EventKey>() {
            state.runtime.traces.record(&key, || {
                Span::new(Step::Accept, began, ended)
                    .with("posthorn.account", account.to_string())
                    .with("http.request.method", "POST")
                    .with("http.route", "/v1/events")
            });
        }
    }
    let receipt = if many {
        Receipt::More { ids }
    } else {
        Receipt::One { id: ids.pop().ok_or(Refusal::Fault)? }
    };
    Ok((StatusCode::ACCEPTED, Json(receipt)))
}

/// An event in a list: all but its data.
#[derive(Serialize, ToSchema)]
#[schema(as = EventSummary)]
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
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    #[serde(rename = "type")]
    #[param(value_type = Option<EventTypeName>, nullable = false)]
    event_type: Option<String>,
    /// Received at or after.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    since: Option<String>,
    /// Received before.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    until: Option<String>,
    /// How many to answer at the most; 50 where nothing is said.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 250, nullable = false)]
    limit: Option<String>,
    /// The `next_cursor` of the page before; empty: the first page.
    #[param(schema_with = cursor)]
    cursor: Option<String>,
}

/// Lists events, newest first, without their data. At most 50 reads of the table are made for a page:
/// it may be short, even empty, and still have a next one.
#[utoipa::path(get, operation_id = "list_events", path = "/v1/events", tag = "events", params(EventsQuery),
    responses((status = 200, body = List<EventView>)))]
pub async fn list(
    caller: Caller,
    State(state): State<ApiState>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<List<EventView>>, Refusal> {
    let account = caller.account(Scope::Read)?;
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
        state.store.event_log(account, &filter, paging.limit()?, after.as_ref(), now).await?;
    let next = found.next.as_ref().map(EventKey::as_str);
    Ok(page(found.events.into_iter().map(EventView::from).collect(), next))
}

/// An event, with its data as it came.
#[derive(Serialize, ToSchema)]
pub struct Event {
    id: String,
    r#type: EventTypeName,
    timestamp: Timestamp,
    received_at: Timestamp,
    /// Whether a test send made it.
    test: bool,
    #[schema(value_type = Object)]
    data: Box<RawValue>,
}

/// An event, with its data byte for byte as it came.
#[utoipa::path(get, operation_id = "get_event", path = "/v1/events/{id}", tag = "events",
    params(("id" = ProducerEventId, Path, description = "`evt_…`, or the producer's own")),
    responses((status = 200, body = Event)))]
pub async fn show(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<Event>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let event = events::find(&state, account, &id).await?;
    Ok(Json(Event {
        id: event.public_id().to_owned(),
        received_at: event.key.received_at(),
        r#type: event.event_type,
        timestamp: event.timestamp,
        test: event.test,
        data: RawValue::from_string(event.data).map_err(|_| Refusal::Fault)?,
    }))
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
        Err(error) => {
            Err(Refusal::Malformed(cut(format!("the body is not a JSON object: {error}"))))
        }
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
        if problems.len() == MAX_PROBLEMS {
            break;
        }
        let pointer = format!("/events/{index}");
        match event::parse_native(raw.get()) {
            Ok(event) => events.push((pointer, event)),
            Err(error) => match Refusal::of_event(error, &pointer) {
                Refusal::Invalid(more) => note_all(&mut problems, more),
                other => return Err(other),
            },
        }
    }
    if problems.is_empty() { Ok(events) } else { Err(Refusal::Invalid(problems)) }
}
