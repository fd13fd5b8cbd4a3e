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
    /// By https it has a prefix for which browsers take it from this very host alone, and not from its
    /// neighbours (RFC 6265bis, section 4.1.3.2).
    fn cookie_name(self, site: &Site) -> &'static str {
        match (self, site.https) {
            (Self::Account, true) => "__Host-posthorn-portal",
            (Self::Account, false) => "posthorn-portal",
            (Self::Platform, true) => "__Host-posthorn-platform",
            (Self::Platform, false) => "posthorn-platform",
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

    /// Below which path a browser sends the cookie: with the prefix, everywhere.
    fn path(self, site: &Site) -> String {
        match (self, site.https) {
            (_, true) => "/".to_owned(),
            (Self::Account, false) => site.base().to_owned(),
            (Self::Platform, false) => site.path("/platform"),
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

    /// The one that a request shows. Of several it can't be told which one this site has set: then there
    /// is none.
    pub fn of(headers: &HeaderMap, realm: Realm, site: &Site) -> Option<Self> {
        let mut values = values(headers, realm, site);
        let value = values.next().filter(|value| value.starts_with(realm.prefix()))?;
        values.next().is_none().then(|| Self { realm, text: value.to_owned() })
    }

    /// Whether a request shows several.
    pub fn are_several(headers: &HeaderMap, realm: Realm, site: &Site) -> bool {
        values(headers, realm, site).nth(1).is_some()
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
        let (name, path) = (self.realm.cookie_name(site), self.realm.path(site));
        let value = &self.text;
        format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly{secure}")
    }
}

/// The values of a realm's cookies in a request.
fn values<'h>(headers: &'h HeaderMap, realm: Realm, site: &Site) -> impl Iterator<Item = &'h str> {
    let name = realm.cookie_name(site);
    let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|line| line.split(';')).map(str::trim);
    pairs.filter_map(move |pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Takes the cookie away.
pub fn no_cookie(realm: Realm, site: &Site, framed: bool) -> String {
    Token { realm, text: String::new() }.cookie(site, framed, 0)
}

#[cfg(test)]
mod tests {
    use posthorn_shared::settings::Settings;

    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())])
    }

    fn site(proto: &str) -> Site {
        let request = http::Request::get("/portal").header("x-forwarded-proto", proto);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Site::of(&parts, &Settings::from_lookup(|_| None).unwrap())
    }

    fn found(cookie: &str, realm: Realm, site: &Site) -> Option<String> {
        Token::of(&headers(cookie), realm, site).map(|token| token.text)
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let found = |cookie: &str| found(cookie, Realm::Account, &site("http"));
        assert_eq!(found("a=b; posthorn-portal=pht_x; c=d").as_deref(), Some("pht_x"));
        assert_eq!(found("xposthorn-portal=pht_x"), None);
        // A link's token, or an API key, is no session's.
        assert_eq!(found("posthorn-portal=phs_x"), None);
    }

    #[test]
    fn of_two_cookies_none_counts() {
        for two in [
            "posthorn-portal=pht_x; posthorn-portal=pht_y",
            "posthorn-portal=pht_x; a=b; posthorn-portal=pht_x",
            "posthorn-portal=; posthorn-portal=pht_x",
            "posthorn-portal=pht_x; posthorn-portal=",
        ] {
            assert_eq!(found(two, Realm::Account, &site("http")), None, "{two}");
            assert!(Token::are_several(&headers(two), Realm::Account, &site("http")), "{two}");
            assert!(!Token::are_several(&headers(two), Realm::Platform, &site("http")), "{two}");
        }
        let mut apart = headers("posthorn-portal=pht_x");
        apart.append(COOKIE, "posthorn-portal=pht_y".parse().unwrap());
        assert!(Token::of(&apart, Realm::Account, &site("http")).is_none());
        assert!(!Token::are_several(&headers("a=b"), Realm::Account, &site("http")));
    }

    #[test]
    fn by_https_only_this_very_host_sets_it() {
        let (plain, safe) = (site("http"), site("https"));
        for (realm, value) in [(Realm::Account, "pht_x"), (Realm::Platform, "php_x")] {
            let token = Token { realm, text: value.to_owned() };
            for framed in [true, false] {
                let cookie = token.cookie(&safe, framed, 60);
                assert!(cookie.starts_with("__Host-posthorn-"), "{cookie}");
                assert!(cookie.contains("; Path=/;") && cookie.contains("; Secure"), "{cookie}");
                assert!(!cookie.contains("Domain"), "{cookie}");
                let sent = cookie.split(';').next().unwrap();
                assert_eq!(found(sent, realm, &safe).as_deref(), Some(value));
                assert_eq!(found(sent, realm, &plain), None);
                // What neighbours can set counts for nothing.
                let bare = sent.trim_start_matches("__Host-");
                assert_eq!(found(bare, realm, &safe), None);
                assert_eq!(found(bare, realm, &plain).as_deref(), Some(value));
            }
        }
    }

    #[test]
    fn a_session_of_one_realm_is_none_of_the_other() {
        for (cookie, realm) in [
            ("posthorn-portal=pht_x", Realm::Platform),
            ("posthorn-platform=pht_x", Realm::Platform),
            ("posthorn-platform=php_x", Realm::Account),
            ("posthorn-portal=php_x", Realm::Account),
        ] {
            assert_eq!(found(cookie, realm, &site("http")), None, "{cookie}");
        }
        assert!(found("posthorn-platform=php_x", Realm::Platform, &site("http")).is_some());
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
