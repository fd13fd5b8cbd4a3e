//! Content filters. The input's first line is the filter, the rest the event that it is held
//! against (an event of our own where that is no JSON).

use posthorn_shared::filter::{Filter, MAX_BYTES, MAX_STEPS, Subject, TooExpensive};
use serde_json::{Value, json};

use crate::line;

#[path = "../../../shared/tests/filter/reference.rs"]
mod reference;

/// Fuzzes the reading and the matching of filters.
///
/// # Panics
/// When a filter that is taken means something else once it is written down, or does not match
/// what a second implementation says that it matches.
pub fn filter(bytes: &[u8]) {
    let (filter, event) = line(bytes);
    let Ok(text) = std::str::from_utf8(filter) else {
        return;
    };
    let filter = match Filter::parse(text) {
        Ok(filter) => filter,
        Err(error) => return assert!((1..=32).contains(&error.problems.len())),
    };
    let written: Value = serde_json::from_str(text).expect("a filter is JSON");
    let again = written.to_string();
    let event = serde_json::from_slice(event).ok().filter(Value::is_object);
    for event in [event.unwrap_or_else(sample), sample()] {
        let matches = match filter.matches(&mut Subject::new(&event, MAX_STEPS)) {
            Ok(matches) => matches,
            // Nothing is known of it; and the second implementation would take for ever.
            Err(TooExpensive) => continue,
        };
        assert_eq!(reference::matches(&written, &event), matches, "{event}");
        // The API keeps a filter as it writes it, not as it came: `1e15` takes more bytes then.
        if again.len() <= MAX_BYTES {
            let again = Filter::parse(&again).expect("the same filter, written again");
            let answer = again.matches(&mut Subject::new(&event, MAX_STEPS));
            assert_eq!(answer, Ok(matches), "written again it means something else");
        }
    }
}

fn sample() -> Value {
    json!({
        "id": "evt_01h455vb4pex5vsknk084sn02q",
        "type": "vault.created",
        "timestamp": "2026-11-21T10:00:00Z",
        "data": {
            "state": "open", "a": 1, "b": [1, "x", null], "c": {"d": true}, "e": [], "f": {},
            "g": [{"h": 1, "i": 2}, {"h": 3}, [{"h": 4}]], "ip": "10.0.0.7", "n": 1.5, "z": null,
        },
    })
}
