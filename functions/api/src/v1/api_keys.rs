//! `/v1/accounts/{id}/keys`: an account's API keys.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use posthorn_shared::api_key::{self, ApiKey, Scope};
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::ids::{AccountId, KeyId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Admin;
use crate::body::RequestBody;
use crate::extract::{Path, Query};
use crate::fields::Fields;
use crate::operations::accounts;
use crate::paging::{List, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::v1::requests::NewKey;

/// A key as it is shown: the key itself only by the call that made it.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct KeyView {
    id: KeyId,
    name: String,
    scopes: BTreeSet<Scope>,
    created_at: Timestamp,
    /// Only in the answer to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<String>,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        let ApiKey { id, name, scopes, created_at, .. } = key;
        Self { id, name, scopes, created_at, key: None }
    }
}

/// Creates an API key. It is shown this once: only its hash is kept.
#[utoipa::path(post, operation_id = "create_key", path = "/v1/accounts/{id}/keys", tag = "accounts",
    params(("id" = AccountId, Path)),
    request_body = NewKey, responses((status = 201, body = KeyView)))]
pub async fn create(
    _: Admin,
    State(state): State<ApiState>,
    Path(account): Path<String>,
    body: RequestBody,
) -> Result<(StatusCode, Json<KeyView>), Refusal> {
    let tenant = accounts::find(&state, &account).await?.tenant();
    let mut fields = Fields::parse(&body)?;
    let name = fields.required_text("name", 256);
    let expected = "a list of one to three of manage, publish and read";
    let scopes: Vec<Scope> = fields.typed("scopes", expected).unwrap_or_default();
    if !(1..=3).contains(&scopes.len()) {
        fields.problem("/scopes", format!("is {expected}"));
    }
    fields.finish()?;
    let clock = &state.runtime.clock;
    let text = api_key::generate(clock.random());
    let key = ApiKey {
        id: KeyId::new(clock.now(), clock.random()),
        account: tenant.id.clone(),
        account_created_at: Some(tenant.created_at),
        name,
        scopes: scopes.into_iter().collect(),
        sha256: sha256_hex(&text),
        created_at: clock.now(),
    };
    if !state.store.create_api_key(&tenant, &key).await? {
        return Err(Refusal::Unknown("account"));
    }
    let view = KeyView { key: Some(text), ..KeyView::from(key) };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Lists an account's keys, newest first.
#[utoipa::path(get, operation_id = "list_keys", path = "/v1/accounts/{id}/keys", tag = "accounts",
    params(("id" = AccountId, Path), PageQuery),
    responses((status = 200, body = List<KeyView>)))]
pub async fn list(
    _: Admin,
    State(state): State<ApiState>,
    Path(account): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<KeyView>>, Refusal> {
    let account = accounts::find(&state, &account).await?;
    let after = query.after()?;
    let tenant = account.tenant();
    let found = state.store.api_keys(&tenant, query.limit()?, after.as_deref()).await?;
    Ok(page(found.items.into_iter().map(KeyView::from).collect(), found.next.as_deref()))
}

/// Deletes a key. It works no longer than a second more.
#[utoipa::path(delete, operation_id = "delete_key", path = "/v1/accounts/{id}/keys/{key_id}", tag = "accounts",
    params(("id" = AccountId, Path), ("key_id" = KeyId, Path)), responses((status = 204)))]
pub async fn remove(
    _: Admin,
    State(state): State<ApiState>,
    Path((account, id)): Path<(String, String)>,
) -> Result<StatusCode, Refusal> {
    let account = accounts::find(&state, &account).await?;
    let id: KeyId = id.parse().map_err(|_| Refusal::Unknown("key"))?;
    if state.store.delete_api_key(&account.tenant(), &id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::Unknown("key"))
    }
}
