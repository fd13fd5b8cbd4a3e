//! What the environment says: how long, and from which seed.

use std::time::SystemTime;

/// Seconds of random requests in the small form, which is part of every run of the tests.
const SMALL: u64 = 60;
/// Seconds that each bomb is thrown again and again in the large form. In the small one it is thrown
/// once.
pub const BOMB_SECONDS: u64 = 30;

/// `POSTHORN_HOSTILE_SECONDS`: how long random requests are sent.
pub fn seconds() -> u64 {
    number("POSTHORN_HOSTILE_SECONDS").unwrap_or(SMALL)
}

/// Whether it is the large form: whoever says how long wants figures, on a machine that does nothing
/// else.
pub fn is_large() -> bool {
    seconds() > SMALL
}

/// `POSTHORN_HOSTILE_SEED`: what requests are made from; every run has another one otherwise.
pub fn seed() -> u64 {
    number("POSTHORN_HOSTILE_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::from(now.subsec_nanos()) ^ now.as_secs()
    })
}

/// The port of a URL of this machine.
pub fn port_of(url: &str) -> &str {
    let address = crate::wire::address(url).split('/').next().unwrap_or_default();
    address.rsplit(':').next().unwrap_or_default()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}
