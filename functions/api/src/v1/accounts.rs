//! `/v1/accounts`: tenants, for the platform team.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use posthorn_shared::account::{Account, Limits, MAX_LIMIT};
use posthorn_shared::dialect;
use posthorn_shared::ids::AccountId;

use crate::auth::Admin;
use crate::body::RequestBody;
use crate::extract::{Path, Query};
use crate::fields::Fields;
use crate::paging::{List, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::v1::requests::{AccountPatch, LimitsPatch, NewAccount};

/// Creates an account: a tenant.
#[utoipa::path(post, operation_id = "create_account", path = "/v1/accounts", tag = "accounts",
    request_body = NewAccount, responses((status = 201, body = Account)))]
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
        dialect: known_dialect(&state, &mut fields).unwrap_or_else(|| dialect::DEFAULT.to_owned()),
        limits: limits(&mut fields, Limits::default()).unwrap_or_default(),
        created_at: now,
        updated_at: now,
    };
    fields.finish()?;
    if !state.store.create_account(&account).await? {
        return Err(Refusal::Conflict(format!("there is an account {} already", account.id)));
    }
    Ok((StatusCode::CREATED, Json(account)))
}

/// Lists accounts, newest first.
#[utoipa::path(get, operation_id = "list_accounts", path = "/v1/accounts", tag = "accounts", params(PageQuery),
    responses((status = 200, body = List<Account>)))]
pub async fn list(
    _: Admin,
    State(state): State<ApiState>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List<Account>>, Refusal> {
    let found = state.store.accounts(query.limit()?, query.after()?.as_deref()).await?;
    Ok(page(found.items, found.next.as_deref()))
}

/// An account.
#[utoipa::path(get, operation_id = "get_account", path = "/v1/accounts/{id}", tag = "accounts",
    params(("id" = AccountId, Path)), responses((status = 200, body = Account)))]
pub async fn show(
    _: Admin,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<Account>, Refusal> {
    find(&state, &id).await.map(Json)
}

/// Changes an account by a JSON Merge Patch.
#[utoipa::path(patch, operation_id = "change_account", path = "/v1/accounts/{id}", tag = "accounts",
    params(("id" = AccountId, Path)),
    request_body = AccountPatch, responses((status = 200, body = Account)))]
pub async fn change(
    _: Admin,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: RequestBody,
) -> Result<Json<Account>, Refusal> {
    let mut fields = Fields::parse(&body)?;
    let name = fields.text("name", 256);
    let dialect = known_dialect(&state, &mut fields);
    let account = find(&state, &id).await?;
    let limits = limits(&mut fields, account.limits);
    fields.finish()?;
    let now = state.runtime.clock.now();
    let changed = state.store.change_account(&account.id, |mut account| {
        if let Some(name) = &name {
            account.name.clone_from(name);
        }
        if let Some(dialect) = &dialect {
            account.dialect.clone_from(dialect);
        }
        if let Some(limits) = limits {
            account.limits = limits;
        }
        account.updated_at = now;
        Ok::<_, Refusal>(account)
    });
    Refusal::of_change(changed.await?, "account").map(Json)
}

/// Deletes an account. Endpoints, keys and catalog go at once; events and deliveries can't be
/// reached any more and expire.
#[utoipa::path(delete, operation_id = "delete_account", path = "/v1/accounts/{id}", tag = "accounts",
    params(("id" = AccountId, Path)), responses((status = 204)))]
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

/// Limits that are said, over those that hold.
fn limits(fields: &mut Fields, before: Limits) -> Option<Limits> {
    let expected = r#"{"endpoints": 500, "event_types": 500}, or one of them"#;
    let said: LimitsPatch = fields.object("limits", expected)?;
    let ranges = [("endpoints", said.endpoints), ("event_types", said.event_types)];
    for (name, value) in ranges {
        if value.is_some_and(|value| value > MAX_LIMIT) {
            fields.problem(format!("/limits/{name}"), format!("is at most {MAX_LIMIT}"));
        }
    }
    Some(Limits {
        endpoints: said.endpoints.unwrap_or(before.endpoints),
        event_types: said.event_types.unwrap_or(before.event_types),
    })
}

fn known_dialect(state: &ApiState, fields: &mut Fields) -> Option<String> {
    let name = fields.text("dialect", 64)?;
    let dialects = &state.runtime.settings.dialects;
    if dialects.named(&name).is_none() {
        let known: Vec<&str> = dialects.all().map(|dialect| dialect.name.as_str()).collect();
        let known = known.join(", ");
        fields.problem("/dialect", format!("there is no dialect {name}; there are: {known}"));
    }
    Some(name)
}
