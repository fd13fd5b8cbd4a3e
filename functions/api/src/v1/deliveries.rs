//! Deliveries: an endpoint's log, an event's deliveries, one with its attempts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use posthorn_shared::api_key::Scope;
use posthorn_shared::delivery::{Attempt, AttemptError, Delivery, Status, Trigger};
use posthorn_shared::ids::{EndpointId, EventKey, EventTypeName, ProducerEventId};
use posthorn_shared::store::DeliveryFilter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::extract::{Path, Query};
use crate::operations::{deliveries, endpoints, events, sends};
use crate::paging::{List, Narrowing, PageQuery, Room, cursor, list as page, with_room};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::urls::Urls;

/// A delivery as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryView {
    event_id: String,
    endpoint_id: EndpointId,
    event_type: EventTypeName,
    status: Status,
    /// Attempts made; `attempts` holds the last 40.
    attempt_count: u32,
    next_attempt_at: Option<Timestamp>,
    created_at: Timestamp,
    last_status_code: Option<u16>,
    last_error: Option<AttemptError>,
    attempts: Vec<AttemptView>,
}

/// An attempt as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
pub struct AttemptView {
    /// From 1.
    number: u32,
    trigger: Trigger,
    started_at: Timestamp,
    duration_ms: u64,
    status_code: Option<u16>,
    error: Option<AttemptError>,
    request: RequestView,
    response: Option<ResponseView>,
}

/// What was sent. Headers that may be secret read `***`.
#[derive(Serialize, ToSchema)]
struct RequestView {
    /// For keys without the scope `manage`, each value of the query reads `***`.
    url: String,
    headers: BTreeMap<String, String>,
}

/// What came back.
#[derive(Serialize, ToSchema)]
struct ResponseView {
    headers: BTreeMap<String, String>,
    /// The first 4 KiB, of a success the first 128 bytes; what is no UTF-8 is replaced.
    body: String,
    /// Whether headers or body were longer.
    truncated: bool,
}

impl DeliveryView {
    fn of(delivery: Delivery, urls: Urls) -> Self {
        let last = delivery.attempts.last();
        Self {
            event_id: delivery.public_event_id().to_owned(),
            attempt_count: delivery.last_attempt(),
            created_at: delivery.key.received_at(),
            last_status_code: last.and_then(|attempt| attempt.status_code),
            last_error: last.and_then(|attempt| attempt.error.clone()),
            endpoint_id: delivery.endpoint,
            event_type: delivery.event_type,
            status: delivery.status,
            next_attempt_at: delivery.next_attempt_at,
            attempts: delivery.attempts.into_iter().map(|one| AttemptView::of(one, urls)).collect(),
        }
    }
}

impl AttemptView {
    /// An attempt as it is shown.
    pub fn of(attempt: Attempt, urls: Urls) -> Self {
        let request = attempt.request;
        let response = attempt.response.map(|response| ResponseView {
            headers: object(response.headers),
            body: response.body,
            truncated: response.truncated,
        });
        Self {
            number: attempt.number,
            trigger: attempt.trigger,
            started_at: attempt.started_at,
            duration_ms: attempt.duration_ms,
            status_code: attempt.status_code,
            error: attempt.error,
            request: RequestView { url: urls.show(request.url), headers: object(request.headers) },
            response,
        }
    }
}

/// Headers as an object; those that come several times are joined (RFC 9110, section 5.3).
fn object(headers: Vec<(String, String)>) -> BTreeMap<String, String> {
    let mut object: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        match object.entry(name) {
            Entry::Vacant(entry) => drop(entry.insert(value)),
            Entry::Occupied(mut entry) => {
                let joined = entry.get_mut();
                joined.push_str(", ");
                joined.push_str(&value);
            }
        }
    }
    object
}

/// What narrows an endpoint's log.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    #[param(value_type = Option<Status>, nullable = false)]
    status: Option<String>,
    #[param(value_type = Option<EventTypeName>, nullable = false)]
    event_type: Option<String>,
    /// Events received at or after.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    since: Option<String>,
    /// Events received before.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    until: Option<String>,
    /// How many to answer at the most; 50 where nothing is said.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 250, nullable = false)]
    limit: Option<String>,
    /// The `next_cursor` of the page before; empty: the first page.
    #[param(schema_with = cursor)]
    cursor: Option<String>,
}

/// A delivery that was put on its way.
#[derive(Serialize, ToSchema)]
pub struct Sent {
    /// `evt_…`, or the producer's own.
    pub event_id: String,
    pub endpoint_id: EndpointId,
}

/// An endpoint's deliveries, newest first. At most 50 reads of the table are made for a page, and it
/// has at most 3,000,000 bytes: where a filter drops most deliveries, or their attempts are large, it
/// may be short, even empty, and still have a next one.
#[utoipa::path(get, operation_id = "list_deliveries", path = "/v1/endpoints/{id}/deliveries", tag = "deliveries",
    params(("id" = EndpointId, Path), LogQuery),
    responses((status = 200, body = List<DeliveryView>)))]
pub async fn log(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<List<DeliveryView>>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let endpoint = endpoints::find(&state, account, &id).await?;
    let paging = PageQuery::new(query.limit.clone(), query.cursor.clone());
    let filter = filter(query)?;
    let after = paging.after_parsed::<EventKey>()?;
    let found =
        state.store.delivery_log(&endpoint.id, &filter, paging.limit()?, after.as_ref()).await?;
    let deliveries = found.deliveries.into_iter();
    let shown = deliveries.map(|one| {
        let key = one.key.clone();
        (DeliveryView::of(one, caller.urls()), key)
    });
    let (shown, next) = with_room(shown, found.next);
    Ok(page(shown, next.as_ref().map(EventKey::as_str)))
}

/// What part of an event's deliveries to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfEventQuery {
    /// The `next_cursor` of the page before; empty: the first page.
    #[param(schema_with = cursor)]
    cursor: Option<String>,
}

/// Where an event went, or is on its way to; by endpoint, newest first. A page has as many as go into
/// 3,000,000 bytes.
#[utoipa::path(get, operation_id = "list_deliveries_of_event", path = "/v1/events/{id}/deliveries", tag = "deliveries",
    params(("id" = ProducerEventId, Path, description = "`evt_…`, or the producer's own"), OfEventQuery),
    responses((status = 200, body = List<DeliveryView>)))]
pub async fn of_event(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(query): Query<OfEventQuery>,
) -> Result<Json<List<DeliveryView>>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let event = events::find(&state, account, &id).await?;
    let after = PageQuery::new(None, query.cursor).after_parsed::<EndpointId>()?;
    let (mut room, mut shown) = (Room::new(), Vec::<DeliveryView>::new());
    let mut takes = |delivery: Delivery| {
        let view = DeliveryView::of(delivery, caller.urls());
        let fits = room.takes(&view);
        if fits {
            shown.push(view);
        }
        fits
    };
    let all = deliveries::of_event(&state, account, &event, after.as_ref(), &mut takes).await?;
    let last = shown.last().map(|view| view.endpoint_id.clone());
    Ok(page(shown, last.filter(|_| !all).as_ref().map(EndpointId::as_str)))
}

/// A delivery, with every attempt: what was sent, what came back, how long it took.
#[utoipa::path(get, operation_id = "get_delivery", path = "/v1/events/{id}/deliveries/{endpoint_id}", tag = "deliveries",
    params(("id" = ProducerEventId, Path, description = "`evt_…`, or the producer's own"),
        ("endpoint_id" = EndpointId, Path)),
    responses((status = 200, body = DeliveryView)))]
pub async fn show(
    caller: Caller,
    State(state): State<ApiState>,
    Path((id, endpoint)): Path<(String, String)>,
) -> Result<Json<DeliveryView>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let event = events::find(&state, account, &id).await?;
    let endpoint = endpoints::find(&state, account, &endpoint).await?;
    let mut deliveries = deliveries::to_endpoints(&state, &event, vec![endpoint]).await?;
    let delivery = deliveries.pop().ok_or(Refusal::Unknown("delivery"))?;
    Ok(Json(DeliveryView::of(delivery, caller.urls())))
}

/// Makes one more attempt of a delivery, whatever its status. One that fails takes nothing away
/// from what was delivered.
#[utoipa::path(post, operation_id = "replay_delivery", path = "/v1/events/{id}/deliveries/{endpoint_id}/replay", tag = "deliveries",
    params(("id" = ProducerEventId, Path, description = "`evt_…`, or the producer's own"),
        ("endpoint_id" = EndpointId, Path)),
    responses((status = 202, body = Sent)))]
pub async fn replay(
    caller: Caller,
    State(state): State<ApiState>,
    Path((id, endpoint)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Sent>), Refusal> {
    let account = caller.account(Scope::Manage)?;
    let event = events::find(&state, account, &id).await?;
    let endpoint = endpoints::find(&state, account, &endpoint).await?;
    let endpoint_id = endpoint.id.clone();
    sends::replay(&state, &event, endpoint).await?;
    let sent = Sent { event_id: event.public_id().to_owned(), endpoint_id };
    Ok((StatusCode::ACCEPTED, Json(sent)))
}

fn filter(query: LogQuery) -> Result<DeliveryFilter, Refusal> {
    let mut narrowing = Narrowing::default();
    let filter = DeliveryFilter {
        status: narrowing.status("/status", query.status),
        event_type: narrowing.event_type("/event_type", query.event_type),
        since: narrowing.time("/since", query.since),
        until: narrowing.time("/until", query.until),
    };
    narrowing.finish()?;
    Ok(filter)
}
