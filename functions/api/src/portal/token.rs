//! A session's secret: the browser keeps it in a cookie, the table its hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::COOKIE;
use posthorn_shared::base32;
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::signing::hmac_sha256;
use subtle::ConstantTimeEq;

use super::site::Site;

/// Whose pages a session opens. A session of the one is nothing to the other: cookies, tokens, and
/// what forms carry are different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// An account's.
    Account,
    /// The platform team's.
    Platform,
}

impl Realm {
    fn cookie_name(self) -> &'static str {
        match self {
            Self::Account => "posthorn-portal",
            Self::Platform => "posthorn-platform",
        }
    }

    /// What its tokens begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Account => "pht_",
            Self::Platform => "php_",
        }
    }

    fn forms(self) -> &'static str {
        match self {
            Self::Account => "forms of the portal",
            Self::Platform => "forms of the platform's pages",
        }
    }

    /// Below which path a browser sends the cookie.
    fn path(self, site: &Site) -> String {
        match self {
            Self::Account => site.base().to_owned(),
            Self::Platform => site.path("/platform"),
        }
    }
}

/// A session's secret: only its hash is kept.
#[derive(Clone)]
pub struct Token {
    realm: Realm,
    text: String,
}

impl Token {
    pub fn new(realm: Realm, random: u128) -> Self {
        Self { realm, text: format!("{}{}", realm.prefix(), base32::encode(random)) }
    }

    /// The one that a request shows.
    pub fn of(headers: &HeaderMap, realm: Realm) -> Option<Self> {
        let name = realm.cookie_name();
        let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).map(str::trim);
        let value = pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        value.starts_with(realm.prefix()).then(|| Self { realm, text: value.to_owned() })
    }

    pub fn sha256(&self) -> String {
        sha256_hex(&self.text)
    }

    /// What every form of the session carries, and nobody else can know.
    pub fn csrf(&self) -> String {
        let forms = self.realm.forms().as_bytes();
        URL_SAFE_NO_PAD.encode(hmac_sha256(self.text.as_bytes(), forms))
    }

    /// Whether a form carries it.
    pub fn made(&self, csrf: &str) -> bool {
        self.csrf().as_bytes().ct_eq(csrf.as_bytes()).into()
    }

    /// The cookie, for as long as the session lasts. A portal in a frame of another site gets its
    /// cookie back only if it is `SameSite=None`, and in a jar of that frame's own. The platform
    /// team's pages are in nobody's frame, and nobody else's page leads into a session of theirs.
    pub fn cookie(&self, site: &Site, framed: bool, seconds: i64) -> String {
        let secure = match (self.realm, site.https, framed) {
            (Realm::Platform, true, _) => "; SameSite=Strict; Secure",
            (Realm::Platform, false, _) => "; SameSite=Strict",
            (Realm::Account, true, true) => "; SameSite=None; Secure; Partitioned",
            (Realm::Account, true, false) => "; SameSite=Lax; Secure",
            // Where it is plain http, the page around it is on localhost as well: the same site.
            (Realm::Account, false, _) => "; SameSite=Lax",
        };
        let (name, value, path) = (self.realm.cookie_name(), &self.text, self.realm.path(site));
        format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly{secure}")
    }
}

/// Takes the cookie away.
pub fn no_cookie(realm: Realm, site: &Site, framed: bool) -> String {
    Token { realm, text: String::new() }.cookie(site, framed, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())])
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let found =
            |cookie: &str| Token::of(&headers(cookie), Realm::Account).map(|token| token.text);
        assert_eq!(found("a=b; posthorn-portal=pht_x; c=d").as_deref(), Some("pht_x"));
        assert_eq!(found("xposthorn-portal=pht_x"), None);
        // A link's token, or an API key, is no session's.
        assert_eq!(found("posthorn-portal=phs_x"), None);
    }

    #[test]
    fn a_session_of_one_realm_is_none_of_the_other() {
        for (cookie, realm) in [
            ("posthorn-portal=pht_x", Realm::Platform),
            ("posthorn-platform=pht_x", Realm::Platform),
            ("posthorn-platform=php_x", Realm::Account),
            ("posthorn-portal=php_x", Realm::Account),
        ] {
            assert!(Token::of(&headers(cookie), realm).is_none(), "{cookie}");
        }
        assert!(Token::of(&headers("posthorn-platform=php_x"), Realm::Platform).is_some());
    }

    #[test]
    fn forms_of_one_session_are_not_those_of_another() {
        let (one, other) = (Token::new(Realm::Account, 1), Token::new(Realm::Account, 2));
        assert_eq!(one.csrf(), one.clone().csrf());
        assert_ne!(one.csrf(), other.csrf());
        assert!(one.made(&one.csrf()) && !one.made(&other.csrf()));
        assert!(!one.csrf().contains(&one.text));
    }
}
