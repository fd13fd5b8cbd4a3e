//! Networks in CIDR notation.

use std::net::IpAddr;

use ipnet::IpNet;

/// Reads a network like `10.0.0.0/24` or `fd12:3456::/32`. Numbers with leading zeros are refused: some
/// programs read `010` as 8, others as 10.
pub fn parse(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let is_plain = length == "0" || !length.starts_with(['0', '+']);
    IpNet::new(address, length.parse().ok().filter(|_| is_plain)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_can_be_read_in_one_way_only() {
        for text in ["10.0.0.0/24", "10.0.0.6/32", "0.0.0.0/0", "fd12:3456::/32", "::/0"] {
            assert_eq!(parse(text).map(|network| network.to_string()).as_deref(), Some(text));
        }
        let refused = [
            "10.0.0.06/24",
            "010.0.0.0/8",
            "0x0a.0.0.0/8",
            "10.0.0.0/024",
            "10.0.0.0/+24",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0",
            "10.0.0/24",
            "::/129",
            " 10.0.0.0/24",
            "",
        ];
        for text in refused {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
