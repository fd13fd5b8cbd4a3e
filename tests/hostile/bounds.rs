//! What is asserted of answers, and of what another tenant sees.
//!
//! The small form, which is part of every run of the tests, asserts what no busy machine can break:
//! nothing is lost, nothing fails, memory stays below its bound, and half of all requests are as quick
//! as all but one in a hundred have to be in the large form.

use std::time::Duration;

use crate::routes::Kind;
use crate::settings;
use crate::watcher::Record;
use crate::wire::Reply;

/// Bytes of an answer: as many as Lambda gives.
pub const MAX_ANSWER: usize = 6 * 1024 * 1024;
/// Bytes of a refusal. Pages show again what was entered, so they may be larger.
pub const MAX_REFUSAL: usize = 64 * 1024;
/// What the process may have in memory.
const MAX_MIB: f64 = 300.0;
/// `GET /healthz`, and an event of another tenant until it has arrived.
const HEALTH: Duration = Duration::from_millis(250);
const EVENT: Duration = Duration::from_secs(1);
/// What takes longer than this even on a busy machine stands still.
const STANDSTILL: Duration = Duration::from_secs(30);

/// What is wrong with an answer, whoever gets it.
pub fn objection(reply: &Reply, kind: Kind) -> Option<String> {
    let (status, length) = (reply.status, reply.body.len());
    // 503 with Retry-After says that nothing was accepted and when to come back.
    if status >= 500 && !(status == 503 && reply.header("retry-after").is_some()) {
        return Some(format!("{status}: {}", String::from_utf8_lossy(&reply.body)));
    }
    let most = if status < 400 || kind == Kind::Page { MAX_ANSWER } else { MAX_REFUSAL };
    (length > most).then(|| format!("{status} with {length} bytes"))
}

/// Asserts what holds of a run with random requests.
///
/// # Panics
/// When it does not.
pub fn of_the_fuzzer(record: &Record) {
    nothing_failed(record);
    let share = if settings::is_large() { 0.99 } else { 0.5 };
    let (health, event) = (record.health.quantile(share), record.events.quantile(share));
    assert!(health < HEALTH, "/healthz took {health:?}: {}", record.figures());
    assert!(event < EVENT, "an event took {event:?}: {}", record.figures());
}

/// Asserts what holds beside any bomb. How long events take is a figure: under limits, on a machine
/// that does other things as well, it says more of them.
///
/// # Panics
/// When it does not.
pub fn nothing_failed(record: &Record) {
    let wrong: Vec<_> = record.wrong.iter().take(10).collect();
    assert!(wrong.is_empty(), "{} went wrong, like {wrong:#?}", record.wrong.len());
    assert_eq!(record.lost, 0, "acknowledged and lost");
    let peak = record.peak_mib;
    assert!(peak < MAX_MIB, "{peak:.0} MiB in memory: {}", record.figures());
    for (what, delays) in [("/healthz", &record.health), ("an event", &record.events)] {
        let longest = delays.quantile(1.0);
        assert!(longest < STANDSTILL, "{what} took {longest:?}: {}", record.figures());
    }
}
