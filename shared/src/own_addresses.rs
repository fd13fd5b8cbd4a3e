//! Where the one-machine stack itself listens. Deliveries never go there, whatever the deployment
//! allows: at its own AWS port, a customer who knew the access key could make an admin key.

use std::net::{IpAddr, SocketAddr};

/// The one path of the API that deliveries may go to: `posthorn doctor` makes its test delivery
/// there. What is sent is not looked at.
pub const HEALTH_PATH: &str = "/healthz";

/// The addresses that this process listens on. None on Lambda, where nothing listens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnAddresses {
    api: Option<SocketAddr>,
    aws: Option<SocketAddr>,
}

impl OwnAddresses {
    /// Those of a stack, as its listeners are bound.
    pub fn new(api: SocketAddr, aws: SocketAddr) -> Self {
        Self { api: Some(api), aws: Some(aws) }
    }

    /// Those that a request for this path, which includes the query, must not reach: all of them,
    /// but for [`HEALTH_PATH`] only the AWS port.
    pub fn closed_to(&self, path_and_query: &str) -> Self {
        let api = self.api.filter(|_| path_and_query != HEALTH_PATH);
        Self { api, aws: self.aws }
    }

    /// Whether a connection to this address reaches one of them. Where a listener is on a loopback
    /// address, or on all addresses, every loopback address with its port counts, and so do
    /// `0.0.0.0` and `::`, which Linux connects to loopback.
    pub fn contain(&self, address: SocketAddr) -> bool {
        self.listeners().any(|listener| {
            let (own, ip) = (listener.ip().to_canonical(), address.ip().to_canonical());
            listener.port() == address.port() && (own == ip || (is_here(own) && is_here(ip)))
        })
    }

    /// Whether an open connection has reached one of them. This also recognizes this machine's
    /// other addresses, where a listener is on all of them: both ends have the same address then.
    pub fn are_reached_by(&self, local: SocketAddr, peer: SocketAddr) -> bool {
        let is_own_machine = local.ip().to_canonical() == peer.ip().to_canonical();
        let is_on_all =
            |listener: SocketAddr| listener.ip().is_unspecified() && listener.port() == peer.port();
        self.contain(peer) || (is_own_machine && self.listeners().any(is_on_all))
    }

    fn listeners(&self) -> impl Iterator<Item = SocketAddr> {
        self.api.into_iter().chain(self.aws)
    }
}

fn is_here(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(api: &str, aws: &str) -> OwnAddresses {
        OwnAddresses::new(api.parse().unwrap(), aws.parse().unwrap())
    }

    fn contains(own: &OwnAddresses, address: &str) -> bool {
        own.contain(address.parse().unwrap())
    }

    #[test]
    fn every_way_to_a_listener_on_loopback_is_own() {
        let own = own("127.0.0.1:8080", "127.0.0.1:4566");
        for ip in ["127.0.0.1", "127.0.0.2", "127.255.255.254", "0.0.0.0", "[::1]", "[::]"] {
            assert!(contains(&own, &format!("{ip}:8080")), "{ip}");
            assert!(contains(&own, &format!("{ip}:4566")), "{ip}");
            assert!(!contains(&own, &format!("{ip}:9000")), "{ip}");
        }
        for ip in ["[::ffff:127.0.0.1]", "[::ffff:127.8.8.8]", "[::ffff:0.0.0.0]"] {
            assert!(contains(&own, &format!("{ip}:4566")), "{ip}");
        }
        assert!(!contains(&own, "192.168.0.7:4566"));
        assert!(!contains(&own, "93.184.216.34:8080"));
    }

    #[test]
    fn a_listener_on_one_address_is_only_there() {
        let own = own("192.168.0.7:8080", "[::1]:4566");
        assert!(contains(&own, "192.168.0.7:8080"));
        assert!(contains(&own, "[::ffff:192.168.0.7]:8080"));
        assert!(!contains(&own, "127.0.0.1:8080"));
        assert!(!contains(&own, "192.168.0.8:8080"));
        assert!(contains(&own, "127.0.0.1:4566"));
    }

    #[test]
    fn a_listener_on_all_addresses_is_on_each_of_this_machine() {
        let own = own("0.0.0.0:8080", "127.0.0.1:4566");
        let reached = |local: &str, peer: &str| {
            own.are_reached_by(local.parse().unwrap(), peer.parse().unwrap())
        };
        assert!(contains(&own, "127.0.0.1:8080") && contains(&own, "[::1]:8080"));
        assert!(!contains(&own, "192.168.0.7:8080"));
        assert!(reached("192.168.0.7:50000", "192.168.0.7:8080"));
        assert!(!reached("192.168.0.7:50000", "192.168.0.8:8080"));
        // Something else listens there.
        assert!(!reached("192.168.0.7:50000", "192.168.0.7:4566"));
        assert!(reached("127.0.0.1:50000", "127.0.0.1:4566"));
    }

    #[test]
    fn only_the_health_path_is_open_and_only_on_the_api() {
        let own = own("127.0.0.1:8080", "127.0.0.1:4566");
        let open = own.closed_to(HEALTH_PATH);
        assert!(!contains(&open, "127.0.0.1:8080"));
        assert!(contains(&open, "127.0.0.1:4566"));
        for path in ["/", "/healthz/", "/healthz?a", "//healthz", "/v1/accounts", "/%68ealthz"] {
            assert_eq!(own.closed_to(path), own, "{path}");
        }
        assert_eq!(OwnAddresses::default().closed_to("/"), OwnAddresses::default());
        assert!(!contains(&OwnAddresses::default(), "127.0.0.1:4566"));
    }
}
