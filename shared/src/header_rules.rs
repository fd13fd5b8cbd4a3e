//! Which headers a customer may add to its deliveries, and which values are never shown again.

use crate::dialect::Dialect;

/// Extra headers an endpoint may have.
pub const MAX_HEADERS: usize = 20;
/// Bytes of one header's name.
pub const MAX_NAME: usize = 100;
/// Bytes of one header's value.
pub const MAX_VALUE: usize = 4096;

/// What is shown in place of a value that is not.
pub const REDACTED: &str = "***";

/// Hop-by-hop headers (RFC 9110, section 7.6.1), those that frame the request, and those by which
/// proxies say who sent a request (RFC 7239; RFC 9110, section 7.6.3): a customer's would be believed.
const RESERVED: [&str; 16] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "content-encoding",
    "via",
    "x-real-ip",
];

/// Beginnings of names: what AWS services take for an action or its authorization, and more of what
/// only proxies say.
const RESERVED_PREFIXES: [&str; 4] = ["proxy-", "x-amz-", "x-amzn-", "x-forwarded-"];

/// Names of an endpoint's own headers whose values are shown: none of them authenticates anybody. Which
/// other names do is not to be told from their text.
pub const PLAIN: [&str; 11] = [
    "accept",
    "accept-language",
    "api-version",
    "cache-control",
    "x-api-version",
    "x-env",
    "x-environment",
    "x-region",
    "x-stage",
    "x-team",
    "x-version",
];

/// Parts of names that look like the value is a secret.
const SENSITIVE: [&str; 9] = [
    "authorization",
    "x-auth",
    "token",
    "secret",
    "pass",
    "key",
    "credential",
    "cookie",
    "session",
];

/// Whether the value of an endpoint's own header is write-only: all are, but those of a few names.
pub fn is_hidden(name: &str) -> bool {
    !PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(name))
}

/// Whether the value of a header that somebody else set is kept from the records: a receiver, or a
/// dialect.
pub fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SENSITIVE.iter().any(|part| name.contains(part))
}

/// Whether only Posthorn, the connection or a proxy sets a header. One that an endpoint has from a
/// release that knew fewer of them is still shown, but no longer sent; the endpoint's next change has
/// to remove it.
pub fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&name.as_str())
        || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Why a header can't be added; `None` when it can.
pub fn refusal(name: &str, value: &str, dialect: &Dialect) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Some("is no header name (RFC 9110, section 5.6.2)".to_owned());
    }
    if name.len() > MAX_NAME {
        return Some(format!("has a name of at most {MAX_NAME} bytes"));
    }
    if is_reserved(name) {
        let detail =
            "is set by Posthorn, the connection or a proxy, and can't be changed; remove it";
        return Some(detail.to_owned());
    }
    if dialect.owns_header(&lower) {
        return Some("belongs to the signature and can't be changed".to_owned());
    }
    if value.len() > MAX_VALUE || http::HeaderValue::from_str(value).is_err() {
        return Some(format!("has a value of visible characters, at most {MAX_VALUE} bytes"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_shown_and_what_is_reserved() {
        for hidden in ["Authorization", "X-Api-Key", "X-Custom-Header", "X-Environments", ""] {
            assert!(is_hidden(hidden), "{hidden}");
        }
        for plain in ["X-Environment", "x-env", "Accept", "X-API-Version"] {
            assert!(!is_hidden(plain), "{plain}");
        }
        for sensitive in ["Set-Cookie", "X-Webhook-Token", "X-Auth-Key", "X-Session"] {
            assert!(is_sensitive(sensitive), "{sensitive}");
        }
        for other in ["webhook-id", "webhook-signature", "Content-Type", "WWW-Authenticate"] {
            assert!(!is_sensitive(other), "{other}");
        }
        let dialect = Dialect::standard();
        for bad in ["Host", "Webhook-Id", "content-length", "a b", ""] {
            assert!(refusal(bad, "x", &dialect).is_some(), "{bad}");
        }
        for bad in [
            "X-Amz-Target",
            "x-amzn-trace-id",
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "Forwarded",
            "Via",
            "Proxy-Authorization",
            "Proxy-Anything",
            "TE",
            "Keep-Alive",
        ] {
            assert!(is_reserved(bad), "{bad}");
            let refusal = refusal(bad, "x", &dialect).expect(bad);
            assert!(refusal.contains("a proxy"), "{bad}: {refusal}");
        }
        for good in ["X-Amazing", "Viable", "X-Forwarded", "Proxied", "X-Team"] {
            assert_eq!(refusal(good, "x", &dialect), None, "{good}");
        }
        assert_eq!(refusal(&"x".repeat(MAX_NAME), "x", &dialect), None);
        let long = refusal(&"x".repeat(MAX_NAME + 1), "x", &dialect);
        assert_eq!(long.as_deref(), Some("has a name of at most 100 bytes"));
        assert!(refusal("X-Ok", "a\r\nb", &dialect).is_some());
        assert_eq!(refusal("X-Ok", "value", &dialect), None);
    }
}
