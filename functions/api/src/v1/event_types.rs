//! `/v1/event-types`: the account's catalog.

use axum::Json;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use posthorn_shared::api_key::Scope;
use posthorn_shared::event_type::EventType;
use posthorn_shared::ids::EventTypeName;

use crate::auth::Caller;
use crate::body::RequestBody;
use crate::fields::Fields;
use crate::paging::{List, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;

/// `POST /v1/event-types` `{name, description?}` → 201. From the first one on, events of types that
/// the catalog lacks are refused.
pub async fn create(
    caller: Caller,
    State(state): State<ApiState>,
    body: RequestBody,
) -> Result<(StatusCode, Json<EventType>), Refusal> {
    let account = caller.account(Scope::Manage)?;
    let mut fields = Fields::parse(&body)?;
    let name: Option<EventTypeName> = fields.parsed("name");
    let description = fields.text("description", 1024).unwrap_or_default();
    if name.is_none() {
        fields.problem("/name", "is required: an event type like vault.created");
    }
    fields.finish()?;
    let now = state.runtime.clock.now();
    let Some(name) = name else {
        return Err(Refusal::Fault);
    };
    let event_type = EventType { name, description, created_at: now, updated_at: now };
    if !state.store.create_event_type(account, &event_type).await? {
        return Err(Refusal::Conflict(format!("the catalog has {} already", event_type.name)));
    }
    Ok((StatusCode::CREATED, Json(event_type)))
}

/// `GET /v1/event-types`
pub async fn list(
    caller: Caller,
    State(state): State<ApiState>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<EventType>>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let after = query.after()?;
    let found = state.store.event_types(account, query.limit()?, after.as_deref()).await?;
    Ok(page(found.items, found.next.as_deref()))
}

/// `GET /v1/event-types/{name}`
pub async fn show(
    caller: Caller,
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<Json<EventType>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let unknown = || Refusal::Unknown("event type");
    let name = name.parse().map_err(|_| unknown())?;
    state.store.event_type(account, &name).await?.map(Json).ok_or_else(unknown)
}

/// `DELETE /v1/event-types/{name}` → 204
pub async fn remove(
    caller: Caller,
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    let account = caller.account(Scope::Manage)?;
    let name: EventTypeName = name.parse().map_err(|_| Refusal::Unknown("event type"))?;
    if state.store.event_type(account, &name).await?.is_none() {
        return Err(Refusal::Unknown("event type"));
    }
    state.store.delete_event_type(account, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
