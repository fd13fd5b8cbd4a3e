//! A URL as it is shown to those who may not manage an endpoint: what may be a secret in it is hidden.

use crate::header_rules::REDACTED;

/// The URL without the values of its query's parameters, and without user name and password. A parameter
/// that is not `name=value` is hidden as a whole: it may be the secret itself.
pub fn masked(url: &str) -> String {
    let (rest, query) = match url.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (url, None),
    };
    let mut masked = without_user(rest);
    if let Some(query) = query {
        masked.push('?');
        let parameters: Vec<String> = query.split('&').map(parameter).collect();
        masked.push_str(&parameters.join("&"));
    }
    masked
}

fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{REDACTED}@{host}{path}"),
        None => url.to_owned(),
    }
}

fn parameter(text: &str) -> String {
    match text.split_once('=') {
        Some((name, value)) if !value.is_empty() => format!("{name}={REDACTED}"),
        Some(_) => text.to_owned(),
        None if text.is_empty() => String::new(),
        None => REDACTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_hidden() {
        for (url, shown) in [
            ("https://example.com/hooks/a", "https://example.com/hooks/a"),
            ("https://example.com?token=x", "https://example.com?token=***"),
            ("https://example.com/a?token=x&v=2", "https://example.com/a?token=***&v=***"),
            ("https://example.com/a?token=x=y&=z", "https://example.com/a?token=***&=***"),
            ("https://example.com/a?x&&b=", "https://example.com/a?***&&b="),
            ("https://example.com/a?b?c=d&e", "https://example.com/a?b?c=***&***"),
            ("https://example.com/a?", "https://example.com/a?"),
            ("https://example.com/@team?q=1", "https://example.com/@team?q=***"),
            ("https://me:secret@example.com/a", "https://***@example.com/a"),
            ("https://me:sec@ret@example.com:8443", "https://***@example.com:8443"),
            ("https://example.com/?next=https://u:p@b", "https://example.com/?next=***"),
            ("", ""),
        ] {
            assert_eq!(masked(url), shown, "{url}");
        }
    }

    #[test]
    fn what_is_masked_stays_as_it_is() {
        for url in ["https://a.example/?token=***", "https://***@a.example/b?***"] {
            assert_eq!(masked(url), url);
        }
    }
}
