use super::Reason::*;
use super::*;

fn judge(address: &str, allowed: &str) -> Option<Reason> {
    refusal(address.parse().unwrap(), &allowed.parse().unwrap())
}

#[test]
fn special_addresses_are_refused() {
    let table = [
        ("0.0.0.0", Reserved),
        ("0.255.255.255", Reserved),
        ("10.0.0.0", Private),
        ("10.255.255.255", Private),
        ("100.64.0.0", SharedNat),
        ("100.127.255.255", SharedNat),
        ("127.0.0.1", Loopback),
        ("127.255.255.255", Loopback),
        ("169.254.0.1", LinkLocal),
        ("169.254.169.253", LinkLocal),
        ("169.254.169.254", Metadata),
        ("169.254.170.2", Metadata),
        ("169.254.170.23", Metadata),
        ("172.16.0.0", Private),
        ("172.31.255.255", Private),
        ("192.0.0.8", Reserved),
        ("192.0.2.1", Documentation),
        ("192.88.99.1", Tunnel),
        ("192.168.0.0", Private),
        ("192.168.255.255", Private),
        ("198.18.0.0", Benchmarking),
        ("198.19.255.255", Benchmarking),
        ("198.51.100.7", Documentation),
        ("203.0.113.255", Documentation),
        ("224.0.0.1", Multicast),
        ("233.252.0.9", Documentation),
        ("239.255.255.255", Multicast),
        ("240.0.0.1", Reserved),
        ("255.255.255.254", Reserved),
        ("255.255.255.255", Broadcast),
        ("::", Reserved),
        ("::1", Loopback),
        ("::2", Reserved),
        ("::127.0.0.1", Loopback),
        ("::8.8.8.8", Reserved),
        ("::ffff:127.0.0.1", Loopback),
        ("::ffff:10.1.2.3", Private),
        ("::ffff:169.254.169.254", Metadata),
        ("::ffff:0:127.0.0.1", Reserved),
        ("64:ff9b::7f00:1", Loopback),
        ("64:ff9b::192.168.1.1", Private),
        ("64:ff9b::169.254.169.254", Metadata),
        ("64:ff9b:1::8.8.8.8", Tunnel),
        ("64:ff9b:1:ffff::1", Tunnel),
        ("64:ff9b::1:0:0:1", Reserved),
        ("100::1", Reserved),
        ("2001::1", Tunnel),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Tunnel),
        ("2001:2::1", Benchmarking),
        ("2001:10::1", Reserved),
        ("2001:20::1", Reserved),
        ("2001:db8::1", Documentation),
        ("2001:db8:ffff:ffff::1", Documentation),
        ("2002:7f00:1::1", Tunnel),
        ("2002:808:808::1", Tunnel),
        ("3ffe::1", Reserved),
        ("3fff:fff::1", Documentation),
        ("4000::1", Reserved),
        ("5f00::1", Reserved),
        ("fc00::1", Private),
        ("fdff:ffff::1", Private),
        ("fd00:ec2::254", Metadata),
        ("fd00:ec2::23", Metadata),
        ("fe80::1", LinkLocal),
        ("febf::1", LinkLocal),
        ("fec0::1", SiteLocal),
        ("feff::1", SiteLocal),
        ("ff02::1", Multicast),
        ("ff0e::1", Multicast),
    ];
    for (address, reason) in table {
        assert_eq!(judge(address, ""), Some(reason), "{address}");
    }
}

#[test]
fn public_addresses_are_reached() {
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700:4700::1111",
        "2a00:1450:4001:800::200e",
    ] {
        assert_eq!(judge(address, ""), None, "{address}");
    }
}

#[test]
fn a_deployment_may_allow_networks() {
    let local = "127.0.0.0/8, ::1/128";
    assert_eq!(judge("127.0.0.1", local), None);
    assert_eq!(judge("::ffff:127.0.0.1", local), None);
    assert_eq!(judge("::1", local), None);
    assert_eq!(judge("10.0.0.1", local), Some(Private));
    assert_eq!(judge("::127.0.0.1", local), Some(Loopback));
    assert_eq!(judge("10.0.0.7", "10.0.0.7"), None);
    assert_eq!(judge("10.0.0.8", "10.0.0.7"), Some(Private));
    assert_eq!(judge("2002:808:808::1", "2002::/16"), None);
}

#[test]
fn metadata_stays_out_of_reach() {
    for address in [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
    ] {
        assert_eq!(judge(address, "0.0.0.0/0,::/0"), Some(Metadata), "{address}");
    }
}

#[test]
fn an_entry_that_is_no_network_is_named() {
    for bad in ["10.0.0.0/33", "10.0.0/8", "localhost", "::/129", "10.0.0.0/8;::1"] {
        let error = format!("127.0.0.0/8,{bad}").parse::<AllowedNetworks>().unwrap_err();
        assert_eq!(error, InvalidNetwork(bad.into()));
        assert!(error.to_string().contains(bad), "{error}");
    }
    assert!("".parse::<AllowedNetworks>().unwrap().is_empty());
    assert!(" , ".parse::<AllowedNetworks>().unwrap().is_empty());
}

#[test]
fn ports_may_be_narrowed() {
    let all: AllowedPorts = "".parse().unwrap();
    assert!(all.contains(1) && all.contains(65_535));
    let some: AllowedPorts = "443, 8000-8999".parse().unwrap();
    let allowed = [443, 8000, 8999].iter().all(|port| some.contains(*port));
    assert!(allowed && ![442, 444, 7999, 9000].iter().any(|port| some.contains(*port)));
    for wrong in ["0", "65536", "https", "9-8", "1-", "-1"] {
        assert_eq!(wrong.parse::<AllowedPorts>(), Err(InvalidPort(wrong.to_owned())));
    }
}
