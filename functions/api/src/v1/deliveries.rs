//! Deliveries: an endpoint's log, an event's deliveries, one with its attempts.

use axum::Json;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use jiff::Timestamp;
use posthorn_shared::api_key::Scope;
use posthorn_shared::delivery::{Attempt, AttemptError, Delivery, Status, Trigger};
use posthorn_shared::ids::{EndpointId, EventKey, EventTypeName};
use posthorn_shared::store::DeliveryFilter;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::operations::{deliveries, endpoints, events, sends};
use crate::paging::{List, Narrowing, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;

/// A delivery as it is shown.
#[derive(Serialize)]
pub struct DeliveryView {
    event_id: String,
    endpoint_id: EndpointId,
    event_type: EventTypeName,
    status: Status,
    attempt_count: usize,
    next_attempt_at: Option<Timestamp>,
    created_at: Timestamp,
    last_status_code: Option<u16>,
    last_error: Option<AttemptError>,
    attempts: Vec<AttemptView>,
}

#[derive(Serialize)]
struct AttemptView {
    number: u32,
    trigger: Trigger,
    started_at: Timestamp,
    duration_ms: u64,
    status_code: Option<u16>,
    error: Option<AttemptError>,
    request: Value,
    response: Option<Value>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let last = delivery.attempts.last();
        Self {
            event_id: delivery.public_event_id().to_owned(),
            attempt_count: delivery.attempts.len(),
            created_at: delivery.key.received_at(),
            last_status_code: last.and_then(|attempt| attempt.status_code),
            last_error: last.and_then(|attempt| attempt.error.clone()),
            endpoint_id: delivery.endpoint,
            event_type: delivery.event_type,
            status: delivery.status,
            next_attempt_at: delivery.next_attempt_at,
            attempts: delivery.attempts.into_iter().map(AttemptView::from).collect(),
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        let request = attempt.request;
        let response = attempt.response.map(|response| {
            json!({
                "headers": object(response.headers),
                "body": response.body,
                "truncated": response.truncated,
            })
        });
        Self {
            number: attempt.number,
            trigger: attempt.trigger,
            started_at: attempt.started_at,
            duration_ms: attempt.duration_ms,
            status_code: attempt.status_code,
            error: attempt.error,
            request: json!({ "url": request.url, "headers": object(request.headers) }),
            response,
        }
    }
}

/// Headers as an object; those that come several times are joined (RFC 9110, section 5.3).
fn object(headers: Vec<(String, String)>) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in headers {
        let joined = match object.get(&name).and_then(Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value,
        };
        object.insert(name, Value::String(joined));
    }
    object
}

/// What narrows an endpoint's log.
#[derive(Debug, Default, Deserialize)]
pub struct LogQuery {
    status: Option<String>,
    event_type: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// `GET /v1/endpoints/{id}/deliveries?status=&event_type=&since=&until=`, newest first
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
    let next = found.next.as_ref().map(EventKey::as_str);
    Ok(page(found.deliveries.into_iter().map(DeliveryView::from).collect(), next))
}

/// `GET /v1/events/{id}/deliveries`
pub async fn of_event(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<List<DeliveryView>>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let event = events::find(&state, account, &id).await?;
    let deliveries = deliveries::of_event(&state, account, &event).await?;
    Ok(page(deliveries.into_iter().map(DeliveryView::from).collect(), None))
}

/// `GET /v1/events/{id}/deliveries/{endpoint_id}`
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
    Ok(Json(delivery.into()))
}

/// `POST /v1/events/{id}/deliveries/{endpoint_id}/replay` → 202
pub async fn replay(
    caller: Caller,
    State(state): State<ApiState>,
    Path((id, endpoint)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let account = caller.account(Scope::Manage)?;
    let event = events::find(&state, account, &id).await?;
    let endpoint = endpoints::find(&state, account, &endpoint).await?;
    let endpoint_id = endpoint.id.clone();
    sends::replay(&state, &event, endpoint).await?;
    let answer = json!({ "event_id": event.public_id(), "endpoint_id": endpoint_id });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

fn filter(query: LogQuery) -> Result<DeliveryFilter, Refusal> {
    let mut narrowing = Narrowing::default();
    let statuses = "pending, retrying, delivered, failed or cancelled";
    let filter = DeliveryFilter {
        status: narrowing.parsed("/status", query.status, statuses),
        event_type: narrowing.event_type("/event_type", query.event_type),
        since: narrowing.time("/since", query.since),
        until: narrowing.time("/until", query.until),
    };
    narrowing.finish()?;
    Ok(filter)
}
