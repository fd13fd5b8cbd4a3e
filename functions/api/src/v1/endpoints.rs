//! `/v1/endpoints`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use posthorn_shared::api_key::Scope;
use posthorn_shared::endpoint::{DisabledReason, Endpoint};
use posthorn_shared::header_rules::{REDACTED, is_hidden};
use posthorn_shared::health::Health;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::rate_limit::RateLimit;
use posthorn_shared::retry_policy::RetryPolicy;
use posthorn_shared::subscription::Subscription;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::RequestBody;
use crate::extract::{Path, Query};
use crate::fields::Fields;
use crate::operations::endpoints::{self, Changed};
use crate::operations::sends;
use crate::paging::{List, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::urls::Urls;
use crate::v1::deliveries::Sent;
use crate::v1::requests::{EndpointPatch, NewEndpoint, Rotation, TestSend};

/// An endpoint as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Endpoint)]
pub struct EndpointView {
    id: EndpointId,
    /// For keys without the scope `manage`, each value of the query reads `***`.
    url: String,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    event_types: Vec<Subscription>,
    #[schema(value_type = Option<Object>)]
    filter: Option<Box<RawValue>>,
    /// Values read `***`, except for names that are never a secret's, like `X-Environment`.
    headers: BTreeMap<String, String>,
    /// Only in the answer to a change of the URL to another scheme, host or port: headers that were
    /// removed, because their values are not shown and were not set in the same request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dropped_headers: Option<Vec<String>>,
    /// The dialect's where null.
    timeout_seconds: Option<u64>,
    /// The dialect's where null.
    retry: Option<RetryPolicy>,
    rate_limit: Option<RateLimit>,
    active: bool,
    disabled_reason: Option<DisabledReason>,
    /// What is wrong with it: deliveries are postponed (`open`) or slowed down (`pace`). Null while
    /// it is well.
    health: Option<Health>,
    /// Of an Ed25519 key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    public_key: Option<String>,
    /// Only in the answer to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
    /// What the receiver knows its sender by, where the dialect has that. Only in the answer to its
    /// creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token: Option<String>,
    /// Its age is what a rule about rotation looks at.
    secret_created_at: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl EndpointView {
    fn of(endpoint: Endpoint, urls: Urls) -> Self {
        let headers = endpoint.headers.iter().map(|(name, value)| {
            let shown = if is_hidden(name) { REDACTED } else { value };
            (name.clone(), shown.to_owned())
        });
        Self {
            headers: headers.collect(),
            dropped_headers: None,
            active: endpoint.is_active(),
            public_key: endpoint.secret.public_key(),
            secret: None,
            token: None,
            id: endpoint.id,
            url: urls.show(endpoint.url),
            description: endpoint.description,
            metadata: endpoint.metadata,
            event_types: endpoint.event_types,
            filter: endpoint.filter.and_then(|text| RawValue::from_string(text).ok()),
            timeout_seconds: endpoint.timeout_seconds,
            retry: endpoint.retry,
            rate_limit: endpoint.rate_limit,
            disabled_reason: endpoint.disabled_reason,
            health: (!endpoint.health.is_well()).then_some(endpoint.health),
            secret_created_at: endpoint.secret_created_at,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

/// Creates an endpoint. The answer shows its secret.
#[utoipa::path(post, operation_id = "create_endpoint", path = "/v1/endpoints", tag = "endpoints",
    request_body = NewEndpoint, responses((status = 201, body = EndpointView)))]
pub async fn create(
    caller: Caller,
    State(state): State<ApiState>,
    body: RequestBody,
) -> Result<(StatusCode, Json<EndpointView>), Refusal> {
    let account = caller.account(Scope::Manage)?;
    let endpoint = endpoints::create(&state, account, Fields::parse(&body)?).await?;
    let secret = Some(endpoint.secret.reveal().to_owned());
    let token = endpoint.token.clone();
    let view = EndpointView::of(endpoint, caller.urls());
    Ok((StatusCode::CREATED, Json(EndpointView { secret, token, ..view })))
}

/// Lists endpoints, newest first.
#[utoipa::path(get, operation_id = "list_endpoints", path = "/v1/endpoints", tag = "endpoints", params(PageQuery),
    responses((status = 200, body = List<EndpointView>)))]
pub async fn list(
    caller: Caller,
    State(state): State<ApiState>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<EndpointView>>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let after = query.after()?;
    let found = state.store.endpoints(account, query.limit()?, after.as_deref()).await?;
    let shown = found.items.into_iter().map(|endpoint| EndpointView::of(endpoint, caller.urls()));
    Ok(page(shown.collect(), found.next.as_deref()))
}

/// An endpoint.
#[utoipa::path(get, operation_id = "get_endpoint", path = "/v1/endpoints/{id}", tag = "endpoints",
    params(("id" = EndpointId, Path)), responses((status = 200, body = EndpointView)))]
pub async fn show(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<EndpointView>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let endpoint = endpoints::find(&state, account, &id).await?;
    Ok(Json(EndpointView::of(endpoint, caller.urls())))
}

/// Changes an endpoint by a JSON Merge Patch. Headers whose values are not shown are removed when the
/// URL goes to another scheme, host or port, unless they are set in the same request.
#[utoipa::path(patch, operation_id = "change_endpoint", path = "/v1/endpoints/{id}", tag = "endpoints",
    params(("id" = EndpointId, Path)),
    request_body = EndpointPatch, responses((status = 200, body = EndpointView)))]
pub async fn change(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: RequestBody,
) -> Result<Json<EndpointView>, Refusal> {
    let account = caller.account(Scope::Manage)?;
    let id = id.parse().map_err(|_| Refusal::Unknown("endpoint"))?;
    let changed = endpoints::change(&state, account, &id, Fields::parse(&body)?).await?;
    let Changed { endpoint, dropped_headers } = changed;
    let dropped_headers = Some(dropped_headers).filter(|names| !names.is_empty());
    let view = EndpointView::of(endpoint, caller.urls());
    Ok(Json(EndpointView { dropped_headers, ..view }))
}

/// Deletes an endpoint. Its retries stop.
#[utoipa::path(delete, operation_id = "delete_endpoint", path = "/v1/endpoints/{id}", tag = "endpoints",
    params(("id" = EndpointId, Path)), responses((status = 204)))]
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

/// An endpoint's signing secret.
#[utoipa::path(get, operation_id = "get_secret", path = "/v1/endpoints/{id}/secret", tag = "endpoints",
    params(("id" = EndpointId, Path)), responses((status = 200, body = SecretView)))]
pub async fn secret(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<SecretView>, Refusal> {
    let account = caller.account(Scope::Manage)?;
    let endpoint = endpoints::find(&state, account, &id).await?;
    Ok(Json(secret_view(&endpoint, state.runtime.clock.now())))
}

/// Replaces an endpoint's secret. The former one goes on signing beside it for a while, so that
/// receivers can change over.
#[utoipa::path(post, operation_id = "rotate_secret", path = "/v1/endpoints/{id}/secret/rotate", tag = "endpoints",
    params(("id" = EndpointId, Path)),
    request_body = Option<Rotation>, responses((status = 200, body = SecretView)))]
pub async fn rotate_secret(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: RequestBody,
) -> Result<Json<SecretView>, Refusal> {
    let account = caller.account(Scope::Manage)?;
    let id = id.parse().map_err(|_| Refusal::Unknown("endpoint"))?;
    let endpoint =
        endpoints::rotate_secret(&state, account, &id, Fields::parse_optional(&body)?).await?;
    Ok(Json(secret_view(&endpoint, state.runtime.clock.now())))
}

/// The data of a test as it was written.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Sends a test event to this endpoint alone, whatever it subscribes to. It is not retried.
#[utoipa::path(post, operation_id = "send_test", path = "/v1/endpoints/{id}/test", tag = "endpoints",
    params(("id" = EndpointId, Path)),
    request_body = TestSend, responses((status = 202, body = Sent)))]
pub async fn test(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: RequestBody,
) -> Result<(StatusCode, Json<Sent>), Refusal> {
    let account = caller.account(Scope::Manage)?;
    let endpoint = endpoints::find(&state, account, &id).await?;
    let fields = Fields::parse(&body)?;
    let written: Written<'_> = serde_json::from_slice(&body).map_err(|_| Refusal::Fault)?;
    let written = written.data.map(RawValue::get);
    let event_id = sends::test(&state, &endpoint, fields, written).await?;
    Ok((StatusCode::ACCEPTED, Json(Sent { event_id, endpoint_id: endpoint.id })))
}

/// A signing secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub struct SecretView {
    secret: String,
    created_at: Timestamp,
    /// While a rotation overlaps: when the last of up to four former secrets stops signing.
    former_secret_signs_until: Option<Timestamp>,
}

fn secret_view(endpoint: &Endpoint, now: Timestamp) -> SecretView {
    let former = endpoint.former_secrets(now).map(|former| former.until);
    SecretView {
        secret: endpoint.secret.reveal().to_owned(),
        created_at: endpoint.secret_created_at,
        former_secret_signs_until: former.max(),
    }
}
