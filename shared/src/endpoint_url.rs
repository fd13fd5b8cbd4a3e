//! The URL of an endpoint: what may be registered.
//!
//! This is the first of two gates. Names are resolved when a delivery is made, and every address is
//! judged then; here only what the text itself tells is refused, so that whoever registers it hears
//! of it at once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Position, Url};

use crate::address_guard::{self, AllowedNetworks, Reason};
use crate::own_addresses::OwnAddresses;

/// In characters, also of the form that requests are made with.
pub const MAX_LENGTH: usize = 2048;

/// A URL that deliveries may be sent to, in the normal form of the WHATWG URL standard (host in
/// lower case and punycode, path percent-encoded).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// Why a text is no URL that deliveries may be sent to. The text says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpointUrl {
    #[error("is a URL like https://example.com/webhooks: {0}")]
    NotAUrl(String),
    #[error("has at most {MAX_LENGTH} characters")]
    TooLong,
    #[error("has no spaces, control characters or backslashes; percent-encode them")]
    Whitespace,
    #[error("starts with https://")]
    Scheme,
    #[error(
        "starts with https://; http:// is only for localhost and addresses that the deployment allows"
    )]
    PlainHttp,
    #[error("carries no user name or password; send credentials in a header of the endpoint")]
    Credentials,
    #[error("has no fragment (#…): it would never be sent")]
    Fragment,
    #[error("has a port from 1 to 65535")]
    Port,
    #[error("has a public host: {0} is {1}")]
    Address(IpAddr, Reason),
    #[error("has a public host: {0} is a name inside a private network")]
    PrivateName(String),
}

impl EndpointUrl {
    /// Reads a URL. `http` is for `localhost` and addresses in allowed networks only.
    ///
    /// # Errors
    /// The first rule that the URL breaks.
    pub fn parse(text: &str, allowed: &AllowedNetworks) -> Result<Self, InvalidEndpointUrl> {
        if text.chars().count() > MAX_LENGTH {
            return Err(InvalidEndpointUrl::TooLong);
        }
        // The standard's parser would drop, trim or turn these: the URL would not be what it looks.
        if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(InvalidEndpointUrl::Whitespace);
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidEndpointUrl::Scheme)?;
        let plain = scheme.eq_ignore_ascii_case("http");
        if !plain && !scheme.eq_ignore_ascii_case("https") {
            return Err(InvalidEndpointUrl::Scheme);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(InvalidEndpointUrl::Credentials);
        }
        if authority.is_empty() {
            return Err(InvalidEndpointUrl::NotAUrl("the host is missing".into()));
        }
        let url = Url::parse(text).map_err(|e| InvalidEndpointUrl::NotAUrl(e.to_string()))?;
        if url.fragment().is_some() {
            return Err(InvalidEndpointUrl::Fragment);
        }
        if url.port() == Some(0) {
            return Err(InvalidEndpointUrl::Port);
        }
        check_host(&url, plain, allowed)?;
        if url.as_str().len() > MAX_LENGTH {
            return Err(InvalidEndpointUrl::TooLong);
        }
        // What requests are made with has its own idea of a URL.
        url.as_str()
            .parse::<http::Uri>()
            .map_err(|e| InvalidEndpointUrl::NotAUrl(e.to_string()))?;
        Ok(Self(url))
    }

    /// Whether two texts lead to the same scheme, host and port.
    pub fn same_origin(one: &str, other: &str) -> bool {
        let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
        one == other || origin(one).is_some_and(|one| Some(one) == origin(other))
    }

    /// The port that it names, or that goes without saying.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Whether the text alone tells that it leads to Posthorn itself. What other names lead to is
    /// judged on delivery.
    pub fn is_own(&self, own: &OwnAddresses) -> bool {
        let closed = own.closed_to(&self.0[Position::BeforePath..]);
        let contains = |ip: IpAddr| closed.contain(SocketAddr::new(ip, self.port()));
        match self.0.host() {
            Some(Host::Ipv4(ip)) => contains(ip.into()),
            Some(Host::Ipv6(ip)) => contains(ip.into()),
            Some(Host::Domain(name)) => {
                let is_local = is_in(name.strip_suffix('.').unwrap_or(name), "localhost");
                is_local && LOOPBACK.into_iter().any(contains)
            }
            None => false,
        }
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn check_host(url: &Url, plain: bool, allowed: &AllowedNetworks) -> Result<(), InvalidEndpointUrl> {
    let ip = match url.host() {
        None => return Err(InvalidEndpointUrl::NotAUrl("the host is missing".into())),
        Some(Host::Domain(name)) => return check_name(name, plain, allowed),
        // Decimal, octal, hexadecimal and short forms have become addresses by now.
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
    };
    if let Some(reason) = address_guard::refusal(ip, allowed) {
        return Err(InvalidEndpointUrl::Address(ip, reason));
    }
    if plain && !allowed.contains(ip) {
        return Err(InvalidEndpointUrl::PlainHttp);
    }
    Ok(())
}

/// Names that public DNS never answers for: RFC 6761, 6762 and 8375, ICANN's `.internal`, and what
/// systems call themselves in `/etc/hosts`; and Kubernetes' services.
const PRIVATE_SUFFIXES: [&str; 6] =
    ["local", "internal", "localdomain", "localdomain6", "home.arpa", "svc"];

fn check_name(
    name: &str,
    plain: bool,
    allowed: &AllowedNetworks,
) -> Result<(), InvalidEndpointUrl> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let private = || Err(InvalidEndpointUrl::PrivateName(name.to_owned()));
    if bare.is_empty() || bare.split('.').any(str::is_empty) {
        return Err(InvalidEndpointUrl::NotAUrl("the host has an empty part".into()));
    }
    if is_in(bare, "localhost") {
        return if allows_loopback(allowed) { Ok(()) } else { private() };
    }
    let is_private =
        !bare.contains('.') || PRIVATE_SUFFIXES.iter().any(|suffix| is_in(bare, suffix));
    // Inside an allowed network such names may well resolve; the address is judged on delivery.
    if is_private && allowed.is_empty() {
        return private();
    }
    if plain { Err(InvalidEndpointUrl::PlainHttp) } else { Ok(()) }
}

fn is_in(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// What `localhost` resolves to.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

fn allows_loopback(allowed: &AllowedNetworks) -> bool {
    LOOPBACK.into_iter().any(|ip| allowed.contains(ip))
}

#[cfg(test)]
#[path = "endpoint_url_tests.rs"]
mod tests;
