//! Who may see the page. It shows secrets of a sort, payloads, to whoever sits at this machine: not
//! to web sites that are open beside it, and not to whoever comes through a tunnel that leads
//! deliveries here.

use std::net::IpAddr;

use http::header::{CONTENT_TYPE, FORWARDED, HOST, ORIGIN};
use http::{HeaderMap, Method};

/// What tunnels and proxies tell of whom they speak for.
const OF_PROXIES: [&str; 3] = ["x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/// Why a request for the page is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("the page can be opened on this machine only, not through a proxy or a tunnel")]
    Proxy,
    /// A web site whose name leads here all of a sudden (DNS rebinding) shows its own name.
    #[error("open the page at 127.0.0.1, localhost or the address given with --bind")]
    Host,
    #[error("only the page itself can change answers, with JSON")]
    Origin,
}

/// Whether a request may see or change something.
///
/// # Errors
/// Why not.
pub fn check(method: &Method, headers: &HeaderMap) -> Result<(), Closed> {
    let text = |name: http::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key(FORWARDED) || OF_PROXIES.iter().any(|name| headers.contains_key(*name))
    {
        return Err(Closed::Proxy);
    }
    let host = text(HOST).filter(|host| is_address(host)).ok_or(Closed::Host)?;
    if method == Method::GET || method == Method::HEAD {
        return Ok(());
    }
    // Other sites can't send JSON without asking first, and nobody answers them.
    let is_json = text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    let is_own = text(ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
    if is_json && is_own { Ok(()) } else { Err(Closed::Origin) }
}

/// Whether a `Host` is no name that somebody else may own.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(method: Method, pairs: &[(&'static str, &str)]) -> Result<(), Closed> {
        let headers = pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()));
        check(&method, &headers.collect())
    }

    #[test]
    fn the_page_is_for_this_machine() {
        for host in
            ["127.0.0.1:9000", "localhost:9000", "localhost", "[::1]:9000", "192.168.0.7:9000"]
        {
            assert_eq!(checked(Method::GET, &[("host", host)]), Ok(()), "{host}");
        }
        for host in ["evil.example:9000", "localhost.evil.example", "127.0.0.1.nip.io", ""] {
            assert_eq!(checked(Method::GET, &[("host", host)]), Err(Closed::Host), "{host}");
        }
        assert_eq!(checked(Method::GET, &[]), Err(Closed::Host));
        for proxy in ["x-forwarded-for", "forwarded"] {
            let headers = [("host", "localhost"), (proxy, "1.2.3.4")];
            assert_eq!(checked(Method::GET, &headers), Err(Closed::Proxy));
        }
    }

    #[test]
    fn changes_come_from_the_page() {
        let host = ("host", "127.0.0.1:9000");
        let json = ("content-type", "application/json");
        let put = |headers: &[(&'static str, &str)]| checked(Method::PUT, headers);
        assert_eq!(put(&[host, json]), Ok(()));
        assert_eq!(put(&[host, json, ("origin", "http://127.0.0.1:9000")]), Ok(()));
        for origin in ["http://evil.example", "http://127.0.0.1:8000", "null"] {
            assert_eq!(put(&[host, json, ("origin", origin)]), Err(Closed::Origin));
        }
        assert_eq!(put(&[host]), Err(Closed::Origin));
        assert_eq!(put(&[host, ("content-type", "text/plain")]), Err(Closed::Origin));
    }
}
