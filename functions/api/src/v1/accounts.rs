//! `/v1/accounts`: tenants, for the platform team.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use posthorn_shared::account::{Account, Limits};
use posthorn_shared::dialect;
use posthorn_shared::ids::AccountId;
use posthorn_shared::portal_settings::PortalSettings;
use posthorn_shared::retry_policy::RetryPolicy;
use serde_json::{Map, Value};

use crate::auth::Admin;
use crate::body::RequestBody;
use crate::extract::{Path, Query};
use crate::fields::Fields;
use crate::operations::{accounts, endpoints};
use crate::paging::{List, PageQuery, list as page};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::v1::requests::{AccountPatch, NewAccount};

/// Creates an account: a tenant. With the id of an account that was deleted less than two seconds ago,
/// the request waits for that long.
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
    let overrides = Overrides::read(&mut fields);
    let account = overrides.over(Account {
        id: id.unwrap_or_else(|| AccountId::new(now, state.runtime.clock.random())),
        name: fields.required_text("name", 256),
        dialect: known_dialect(&state, &mut fields).unwrap_or_else(|| dialect::DEFAULT.to_owned()),
        limits: Limits::default(),
        retry: None,
        timeout_seconds: None,
        portal: PortalSettings::default(),
        created_at: now,
        updated_at: now,
        former_deleted_at: None,
        deleted_at: None,
    });
    fields.finish()?;
    let account = accounts::create(&state, account).await?;
    Ok((StatusCode::CREATED, shown(&state, account)))
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
    let accounts = found.items.into_iter().map(|account| shown(&state, account).0);
    Ok(page(accounts.collect(), found.next.as_deref()))
}

/// An account.
#[utoipa::path(get, operation_id = "get_account", path = "/v1/accounts/{id}", tag = "accounts",
    params(("id" = AccountId, Path)), responses((status = 200, body = Account)))]
pub async fn show(
    _: Admin,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<Account>, Refusal> {
    Ok(shown(&state, accounts::find(&state, &id).await?))
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
    let tenant = accounts::find(&state, &id).await?.tenant();
    let overrides = Overrides::read(&mut fields);
    fields.finish()?;
    let now = state.runtime.clock.now();
    let changed = state.store.change_account(&tenant.id, |mut account| {
        if account.deleted_at.is_some() || account.tenant() != tenant {
            return Err(Refusal::Unknown("account"));
        }
        if let Some(name) = &name {
            account.name.clone_from(name);
        }
        if let Some(dialect) = &dialect {
            account.dialect.clone_from(dialect);
        }
        account.updated_at = now;
        Ok(overrides.over(account))
    });
    Ok(shown(&state, Refusal::of_change(changed.await?, "account")?))
}

/// Deletes an account. Endpoints, keys, catalog, portal links and sessions go at once; events and
/// deliveries can't be reached any more and expire. A new account can have its id, and shares nothing
/// with it.
#[utoipa::path(delete, operation_id = "delete_account", path = "/v1/accounts/{id}", tag = "accounts",
    params(("id" = AccountId, Path)), responses((status = 204)))]
pub async fn remove(
    _: Admin,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    accounts::delete(&state, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An account as it is shown: with the limits as they hold.
fn shown(state: &ApiState, mut account: Account) -> Json<Account> {
    account.limits = accounts::limits(state, &account);
    Json(Account { former_deleted_at: None, deleted_at: None, ..account })
}

/// What an account says in its dialect's place. What is absent stays as it is; what is null is the
/// dialect's again.
struct Overrides {
    limits: Option<Option<Map<String, Value>>>,
    said: Limits,
    retry: Option<Option<RetryPolicy>>,
    timeout_seconds: Option<Option<u64>>,
    portal: Option<PortalSettings>,
}

impl Overrides {
    fn read(fields: &mut Fields) -> Self {
        // Null: all of them.
        let limits = fields.peek("limits").map(|limits| limits.as_object().cloned());
        let expected = r#"{"endpoints": 500, "event_types": 500, "per_second": 10, "per_hour": 1000}, or some of them"#;
        let said: Limits = fields.object("limits", expected).unwrap_or_default();
        for (name, detail) in said.problems() {
            fields.problem(format!("/limits/{name}"), detail);
        }
        let retry = fields.peek("retry").is_some();
        let timeout = fields.peek("timeout_seconds").is_some();
        Self {
            limits,
            said,
            retry: retry.then(|| endpoints::retry(fields)),
            timeout_seconds: timeout.then(|| endpoints::timeout(fields)),
            portal: portal_settings(fields),
        }
    }

    fn over(&self, mut account: Account) -> Account {
        if let Some(limits) = &self.limits {
            let before = account.limits;
            let one = |name: &str, said: Option<u32>, before: Option<u32>| {
                let meant = limits.as_ref().is_none_or(|limits| limits.contains_key(name));
                if meant { said } else { before }
            };
            account.limits = Limits {
                endpoints: one("endpoints", self.said.endpoints, before.endpoints),
                event_types: one("event_types", self.said.event_types, before.event_types),
                per_second: one("per_second", self.said.per_second, before.per_second),
                per_hour: one("per_hour", self.said.per_hour, before.per_hour),
                requests_per_second: one(
                    "requests_per_second",
                    self.said.requests_per_second,
                    before.requests_per_second,
                ),
            };
        }
        if let Some(retry) = &self.retry {
            account.retry.clone_from(retry);
        }
        if let Some(timeout) = self.timeout_seconds {
            account.timeout_seconds = timeout;
        }
        if let Some(portal) = &self.portal {
            account.portal.clone_from(portal);
        }
        account
    }
}

/// Null: nothing is said any more; an object that does not name them leaves them as they are.
fn portal_settings(fields: &mut Fields) -> Option<PortalSettings> {
    let said = fields.peek("portal")?;
    let meant = said.is_null() || said.get("frame_ancestors").is_some();
    let expected = r#"{"frame_ancestors": ["https://app.example.com"]}"#;
    let settings: PortalSettings = fields.object("portal", expected).unwrap_or_default();
    for (pointer, detail) in settings.problems() {
        fields.problem(format!("/portal{pointer}"), detail);
    }
    meant.then_some(settings)
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
