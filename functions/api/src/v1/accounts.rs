//! `/v1/accounts`: tenants, for the platform team.

use axum::Json;
use axum::extract::{Path, Query, State};
use http::StatusCode;
use posthorn_shared::account::Account;
use posthorn_shared::dialect::{self, Dialect};
use posthorn_shared::ids::AccountId;

use crate::auth::Admin;
use crate::body::RequestBody;
use crate::fields::Fields;
use crate::paging::{List, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;

/// `POST /v1/accounts` `{id?, name, dialect?}` → 201
pub async fn create(
    _: Admin,
    State(state): State<ApiState>,
    body: RequestBody,
) -> Result<(StatusCode, Json<Account>), Refusal> {
    let mut fields = Fields::parse(&body)?;
    let now = state.runtime.clock.now();
    let id = fields.parsed("id");
    let account = Account {
        id: id.unwrap_or_else(|| AccountId::new(now, state.runtime.clock.random())),
        name: fields.required_text("name", 256),
        dialect: known_dialect(&mut fields).unwrap_or_else(|| dialect::DEFAULT.to_owned()),
        created_at: now,
        updated_at: now,
    };
    fields.finish()?;
    if !state.store.create_account(&account).await? {
        return Err(Refusal::Conflict(format!("there is an account {} already", account.id)));
    }
    Ok((StatusCode::CREATED, Json(account)))
}

/// `GET /v1/accounts`
pub async fn list(
    _: Admin,
    State(state): State<ApiState>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<Account>>, Refusal> {
    let found = state.store.accounts(query.limit()?, query.after()?.as_deref()).await?;
    Ok(page(found.items, found.next.as_deref()))
}

/// `GET /v1/accounts/{id}`
pub async fn show(
    _: Admin,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<Account>, Refusal> {
    find(&state, &id).await.map(Json)
}

/// `PATCH /v1/accounts/{id}` `{name?, dialect?}`
pub async fn change(
    _: Admin,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: RequestBody,
) -> Result<Json<Account>, Refusal> {
    let mut fields = Fields::parse(&body)?;
    let name = fields.text("name", 256);
    let dialect = known_dialect(&mut fields);
    fields.finish()?;
    let account = find(&state, &id).await?;
    let now = state.runtime.clock.now();
    let changed = state.store.change_account(&account.id, |mut account| {
        if let Some(name) = &name {
            account.name.clone_from(name);
        }
        if let Some(dialect) = &dialect {
            account.dialect.clone_from(dialect);
        }
        account.updated_at = now;
        Ok::<_, Refusal>(account)
    });
    Refusal::of_change(changed.await?, "account").map(Json)
}

/// `DELETE /v1/accounts/{id}` → 204. Endpoints, keys and catalog go at once; events and deliveries
/// can't be reached any more and expire.
pub async fn remove(
    _: Admin,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let account = find(&state, &id).await?;
    state.store.delete_account(&account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account with this id.
pub async fn find(state: &ApiState, id: &str) -> Result<Account, Refusal> {
    let unknown = || Refusal::Unknown("account");
    let id: AccountId = id.parse().map_err(|_| unknown())?;
    state.store.account(&id).await?.ok_or_else(unknown)
}

fn known_dialect(fields: &mut Fields) -> Option<String> {
    let name = fields.text("dialect", 64)?;
    if Dialect::named(&name).is_none() {
        fields.problem("/dialect", format!("there is no dialect {name}; there is: standard"));
    }
    Some(name)
}
