//! Which addresses deliveries may reach: public ones, and networks that the deployment allows.
//!
//! What is special is taken from the IANA special-purpose address registries (RFC 6890 and its
//! updates): <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::network;

/// Networks that deliveries may reach although they are not public. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedNetworks(Vec<IpNet>);

/// An entry that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network; write CIDRs separated by commas, like 10.1.0.0/16,fd12:3456::/32")]
pub struct InvalidNetwork(pub String);

impl FromStr for AllowedNetworks {
    type Err = InvalidNetwork;

    /// Reads CIDRs separated by commas; an address alone is a network of one, an empty text none.
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let entries = text.split(',').map(str::trim);
        let networks = entries.filter(|entry| !entry.is_empty()).map(|entry| {
            network::parse(entry)
                .or_else(|| entry.parse::<IpAddr>().ok().map(IpNet::from))
                .ok_or_else(|| InvalidNetwork(entry.to_owned()))
        });
        networks.collect::<Result<_, _>>().map(Self)
    }
}

impl AllowedNetworks {
    /// Whether one of the networks holds the address. IPv4-mapped IPv6 addresses count as the
    /// IPv4 address they reach.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|network| network.contains(&ip))
    }

    /// Whether nothing but public addresses is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Ports that deliveries may go to. All of them by default: receivers listen where they like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedPorts(Vec<RangeInclusive<u16>>);

/// An entry that is no port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no port; write ports and ranges separated by commas, like 443,8000-8999")]
pub struct InvalidPort(pub String);

impl FromStr for AllowedPorts {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Self, InvalidPort> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        let range = |entry: &str| match entry.split_once('-') {
            Some((first, last)) => Some(port(first)?..=port(last)?).filter(|r| !r.is_empty()),
            None => port(entry).map(|port| port..=port),
        };
        let range = |entry: &str| range(entry).ok_or_else(|| InvalidPort(entry.to_owned()));
        entries.map(range).collect::<Result<_, _>>().map(Self)
    }
}

impl AllowedPorts {
    /// Whether deliveries may go there.
    pub fn contains(&self, port: u16) -> bool {
        self.0.is_empty() || self.0.iter().any(|range| range.contains(&port))
    }
}

/// Why deliveries may not reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("a cloud metadata or credentials service")]
    Metadata,
    #[error("a loopback address")]
    Loopback,
    #[error("a private address")]
    Private,
    #[error("a link-local address")]
    LinkLocal,
    #[error("a site-local address")]
    SiteLocal,
    #[error("an address behind a provider's NAT (100.64.0.0/10)")]
    SharedNat,
    #[error("a multicast address")]
    Multicast,
    #[error("a broadcast address")]
    Broadcast,
    #[error("an address for documentation")]
    Documentation,
    #[error("an address for benchmarks")]
    Benchmarking,
    /// 6to4, Teredo, and NAT64 prefixes of somebody's own.
    #[error("an address that tunnels to another one")]
    Tunnel,
    #[error("a reserved address")]
    Reserved,
}

/// Says why deliveries may not reach the address; `None`: they may.
///
/// Addresses that lead to an IPv4 address (IPv4-mapped, NAT64) are judged by that one. Metadata
/// services stay out of reach whatever the deployment allows: no receiver of webhooks is there,
/// and what they hand out are the function's own credentials.
pub fn refusal(ip: IpAddr, allowed: &AllowedNetworks) -> Option<Reason> {
    let reason = match ip {
        IpAddr::V4(ip) => special_v4(ip),
        IpAddr::V6(ip) => special_v6(ip),
    }?;
    (reason == Reason::Metadata || !allowed.contains(ip)).then_some(reason)
}

/// EC2's instance metadata, and the credentials services of ECS tasks and of EKS pods.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
];

const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

/// The first that holds an address says what it is.
const SPECIAL_V4: [(Ipv4Net, Reason); 17] = [
    (v4(0, 0, 0, 8), Reason::Reserved),
    (v4(10, 0, 0, 8), Reason::Private),
    (v4(100, 64, 0, 10), Reason::SharedNat),
    (v4(127, 0, 0, 8), Reason::Loopback),
    (v4(169, 254, 0, 16), Reason::LinkLocal),
    (v4(172, 16, 0, 12), Reason::Private),
    (v4(192, 0, 0, 24), Reason::Reserved),
    (v4(192, 0, 2, 24), Reason::Documentation),
    // Relays of 6to4, deprecated by RFC 7526.
    (v4(192, 88, 99, 24), Reason::Tunnel),
    (v4(192, 168, 0, 16), Reason::Private),
    (v4(198, 18, 0, 15), Reason::Benchmarking),
    (v4(198, 51, 100, 24), Reason::Documentation),
    (v4(203, 0, 113, 24), Reason::Documentation),
    // MCAST-TEST-NET, RFC 5771.
    (v4(233, 252, 0, 24), Reason::Documentation),
    (v4(224, 0, 0, 4), Reason::Multicast),
    (Ipv4Net::new_assert(Ipv4Addr::BROADCAST, 32), Reason::Broadcast),
    (v4(240, 0, 0, 4), Reason::Reserved),
];

/// The first that holds an address says what it is. What is in none of them is public only
/// inside 2000::/3.
const SPECIAL_V6: [(Ipv6Net, Reason); 15] = [
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), Reason::Loopback),
    (v6(0xfc00, 0, 0, 7), Reason::Private),
    (v6(0xfe80, 0, 0, 10), Reason::LinkLocal),
    (v6(0xfec0, 0, 0, 10), Reason::SiteLocal),
    (v6(0xff00, 0, 0, 8), Reason::Multicast),
    // NAT64 of a network's own (RFC 8215): where the IPv4 address stands depends on the network.
    (v6(0x64, 0xff9b, 1, 48), Reason::Tunnel),
    // Teredo (RFC 4380): the IPv4 addresses in it are those of its server and of its client.
    (v6(0x2001, 0, 0, 32), Reason::Tunnel),
    (v6(0x2001, 2, 0, 48), Reason::Benchmarking),
    (v6(0x2001, 0xdb8, 0, 32), Reason::Documentation),
    // Protocol assignments; the few public ones in it are no web servers.
    (v6(0x2001, 0, 0, 23), Reason::Reserved),
    (v6(0x2002, 0, 0, 16), Reason::Tunnel),
    (v6(0x3fff, 0, 0, 20), Reason::Documentation),
    // The 6bone, given back in 2006 (RFC 3701).
    (v6(0x3ffe, 0, 0, 16), Reason::Reserved),
    // Segment routing identifiers, RFC 9602.
    (v6(0x5f00, 0, 0, 16), Reason::Reserved),
    // Discard-only, RFC 6666.
    (v6(0x100, 0, 0, 64), Reason::Reserved),
];

const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);
const IPV4_COMPATIBLE: Ipv6Net = v6(0, 0, 0, 96);
const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

fn special_v4(ip: Ipv4Addr) -> Option<Reason> {
    if METADATA_V4.contains(&ip) {
        return Some(Reason::Metadata);
    }
    let special = SPECIAL_V4.iter().find(|(network, _)| network.contains(&ip));
    special.map(|(_, reason)| *reason)
}

fn special_v6(ip: Ipv6Addr) -> Option<Reason> {
    if METADATA_V6.contains(&ip) {
        return Some(Reason::Metadata);
    }
    if let Some(v4) = ip.to_ipv4_mapped() {
        return special_v4(v4);
    }
    if NAT64.contains(&ip) {
        return special_v4(last_32_bits(ip));
    }
    let special = SPECIAL_V6.iter().find(|(network, _)| network.contains(&ip));
    if let Some((_, reason)) = special {
        return Some(*reason);
    }
    if IPV4_COMPATIBLE.contains(&ip) {
        // Deprecated (RFC 4291, 2.5.5.1); what it held is named where that is special itself.
        return special_v4(last_32_bits(ip)).or(Some(Reason::Reserved));
    }
    (!GLOBAL_UNICAST.contains(&ip)).then_some(Reason::Reserved)
}

fn last_32_bits(ip: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = ip.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
#[path = "address_guard_tests.rs"]
mod tests;
