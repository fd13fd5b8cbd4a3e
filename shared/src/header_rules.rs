//! Which headers a customer may add to its deliveries, and which of them are never shown again.

use crate::dialect::Dialect;

/// Extra headers an endpoint may have.
pub const MAX_HEADERS: usize = 20;
/// Bytes of one header's value.
pub const MAX_VALUE: usize = 4096;

/// What is shown in place of a sensitive value.
pub const REDACTED: &str = "***";

/// Hop-by-hop headers (RFC 9110, section 7.6.1) and those that frame the request.
const RESERVED: [&str; 16] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "content-encoding",
];

/// Parts of names that look like the value is a secret.
const SENSITIVE: [&str; 8] =
    ["authorization", "token", "secret", "password", "api-key", "apikey", "credential", "cookie"];

/// Whether a header's value is write-only.
pub fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SENSITIVE.iter().any(|part| name.contains(part))
}

/// Why a header can't be added; `None` when it can.
pub fn refusal(name: &str, value: &str, dialect: &Dialect) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Some("is no header name (RFC 9110, section 5.6.2)".to_owned());
    }
    if RESERVED.contains(&lower.as_str()) {
        return Some("is set by Posthorn or the connection and can't be changed".to_owned());
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
    fn knows_what_is_sensitive_and_what_is_reserved() {
        assert!(is_sensitive("Authorization"));
        assert!(is_sensitive("X-Api-Key"));
        assert!(!is_sensitive("X-Custom-Header"));
        let dialect = Dialect::standard();
        for bad in ["Host", "Webhook-Id", "content-length", "a b", ""] {
            assert!(refusal(bad, "x", &dialect).is_some(), "{bad}");
        }
        assert!(refusal("X-Ok", "a\r\nb", &dialect).is_some());
        assert_eq!(refusal("X-Ok", "value", &dialect), None);
    }
}
