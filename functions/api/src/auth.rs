//! Who calls, and for which account.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use posthorn_shared::api_key::{ApiKey, Holder, Scope};
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::event_type::CatalogOwner;
use posthorn_shared::ids::AccountId;
use posthorn_shared::tenant::Tenant;
use subtle::ConstantTimeEq;

use crate::problem::Refusal;
use crate::quotas::Counted;
use crate::request_log;
use crate::state::ApiState;
use crate::urls::Urls;

/// The header by which an admin key names the account it acts on.
pub const ACCOUNT_HEADER: &str = "posthorn-account";

/// The platform team.
pub struct Admin;

/// Whoever acts on one account's resources.
pub struct Caller {
    tenant: Tenant,
    /// `None`: an admin key, which may do everything.
    key: Option<Arc<ApiKey>>,
}

impl Caller {
    /// The account, if the key's scopes cover the call.
    pub fn account(&self, scope: Scope) -> Result<&Tenant, Refusal> {
        if self.key.as_ref().is_none_or(|key| key.allows(scope)) {
            return Ok(&self.tenant);
        }
        let scope = match scope {
            Scope::Manage => "manage",
            Scope::Publish => "publish",
            Scope::Read => "read",
        };
        Err(Refusal::Forbidden(format!("this key lacks the scope {scope}")))
    }

    /// How endpoints' URLs are shown to the key.
    pub fn urls(&self) -> Urls {
        match self.account(Scope::Manage) {
            Ok(_) => Urls::Whole,
            Err(_) => Urls::Masked,
        }
    }
}

/// Whose key a request shows.
#[derive(Clone)]
pub enum Identity {
    Admin,
    Account(Arc<ApiKey>),
}

/// In a request that is counted.
#[derive(Clone)]
struct Admitted(Identity);

/// Finds out whose key a request shows, and counts the request: once, however many ask.
///
/// # Errors
/// When it shows none that is known, or the key has made as many requests as it may.
pub async fn admit(parts: &mut Parts, state: &ApiState) -> Result<Identity, Refusal> {
    if let Some(Admitted(identity)) = parts.extensions.get::<Admitted>() {
        return Ok(identity.clone());
    }
    let key = presented_key(parts).ok_or(Refusal::NoKey)?;
    let identity = identify_by_hash(&sha256_hex(key), state).await?;
    if let Identity::Account(key) = &identity {
        request_log::is_of(key.account.as_str());
        state.quotas.admit(Counted::Key(key)).await?;
    }
    parts.extensions.insert(Admitted(identity.clone()));
    Ok(identity)
}

/// Finds out whose key has this SHA-256 (lower-case hex).
///
/// # Errors
/// When it is none that is known.
pub async fn identify_by_hash(sha256: &str, state: &ApiState) -> Result<Identity, Refusal> {
    if let Some(admin) = &state.runtime.settings.admin_key_sha256
        && bool::from(admin.as_bytes().ct_eq(sha256.as_bytes()))
    {
        return Ok(Identity::Admin);
    }
    if let Some(identity) = state.keys.get(sha256) {
        return Ok(identity);
    }
    let identity = match state.store.holder(sha256).await?.ok_or(Refusal::UnknownKey)? {
        Holder::Platform(_) => Identity::Admin,
        Holder::Account(key) => Identity::Account(Arc::new(key)),
    };
    state.keys.insert(sha256.to_owned(), identity.clone());
    Ok(identity)
}

/// The key that a request shows, whatever it is worth.
pub fn presented_key(parts: &Parts) -> Option<&str> {
    let header = |name: &str| parts.headers.get(name)?.to_str().ok();
    let bearer = header(AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    });
    bearer.or_else(|| header("x-api-key")).filter(|key| !key.is_empty())
}

/// Whoever has any key at all.
pub struct AnyKey;

impl FromRequestParts<ApiState> for AnyKey {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        admit(parts, state).await.map(|_| Self)
    }
}

/// Whoever acts on a catalog: a [`Caller`] on that of its account; the platform team, if it names
/// no account, on that of all accounts.
pub struct CatalogCaller(Option<Caller>);

impl CatalogCaller {
    /// The catalog, if the key's scopes cover the call.
    pub fn owner(&self, scope: Scope) -> Result<CatalogOwner, Refusal> {
        match &self.0 {
            None => Ok(CatalogOwner::Everyone),
            Some(caller) => caller.account(scope).cloned().map(CatalogOwner::Account),
        }
    }
}

impl FromRequestParts<ApiState> for CatalogCaller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        let names_none = !parts.headers.contains_key(ACCOUNT_HEADER);
        if names_none && matches!(admit(parts, state).await?, Identity::Admin) {
            return Ok(Self(None));
        }
        Caller::from_request_parts(parts, state).await.map(Some).map(Self)
    }
}

impl FromRequestParts<ApiState> for Admin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        match admit(parts, state).await? {
            Identity::Admin => Ok(Self),
            Identity::Account(_) => {
                Err(Refusal::Forbidden("only the platform team's admin key may do this".to_owned()))
            }
        }
    }
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        let named = match parts.headers.get(ACCOUNT_HEADER) {
            None => None,
            Some(value) => {
                let id = value.to_str().ok().and_then(|text| text.parse::<AccountId>().ok());
                Some(id.ok_or(Refusal::Unknown("account"))?)
            }
        };
        match admit(parts, state).await? {
            Identity::Account(key) => {
                if named.is_some_and(|named| named != key.account) {
                    return Err(Refusal::Unknown("account"));
                }
                Ok(Self { tenant: tenant(&key, state).await?, key: Some(key) })
            }
            Identity::Admin => {
                let account = named.ok_or_else(|| {
                    Refusal::Malformed(
                        "an admin key names the account in the header Posthorn-Account".to_owned(),
                    )
                })?;
                // An account key proves by existing that its account does.
                let view = state.accounts.get(&account).await?;
                let view = view.ok_or(Refusal::Unknown("account"))?;
                request_log::is_of(account.as_str());
                Ok(Self { tenant: view.tenant.clone(), key: None })
            }
        }
    }
}

/// The account that a key is of. Those of earlier releases name it by its id alone: they are of the
/// account that was there when they were made.
async fn tenant(key: &ApiKey, state: &ApiState) -> Result<Tenant, Refusal> {
    if let Some(tenant) = key.tenant() {
        return Ok(tenant);
    }
    let view = state.accounts.get(&key.account).await?.ok_or(Refusal::UnknownKey)?;
    if key.is_of(&view.tenant) { Ok(view.tenant.clone()) } else { Err(Refusal::UnknownKey) }
}
