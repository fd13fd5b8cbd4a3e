//! `/v1/endpoints`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use jiff::Timestamp;
use posthorn_shared::api_key::Scope;
use posthorn_shared::endpoint::{DisabledReason, Endpoint};
use posthorn_shared::header_rules::{REDACTED, is_sensitive};
use posthorn_shared::ids::EndpointId;
use posthorn_shared::retry_policy::RetryPolicy;
use posthorn_shared::subscription::Subscription;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::auth::Caller;
use crate::body::RequestBody;
use crate::fields::Fields;
use crate::operations::{endpoints, sends};
use crate::paging::{List, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;

/// An endpoint as it is shown.
#[derive(Serialize)]
pub struct EndpointView {
    id: EndpointId,
    url: String,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    event_types: Vec<Subscription>,
    filter: Option<Box<RawValue>>,
    headers: Map<String, Value>,
    timeout_seconds: Option<u64>,
    retry: Option<RetryPolicy>,
    active: bool,
    disabled_reason: Option<DisabledReason>,
    /// Of an Ed25519 key.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    /// Only in the answer to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Its age is what a rule about rotation looks at.
    secret_created_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        let headers = endpoint.headers.iter().map(|(name, value)| {
            let shown = if is_sensitive(name) { REDACTED } else { value };
            (name.clone(), json!(shown))
        });
        Self {
            headers: headers.collect(),
            active: endpoint.is_active(),
            public_key: endpoint.secret.public_key(),
            secret: None,
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            metadata: endpoint.metadata,
            event_types: endpoint.event_types,
            filter: endpoint.filter.and_then(|text| RawValue::from_string(text).ok()),
            timeout_seconds: endpoint.timeout_seconds,
            retry: endpoint.retry,
            disabled_reason: endpoint.disabled_reason,
            secret_created_at: endpoint.secret_created_at,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// `POST /v1/endpoints` → 201 with the secret
pub async fn create(
    caller: Caller,
    State(state): State<ApiState>,
    body: RequestBody,
) -> Result<(StatusCode, Json<EndpointView>), Refusal> {
    let account = caller.account(Scope::Manage)?;
    let endpoint = endpoints::create(&state, account, Fields::parse(&body)?).await?;
    let secret = Some(endpoint.secret.reveal().to_owned());
    Ok((StatusCode::CREATED, Json(EndpointView { secret, ..endpoint.into() })))
}

/// `GET /v1/endpoints`
pub async fn list(
    caller: Caller,
    State(state): State<ApiState>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<EndpointView>>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let after = query.after()?;
    let found = state.store.endpoints(account, query.limit()?, after.as_deref()).await?;
    Ok(page(found.items.into_iter().map(EndpointView::from).collect(), found.next.as_deref()))
}

/// `GET /v1/endpoints/{id}`
pub async fn show(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<EndpointView>, Refusal> {
    let account = caller.account(Scope::Read)?;
    Ok(Json(endpoints::find(&state, account, &id).await?.into()))
}

/// `PATCH /v1/endpoints/{id}`: JSON Merge Patch
pub async fn change(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: RequestBody,
) -> Result<Json<EndpointView>, Refusal> {
    let account = caller.account(Scope::Manage)?;
    let id = id.parse().map_err(|_| Refusal::Unknown("endpoint"))?;
    let patch = Fields::parse(&body)?.into_object();
    Ok(Json(endpoints::change(&state, account, &id, &patch).await?.into()))
}

/// `DELETE /v1/endpoints/{id}` → 204. Its retries stop.
pub async fn remove(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let account = caller.account(Scope::Manage)?;
    let endpoint = endpoints::find(&state, account, &id).await?;
    state.store.delete_endpoint(account, &endpoint.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/endpoints/{id}/secret`
pub async fn secret(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let account = caller.account(Scope::Manage)?;
    let endpoint = endpoints::find(&state, account, &id).await?;
    Ok(Json(secret_view(&endpoint, state.runtime.clock.now())))
}

/// `POST /v1/endpoints/{id}/secret/rotate` `{secret?, overlap_seconds?}`
pub async fn rotate_secret(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: RequestBody,
) -> Result<Json<Value>, Refusal> {
    let account = caller.account(Scope::Manage)?;
    let id = id.parse().map_err(|_| Refusal::Unknown("endpoint"))?;
    let endpoint =
        endpoints::rotate_secret(&state, account, &id, Fields::parse_optional(&body)?).await?;
    Ok(Json(secret_view(&endpoint, state.runtime.clock.now())))
}

/// `POST /v1/endpoints/{id}/test` `{event_type, data?}` → 202
pub async fn test(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: RequestBody,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let account = caller.account(Scope::Manage)?;
    let endpoint = endpoints::find(&state, account, &id).await?;
    let event_id = sends::test(&state, &endpoint, Fields::parse(&body)?).await?;
    let answer = json!({ "event_id": event_id, "endpoint_id": endpoint.id });
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

fn secret_view(endpoint: &Endpoint, now: Timestamp) -> Value {
    let former = endpoint.former_secret.as_ref().filter(|former| now < former.until);
    json!({
        "secret": endpoint.secret.reveal(),
        "created_at": endpoint.secret_created_at,
        "former_secret_signs_until": former.map(|former| former.until),
    })
}
