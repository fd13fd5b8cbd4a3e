//! How many files and connections this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Enough for the connections of both ports, those to receivers and to the stack itself, and files.
/// No more than every system allows (macOS: 10,240).
const WANTED: u64 = 8_192;

/// Raises the limit as far as it has to be and may be. Returns how many there may be now.
pub fn raise() -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let current = limits.current.unwrap_or(u64::MAX);
    let wanted = WANTED.min(limits.maximum.unwrap_or(u64::MAX));
    if current >= wanted {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limits }) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!(%error, "could not raise the limit of open files");
            current
        }
    }
}
