//! `/v1/event-types`: the catalog of an account, or of all accounts.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use posthorn_shared::api_key::Scope;
use posthorn_shared::event_type::EventType;
use posthorn_shared::ids::EventTypeName;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::CatalogCaller;
use crate::body::RequestBody;
use crate::extract::{Path, Query};
use crate::fields::Fields;
use crate::operations::catalog::{self, Entry, Origin};
use crate::paging::{List, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::v1::requests::{EventTypePatch, NewEventType};

/// An event type as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = EventType)]
pub struct EventTypeView {
    name: EventTypeName,
    description: String,
    /// JSON Schema 2020-12.
    schema: Option<Value>,
    example: Option<Value>,
    origin: Origin,
    /// Null where the dialect brings it along.
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

impl From<Entry> for EventTypeView {
    fn from(entry: Entry) -> Self {
        let origin = entry.origin;
        let stored = |time: Timestamp| (origin != Origin::Dialect).then_some(time);
        let EventType { name, description, schema, example, created_at, updated_at } =
            entry.event_type;
        let (created_at, updated_at) = (stored(created_at), stored(updated_at));
        Self { name, description, schema, example, origin, created_at, updated_at }
    }
}

/// Adds an event type. With a schema, events of that type are validated. From the first event type
/// on, events of types that the catalog lacks are refused. The admin key without an account adds to
/// the catalog of all accounts.
#[utoipa::path(post, operation_id = "create_event_type", path = "/v1/event-types", tag = "event types",
    request_body = NewEventType, responses((status = 201, body = EventTypeView)))]
pub async fn create(
    caller: CatalogCaller,
    State(state): State<ApiState>,
    body: RequestBody,
) -> Result<(StatusCode, Json<EventTypeView>), Refusal> {
    let owner = caller.owner(Scope::Manage)?;
    let entry = catalog::create(&state, owner, Fields::parse(&body)?).await?;
    Ok((StatusCode::CREATED, Json(entry.into())))
}

/// Changes an event type by a JSON Merge Patch.
#[utoipa::path(patch, operation_id = "change_event_type", path = "/v1/event-types/{name}", tag = "event types",
    params(("name" = EventTypeName, Path)),
    request_body = EventTypePatch, responses((status = 200, body = EventTypeView)))]
pub async fn change(
    caller: CatalogCaller,
    State(state): State<ApiState>,
    Path(name): Path<String>,
    body: RequestBody,
) -> Result<Json<EventTypeView>, Refusal> {
    let owner = caller.owner(Scope::Manage)?;
    let patch = Fields::parse(&body)?.into_object();
    Ok(Json(catalog::change(&state, owner, &name, &patch).await?.into()))
}

/// Lists event types by name: the account's own, those of all accounts, and those that the account's
/// dialect brings along.
#[utoipa::path(get, operation_id = "list_event_types", path = "/v1/event-types", tag = "event types", params(PageQuery),
    responses((status = 200, body = List<EventTypeView>)))]
pub async fn list(
    caller: CatalogCaller,
    State(state): State<ApiState>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<EventTypeView>>, Refusal> {
    let owner = caller.owner(Scope::Read)?;
    let after = query.after()?;
    let found = catalog::list(&state, &owner, query.limit()?, after.as_deref()).await?;
    Ok(page(found.items.into_iter().map(EventTypeView::from).collect(), found.next.as_deref()))
}

/// An event type.
#[utoipa::path(get, operation_id = "get_event_type", path = "/v1/event-types/{name}", tag = "event types",
    params(("name" = EventTypeName, Path)), responses((status = 200, body = EventTypeView)))]
pub async fn show(
    caller: CatalogCaller,
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<Json<EventTypeView>, Refusal> {
    let owner = caller.owner(Scope::Read)?;
    Ok(Json(catalog::find(&state, owner, &name).await?.into()))
}

/// Removes an event type.
#[utoipa::path(delete, operation_id = "delete_event_type", path = "/v1/event-types/{name}", tag = "event types",
    params(("name" = EventTypeName, Path)), responses((status = 204)))]
pub async fn remove(
    caller: CatalogCaller,
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    let owner = caller.owner(Scope::Manage)?;
    catalog::remove(&state, owner, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
