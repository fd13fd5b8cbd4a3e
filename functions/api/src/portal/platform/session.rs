//! Somebody of the platform team: a cookie that an admin key was exchanged for.

use axum::extract::FromRequestParts;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use posthorn_shared::store::PlatformSession;

use crate::auth::{self, Identity};
use crate::portal::posted::SignedIn;
use crate::portal::site::Site;
use crate::portal::token::{Realm, Token};
use crate::portal::trouble::Trouble;
use crate::problem::Refusal;
use crate::quotas::{Counted, MAX_OF_SESSION};
use crate::state::ApiState;

/// A working day.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(8);

/// Somebody of the platform team, while the session lasts.
#[derive(Clone)]
pub struct Operator {
    pub site: Site,
    pub expires_at: Timestamp,
    token: Token,
}

impl Operator {
    /// The path of a page; `page` begins with a slash, or is empty.
    pub fn path(&self, page: &str) -> String {
        self.site.path(&format!("/platform{page}"))
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
impl FromRequestParts<ApiState> for Operator {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Trouble> {
        Found::in_request(parts).present()
    }
}

impl SignedIn for Operator {
    fn site(&self) -> &Site {
        &self.site
    }

    fn made(&self, csrf: &str) -> bool {
        self.token.made(csrf)
    }
}

/// Of a session whose time is over, or whose key is no more, nothing is known.
pub type Found = crate::portal::found::Found<Operator, ()>;

impl Found {
    /// Looks for the session of a request.
    pub async fn by(parts: &Parts, state: &ApiState, site: &Site) -> Self {
        let Some(token) = Token::of(&parts.headers, Realm::Platform, site) else {
            return Self::Nobody;
        };
        match look(token, state, site).await {
            Ok(found) => found,
            Err(Refusal::Unavailable(reason)) => Self::Unclear(reason),
            Err(other) => Self::Unclear(other.to_string()),
        }
    }

    /// Counts the request, if somebody is there.
    ///
    /// # Errors
    /// When the session has made as many as it may.
    pub async fn admit(&self, state: &ApiState) -> Result<(), Trouble> {
        let Self::Present(operator) = self else {
            return Ok(());
        };
        let sha256 = &operator.session_sha256();
        Ok(state.quotas.admit(Counted::Session { sha256, limit: MAX_OF_SESSION }).await?)
    }
}

async fn look(token: Token, state: &ApiState, site: &Site) -> Result<Found, Refusal> {
    let Some(session) = state.store.platform_session(&token.sha256()).await? else {
        return Ok(Found::Nobody);
    };
    let PlatformSession { key_sha256, expires_at } = session;
    if expires_at <= state.runtime.clock.now() {
        return Ok(Found::Over(()));
    }
    // A session ends with its key: who deletes a key that leaked locks out whoever has it.
    match auth::identify_by_hash(&key_sha256, state).await {
        Ok(Identity::Admin) => {
            Ok(Found::Present(Box::new(Operator { site: site.clone(), expires_at, token })))
        }
        Ok(Identity::Account(_)) | Err(Refusal::UnknownKey) => Ok(Found::Over(())),
        Err(other) => Err(other),
    }
}
