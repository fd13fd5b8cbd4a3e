//! `/v1/event-types`: the account's catalog.

use axum::Json;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use posthorn_shared::api_key::Scope;
use posthorn_shared::event_type::EventType;
use posthorn_shared::ids::EventTypeName;
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::body::RequestBody;
use crate::fields::Fields;
use crate::paging::{List, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;

/// Bytes of an example: every event reads its account's catalog.
const MAX_EXAMPLE: usize = 16 * 1024;

/// What a customer decides about an event type.
struct Wish {
    description: String,
    example: Option<Value>,
}

/// `POST /v1/event-types` `{name, description?, example?}` → 201. From the first one on, events of
/// types that the catalog lacks are refused.
pub async fn create(
    caller: Caller,
    State(state): State<ApiState>,
    body: RequestBody,
) -> Result<(StatusCode, Json<EventType>), Refusal> {
    let account = caller.account(Scope::Manage)?;
    let mut fields = Fields::parse(&body)?;
    let name: Option<EventTypeName> = fields.required_parsed("name");
    let Wish { description, example } = read(fields)?;
    let now = state.runtime.clock.now();
    let Some(name) = name else {
        return Err(Refusal::Fault);
    };
    let event_type = EventType { name, description, example, created_at: now, updated_at: now };
    if !state.store.create_event_type(account, &event_type).await? {
        return Err(Refusal::Conflict(format!("the catalog has {} already", event_type.name)));
    }
    Ok((StatusCode::CREATED, Json(event_type)))
}

/// `PATCH /v1/event-types/{name}`: JSON Merge Patch. An example is a value of its own: it is
/// replaced, not merged into.
pub async fn change(
    caller: Caller,
    State(state): State<ApiState>,
    Path(name): Path<String>,
    body: RequestBody,
) -> Result<Json<EventType>, Refusal> {
    let account = caller.account(Scope::Manage)?;
    let name: EventTypeName = name.parse().map_err(|_| Refusal::Unknown("event type"))?;
    let patch = Fields::parse(&body)?.into_object();
    let now = state.runtime.clock.now();
    let changed = state
        .store
        .change_event_type(account, &name, |known| {
            let mut merged = Map::new();
            merged.insert("description".to_owned(), json!(known.description));
            merged.insert("example".to_owned(), json!(known.example));
            merged.extend(patch.clone());
            let Wish { description, example } = read(Fields::of(merged))?;
            Ok(EventType { description, example, updated_at: now, ..known })
        })
        .await?;
    Refusal::of_change(changed, "event type").map(Json)
}

fn read(mut fields: Fields) -> Result<Wish, Refusal> {
    let description = fields.text_or_empty("description", 1024).unwrap_or_default();
    let example = fields.take("example");
    if let Some(example) = &example {
        if !example.is_object() {
            fields.problem("/example", "is a JSON object: the data of an event");
        } else if example.to_string().len() > MAX_EXAMPLE {
            fields.problem("/example", format!("has at most {MAX_EXAMPLE} bytes"));
        }
    }
    fields.finish()?;
    Ok(Wish { description, example })
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
