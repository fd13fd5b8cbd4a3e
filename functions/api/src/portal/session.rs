//! Who looks at the portal: a cookie that a link was exchanged for.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::COOKIE;
use http::request::Parts;
use jiff::Timestamp;
use posthorn_shared::account_view::AccountView;
use posthorn_shared::base32;
use posthorn_shared::dialect::{Dialect, Words};
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::ids::AccountId;
use posthorn_shared::signing::hmac_sha256;
use posthorn_shared::store::PortalSession;
use subtle::ConstantTimeEq;

use super::site::Site;
use super::trouble::Trouble;
use crate::request_log;
use crate::state::ApiState;

const COOKIE_NAME: &str = "posthorn-portal";

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
    pub fn account(&self) -> &AccountId {
        &self.view.account.id
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

    /// Whether a form carries it.
    pub fn made(&self, csrf: &str) -> bool {
        self.csrf().as_bytes().ct_eq(csrf.as_bytes()).into()
    }

    pub fn session_sha256(&self) -> String {
        self.token.sha256()
    }
}

/// The gate has looked, and says whom it found.
impl FromRequestParts<ApiState> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Trouble> {
        let found = parts.extensions.get::<Found>().cloned();
        found.unwrap_or(Found::Nobody).visitor()
    }
}

/// What a request's cookie leads to.
#[derive(Clone)]
pub enum Found {
    Visitor(Box<Visitor>),
    /// A session whose time is over, of this account.
    Over(Arc<AccountView>),
    Nobody,
    /// The table did not answer.
    Unclear(String),
}

impl Found {
    /// Looks for the session of a request.
    pub async fn by(parts: &Parts, state: &ApiState, site: &Site) -> Self {
        let Some(token) = Token::of(&parts.headers) else {
            return Self::Nobody;
        };
        match token.visitor(state, site).await {
            Ok(found) => found,
            Err(Trouble::Refused(refusal)) => Self::Unclear(refusal.to_string()),
            Err(_) => Self::Nobody,
        }
    }

    /// The visitor, or why there is none.
    pub fn visitor(self) -> Result<Visitor, Trouble> {
        match self {
            Self::Visitor(visitor) => Ok(*visitor),
            Self::Over(_) => Err(Trouble::SessionOver),
            Self::Nobody => Err(Trouble::NoSession),
            Self::Unclear(reason) => Err(Trouble::Unavailable(reason)),
        }
    }

    /// Whose pages they are, if that is known.
    pub fn view(&self) -> Option<&Arc<AccountView>> {
        match self {
            Self::Visitor(visitor) => Some(&visitor.view),
            Self::Over(view) => Some(view),
            Self::Nobody | Self::Unclear(_) => None,
        }
    }
}

/// A session's secret: only its hash is kept.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    pub fn new(random: u128) -> Self {
        Self(format!("pht_{}", base32::encode(random)))
    }

    fn of(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).map(str::trim);
        let value = pairs.find_map(|pair| pair.strip_prefix(COOKIE_NAME)?.strip_prefix('='))?;
        value.starts_with("pht_").then(|| Self(value.to_owned()))
    }

    pub fn sha256(&self) -> String {
        sha256_hex(&self.0)
    }

    fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(hmac_sha256(self.0.as_bytes(), b"forms of the portal"))
    }

    async fn visitor(self, state: &ApiState, site: &Site) -> Result<Found, Trouble> {
        let Some(session) = state.store.portal_session(&self.sha256()).await? else {
            return Ok(Found::Nobody);
        };
        let PortalSession { account, expires_at, .. } = session;
        // A session ends with its account.
        let Some(view) = state.accounts.get(&account).await? else {
            return Ok(Found::Nobody);
        };
        if expires_at <= state.runtime.clock.now() {
            return Ok(Found::Over(view));
        }
        request_log::is_of(account.as_str());
        let site = site.clone();
        Ok(Found::Visitor(Box::new(Visitor { site, view, expires_at, token: self })))
    }

    /// The cookie, for as long as the session lasts. A portal in a frame of another site gets its
    /// cookie back only if it is `SameSite=None`, and in a jar of that frame's own.
    pub fn cookie(&self, site: &Site, framed: bool, seconds: i64) -> String {
        let secure = match (site.https, framed) {
            (true, true) => "; SameSite=None; Secure; Partitioned",
            (true, false) => "; SameSite=Lax; Secure",
            // Where it is plain http, the page around it is on localhost as well: the same site.
            (false, _) => "; SameSite=Lax",
        };
        let (value, path) = (&self.0, site.base());
        format!("{COOKIE_NAME}={value}; Path={path}; Max-Age={seconds}; HttpOnly{secure}")
    }
}

/// Takes the cookie away.
pub fn no_cookie(site: &Site, framed: bool) -> String {
    Token(String::new()).cookie(site, framed, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())])
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let found = |cookie: &str| Token::of(&headers(cookie)).map(|token| token.0);
        assert_eq!(found("a=b; posthorn-portal=pht_x; c=d").as_deref(), Some("pht_x"));
        assert_eq!(found("xposthorn-portal=pht_x"), None);
        // A link's token, or an API key, is no session's.
        assert_eq!(found("posthorn-portal=phs_x"), None);
    }

    #[test]
    fn forms_of_one_session_are_not_those_of_another() {
        let (one, other) = (Token::new(1), Token::new(2));
        assert_eq!(one.csrf(), one.clone().csrf());
        assert_ne!(one.csrf(), other.csrf());
        assert!(!one.csrf().contains(&one.0));
    }
}
