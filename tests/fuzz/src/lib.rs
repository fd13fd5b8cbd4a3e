//! What reads the input of strangers, one function for each kind of it. Each takes any bytes and
//! panics where a promise is broken; libFuzzer (`fuzz/`) and the smoke test (`tests/smoke.rs`)
//! look for bytes that make one do so.
//!
//! Where an input has several parts, its first byte chooses among a few settings (by its remainder,
//! so that `0`, `1`, … do) and lines divide the rest: a corpus that people can read.

mod cursor;
mod endpoint_url;
mod event;
mod facade;
mod filter;
mod signature;

pub use cursor::cursor;
pub use endpoint_url::endpoint_url;
pub use event::event;
pub use facade::facade;
pub use filter::filter;
pub use signature::signature;

/// The choice that the first byte makes among `count`, and the rest.
fn choice(bytes: &[u8], count: usize) -> Option<(usize, &[u8])> {
    bytes.split_first().map(|(first, rest)| (usize::from(*first) % count, rest))
}

/// The first line without its end, and what comes after it.
fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}
