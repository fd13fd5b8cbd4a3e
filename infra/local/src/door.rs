//! Which requests a port of this machine takes: none that a web site sends through the browser of
//! somebody who has it open. A site can send requests to loopback, and can have its own name lead
//! there all of a sudden, so that it may read the answers, too (DNS rebinding).

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::header::{CONTENT_TYPE, FORWARDED, HOST, ORIGIN};
use http::{HeaderMap, Method};

/// What tunnels and proxies tell of whom they speak for.
const OF_PROXIES: [&str; 3] = ["x-forwarded-for", "x-forwarded-host", "x-real-ip"];
/// What browsers tell of the page that a request comes from.
const FETCH_SITE: &str = "sec-fetch-site";

/// Host names of this server, besides its addresses and `localhost`. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Hosts(Arc<[String]>);

/// A text that is not a list of host names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host name like hooks.example.com, without scheme and port")]
pub struct InvalidHost(String);

impl FromStr for Hosts {
    type Err = InvalidHost;

    /// Names with commas between them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let check = |name: &str| match name.chars().all(is_name) {
            true => Ok(name.to_ascii_lowercase()),
            false => Err(InvalidHost(name.to_owned())),
        };
        names.map(check).collect::<Result<_, _>>().map(Self)
    }
}

impl Hosts {
    /// With one name more.
    #[must_use]
    pub fn and(self, name: &str) -> Self {
        let names = self.0.iter().cloned().chain([name.to_ascii_lowercase()]);
        Self(names.collect())
    }

    /// Whether a `Host` is an address or a name of this server, rather than one that somebody else
    /// may own.
    fn contain(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let mut own = self.0.iter().map(String::as_str).chain(["localhost"]);
        bare.parse::<IpAddr>().is_ok() || own.any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Who calls besides programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pages {
    /// Nobody.
    None,
    /// A page that this port serves, to those who sit at this machine.
    Own,
    /// Whatever pages the routes behind the door let in, by keys, sessions and forms.
    Judged,
}

/// What a port asks of every request. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Door {
    hosts: Hosts,
    pages: Pages,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("the page can be opened on this machine only, not through a proxy or a tunnel")]
    Proxy,
    #[error(
        "this host name is not one of this server's: use an IP address or localhost, or add the \
         name to POSTHORN_HOSTS"
    )]
    Host,
    #[error("only the page itself can change answers, with JSON")]
    Change,
    #[error("this port is for programs, not for web pages")]
    Page,
}

impl Door {
    /// Of the API and the portal.
    pub fn of_api(hosts: Hosts) -> Self {
        Self { hosts, pages: Pages::Judged }
    }

    /// Of the AWS services.
    pub fn of_aws(hosts: Hosts) -> Self {
        Self { hosts, pages: Pages::None }
    }

    /// Of the page of `posthorn listen`. It shows secrets of a sort, payloads, to whoever sits at
    /// this machine: not to whoever comes through a tunnel that leads deliveries here.
    pub fn of_page(hosts: Hosts) -> Self {
        Self { hosts, pages: Pages::Own }
    }

    /// Whether a request may see or change something.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Closed> {
        let text = |name: http::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        if self.pages == Pages::Own && is_of_proxy(headers) {
            return Err(Closed::Proxy);
        }
        let host = text(HOST).filter(|host| self.hosts.contain(host)).ok_or(Closed::Host)?;
        match self.pages {
            Pages::Judged => Ok(()),
            Pages::None if headers.contains_key(ORIGIN) || is_of_other_site(headers) => {
                Err(Closed::Page)
            }
            Pages::None => Ok(()),
            Pages::Own if method == Method::GET || method == Method::HEAD => Ok(()),
            Pages::Own => {
                // Other sites can't send JSON without asking first, and nobody answers them.
                let is_json =
                    text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
                let is_own = text(ORIGIN).is_none_or(|origin| origin == format!("http://{host}"));
                if is_json && is_own { Ok(()) } else { Err(Closed::Change) }
            }
        }
    }

    /// A router behind this door; `refuse` writes what it answers to the others.
    pub fn before(self, router: Router, refuse: fn(Closed) -> Response) -> Router {
        router.layer(from_fn(move |request: Request, next: Next| {
            let checked = self.check(request.method(), request.headers());
            async move {
                match checked {
                    Ok(()) => next.run(request).await,
                    Err(closed) => refuse(closed),
                }
            }
        }))
    }
}

fn is_of_proxy(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED) || OF_PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// Whether a browser says that the request comes from another site's page.
fn is_of_other_site(headers: &HeaderMap) -> bool {
    let said = |site: &[u8]| site == b"none" || site == b"same-origin";
    headers.get_all(FETCH_SITE).iter().any(|site| !said(site.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(door: &Door, method: Method, pairs: &[(&'static str, &str)]) -> Result<(), Closed> {
        let headers = pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()));
        door.check(&method, &headers.collect())
    }

    fn page() -> Door {
        Door::of_page(Hosts::default())
    }

    #[test]
    fn every_door_knows_its_own_names_only() {
        let hosts = "hooks.example.com, posthorn".parse::<Hosts>().unwrap().and("Public.Example");
        for door in
            [Door::of_api(hosts.clone()), Door::of_aws(hosts.clone()), Door::of_page(hosts.clone())]
        {
            for host in [
                "127.0.0.1:9000",
                "localhost:9000",
                "localhost",
                "[::1]:9000",
                "192.168.0.7:9000",
                "hooks.example.com",
                "Hooks.Example.COM:443",
                "posthorn:8080",
                "public.example",
            ] {
                assert_eq!(checked(&door, Method::GET, &[("host", host)]), Ok(()), "{host}");
            }
            for host in [
                "evil.example:9000",
                "localhost.evil.example",
                "127.0.0.1.nip.io",
                "evil.example:80:80",
                "example.com",
                "",
            ] {
                let refused = checked(&door, Method::GET, &[("host", host)]);
                assert_eq!(refused, Err(Closed::Host), "{host}");
            }
            assert_eq!(checked(&door, Method::GET, &[]), Err(Closed::Host));
        }
    }

    #[test]
    fn names_come_without_scheme_and_port() {
        for text in ["https://hooks.example.com", "hooks.example.com:443", "a b", "*"] {
            assert!(text.parse::<Hosts>().is_err(), "{text}");
        }
        assert!("".parse::<Hosts>().unwrap().0.is_empty());
    }

    #[test]
    fn no_page_calls_the_aws_services() {
        let door = Door::of_aws(Hosts::default());
        let host = ("host", "127.0.0.1:4566");
        for site in ["none", "same-origin"] {
            assert_eq!(checked(&door, Method::POST, &[host, (FETCH_SITE, site)]), Ok(()));
        }
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:4566"),
            (FETCH_SITE, "cross-site"),
            (FETCH_SITE, "same-site"),
            (FETCH_SITE, ""),
        ] {
            for method in [Method::GET, Method::POST] {
                let refused = checked(&door, method, &[host, (name, value)]);
                assert_eq!(refused, Err(Closed::Page), "{name}: {value}");
            }
        }
    }

    #[test]
    fn the_page_is_for_this_machine() {
        for proxy in ["x-forwarded-for", "forwarded"] {
            let headers = [("host", "localhost"), (proxy, "1.2.3.4")];
            assert_eq!(checked(&page(), Method::GET, &headers), Err(Closed::Proxy));
            assert_eq!(checked(&Door::of_api(Hosts::default()), Method::GET, &headers), Ok(()));
        }
    }

    #[test]
    fn changes_come_from_the_page() {
        let host = ("host", "127.0.0.1:9000");
        let json = ("content-type", "application/json");
        let put = |headers: &[(&'static str, &str)]| checked(&page(), Method::PUT, headers);
        assert_eq!(put(&[host, json]), Ok(()));
        assert_eq!(put(&[host, json, ("origin", "http://127.0.0.1:9000")]), Ok(()));
        for origin in ["http://evil.example", "http://127.0.0.1:8000", "null"] {
            assert_eq!(put(&[host, json, ("origin", origin)]), Err(Closed::Change));
        }
        assert_eq!(put(&[host]), Err(Closed::Change));
        assert_eq!(put(&[host, ("content-type", "text/plain")]), Err(Closed::Change));
    }
}
