//! URLs of endpoints. The input's first byte chooses the networks that the deployment allows, the
//! rest is the URL.

use std::net::IpAddr;

use posthorn_shared::address_guard::{AllowedNetworks, refusal};
use posthorn_shared::endpoint_url::{EndpointUrl, MAX_LENGTH};
use url::{Position, Url};

use crate::choice;

const NETWORKS: [&str; 4] = ["", "127.0.0.0/8,::1", "10.0.0.0/8,fd00::/8", "0.0.0.0/0,::/0"];

/// Fuzzes the reading of endpoint URLs.
///
/// # Panics
/// When a URL that is taken is not taken again as it was written down, or would lead requests
/// elsewhere than where it was judged to lead.
pub fn endpoint_url(bytes: &[u8]) {
    let Some((chosen, Ok(text))) =
        choice(bytes, NETWORKS.len()).map(|(chosen, rest)| (chosen, std::str::from_utf8(rest)))
    else {
        return;
    };
    let allowed: AllowedNetworks = NETWORKS[chosen].parse().expect("these are networks");
    let url = match EndpointUrl::parse(text, &allowed) {
        Ok(url) => url,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(url.as_str().len() <= MAX_LENGTH);
    assert_eq!(EndpointUrl::parse(url.as_str(), &allowed), Ok(url.clone()), "is not its own form");
    leads_where_it_was_judged(&url, &allowed);
}

/// Requests are made with `http::Uri`, so what that understands is what counts.
fn leads_where_it_was_judged(url: &EndpointUrl, allowed: &AllowedNetworks) {
    let judged = Url::parse(url.as_str()).expect("it was parsed before");
    let uri: http::Uri = url.as_str().parse().expect("it was checked");
    let authority = uri.authority().expect("a host").as_str();
    assert!(!authority.contains('@'), "credentials");
    assert_eq!(uri.host(), judged.host_str());
    assert_eq!(uri.port_u16(), judged.port());
    assert_ne!(url.port(), 0);
    let path = uri.path_and_query().map(http::uri::PathAndQuery::as_str);
    assert_eq!(path, Some(&judged[Position::BeforePath..]));

    let host = uri.host().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if let Ok(ip) = literal {
        assert_eq!(refusal(ip, allowed), None, "{ip} is out of bounds");
        assert!(uri.scheme_str() == Some("https") || allowed.contains(ip), "plain HTTP");
        return;
    }
    let bare = host.strip_suffix('.').unwrap_or(host);
    let last = bare.rsplit('.').next().unwrap_or_default();
    assert!(!looks_like_a_number(last), "a resolver may take {host} for an address");
    let letters = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
    assert!(!bare.is_empty() && bare.bytes().all(letters), "{host} is no name");
    let is_localhost = bare == "localhost" || bare.ends_with(".localhost");
    assert!(uri.scheme_str() == Some("https") || is_localhost, "plain HTTP to {host}");
    if allowed.is_empty() {
        assert!(bare.contains('.') && !is_localhost && !bare.ends_with(".internal"), "{host}");
    }
}

/// What the C library's `inet_aton` takes for a part of an address.
fn looks_like_a_number(part: &str) -> bool {
    match part.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
