//! What takes long, or wants a browser or an independent program: `tests/run --quick` leaves it out.

mod browser;
mod chaos;
mod crashes;
mod fuzzed;
mod large_log;
mod limits;
