//! Who looks at the portal: a cookie that a link was exchanged for.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use jiff::Timestamp;
use posthorn_shared::account_view::AccountView;
use posthorn_shared::dialect::{Dialect, Words};
use posthorn_shared::store::{PortalSession, StoreError};
use posthorn_shared::tenant::Tenant;

use super::posted::SignedIn;
use super::site::Site;
use super::token::{Realm, Token};
use super::trouble::Trouble;
use crate::quotas::{Counted, MAX_OF_SESSION};
use crate::request_log;
use crate::state::ApiState;

/// Somebody of an account, while the session lasts.
#[derive(Clone)]
pub struct Visitor {
    pub site: Site,
    /// The account with its dialect and its endpoints, at most a second old.
    pub view: Arc<AccountView>,
    pub expires_at: Timestamp,
    token: Token,
}

impl Visitor {
    pub fn account(&self) -> &Tenant {
        &self.view.tenant
    }

    pub fn dialect(&self) -> &Dialect {
        &self.view.dialect
    }

    /// What the account's product calls things.
    pub fn words(&self) -> &Words {
        &self.view.dialect.words
    }

    /// The path of a page; `page` begins with a slash.
    pub fn path(&self, page: &str) -> String {
        self.site.path(page)
    }

    /// What every form of this session carries, and nobody else can know.
    pub fn csrf(&self) -> String {
        self.token.csrf()
    }

    pub fn session_sha256(&self) -> String {
        self.token.sha256()
    }
}

/// The gate has looked, and says whom it found.
impl FromRequestParts<ApiState> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Trouble> {
        Found::in_request(parts).present()
    }
}

impl SignedIn for Visitor {
    fn site(&self) -> &Site {
        &self.site
    }

    fn made(&self, csrf: &str) -> bool {
        self.token.made(csrf)
    }
}

/// A session that is over still says whose pages they are.
pub type Found = super::found::Found<Visitor, Arc<AccountView>>;

impl Found {
    /// Looks for the session of a request.
    pub async fn by(parts: &Parts, state: &ApiState, site: &Site) -> Self {
        let Some(token) = Token::of(&parts.headers, Realm::Account, site) else {
            return Self::Nobody;
        };
        match look(token, state, site).await {
            Ok(found) => found,
            Err(Trouble::Unavailable(reason)) => Self::Unclear(reason),
            Err(Trouble::Refused(refusal)) => Self::Unclear(refusal.to_string()),
            Err(_) => Self::Nobody,
        }
    }

    /// Counts the request, if somebody is there: up to the limit of the account's keys, and no more
    /// than a person makes.
    ///
    /// # Errors
    /// When the session has made as many as it may.
    pub async fn admit(&self, state: &ApiState) -> Result<(), Trouble> {
        let Self::Present(visitor) = self else {
            return Ok(());
        };
        let limit = visitor.dialect().limits.max_requests().min(MAX_OF_SESSION);
        let sha256 = &visitor.session_sha256();
        Ok(state.quotas.admit(Counted::Session { sha256, limit }).await?)
    }

    /// Whose pages they are, if that is known.
    pub fn view(&self) -> Option<&Arc<AccountView>> {
        match self {
            Self::Present(visitor) => Some(&visitor.view),
            Self::Over(view) => Some(view),
            Self::Nobody | Self::Unclear(_) => None,
        }
    }
}

async fn look(token: Token, state: &ApiState, site: &Site) -> Result<Found, Trouble> {
    let Some(session) = state.store.portal_session(&token.sha256()).await? else {
        return Ok(Found::Nobody);
    };
    // A session ends with its account.
    let Some(view) = view_of(&session, state).await? else {
        return Ok(Found::Nobody);
    };
    let expires_at = session.expires_at;
    if expires_at <= state.runtime.clock.now() {
        return Ok(Found::Over(view));
    }
    request_log::is_of(session.account.as_str());
    let site = site.clone();
    Ok(Found::Present(Box::new(Visitor { site, view, expires_at, token })))
}

/// The account of a link or a session. Those of release 0.1.0 name it by its id alone: if an account with
/// this id was deleted, they may be that one's, and open nothing.
pub async fn view_of(
    session: &PortalSession,
    state: &ApiState,
) -> Result<Option<Arc<AccountView>>, StoreError> {
    match session.tenant() {
        Some(tenant) => state.accounts.of(&tenant).await,
        None => {
            let view = state.accounts.get(&session.account).await?;
            Ok(view.filter(|view| view.account.former_deleted_at.is_none()))
        }
    }
}
