//! Content filters. The input's first line is the filter, the rest the event that it is held
//! against (an event of our own where that is no JSON).

use std::collections::HashSet;

use posthorn_shared::filter::{Filter, MAX_BYTES};
use serde_json::{Map, Value, json};

use crate::line;

/// Fuzzes the reading and the matching of filters.
///
/// # Panics
/// When a filter that is taken means something else once it is written down, or does not match
/// what its parts, each for itself, say that it matches.
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
    let pattern = written.as_object().expect("a filter is an object");
    let again = written.to_string();
    let event = serde_json::from_slice(event).ok().filter(Value::is_object);
    for event in [event.unwrap_or_else(sample), sample()] {
        let matches = filter.matches(&event);
        // The API keeps a filter as it writes it, not as it came: `1e15` takes more bytes then.
        if again.len() <= MAX_BYTES {
            let again = Filter::parse(&again).expect("the same filter, written again");
            assert_eq!(again.matches(&event), matches, "written again it means something else");
            let parts = Parts { event: &event };
            assert_eq!(parts.all(&|part| part, pattern, Some(&event)), matches, "{event}");
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

/// Says whether an event matches, asking one value at a time: fields are a conjunction, values and
/// alternatives a disjunction.
struct Parts<'a> {
    event: &'a Value,
}

/// Puts a part of a pattern to its place in a filter.
type Within<'a> = &'a dyn Fn(Value) -> Value;

impl Parts<'_> {
    fn all(&self, within: Within, pattern: &Map<String, Value>, target: Option<&Value>) -> bool {
        pattern.iter().all(|(name, value)| self.one(within, name, value, target))
    }

    fn one(&self, within: Within, name: &str, value: &Value, target: Option<&Value>) -> bool {
        let inside = |part: Value| within(json!({ name: part }));
        let inner = target.and_then(|target| target.get(name));
        match value {
            Value::Array(alternatives) if name == "$or" => {
                let mut objects = alternatives.iter().filter_map(Value::as_object);
                objects.any(|alternative| self.all(within, alternative, target))
            }
            Value::Array(values) => values.iter().any(|value| {
                let answer = self.ask(&inside(json!([value])));
                let expected = inner.and_then(|leaf| plain_answer(value, leaf));
                assert!(expected.is_none_or(|it| it == answer), "{value} against {inner:?}");
                answer
            }),
            // Of a list of objects, one has to satisfy all: that can't be taken apart.
            Value::Object(fields) if !inner.is_some_and(Value::is_array) => {
                self.all(&inside, fields, inner)
            }
            _ => self.ask(&inside(value.clone())),
        }
    }

    fn ask(&self, filter: &Value) -> bool {
        let filter = Filter::parse(&filter.to_string()).expect("a part of a filter is one");
        filter.matches(self.event)
    }
}

/// What one value of a filter says of a leaf, where that takes few words; `None`: it takes more.
fn plain_answer(value: &Value, leaf: &Value) -> Option<bool> {
    if leaf.is_array() || leaf.is_object() {
        return None;
    }
    let Value::Object(operator) = value else {
        return (!value.is_number()).then(|| value == leaf);
    };
    let (name, argument) = operator.iter().next()?;
    let (text, wanted) = (leaf.as_str(), argument.as_str());
    match name.as_str() {
        "exists" => argument.as_bool(),
        "prefix" => wanted.map(|wanted| text.is_some_and(|text| text.starts_with(wanted))),
        "suffix" => wanted.map(|wanted| text.is_some_and(|text| text.ends_with(wanted))),
        "wildcard" => wanted.map(|wanted| text.is_some_and(|text| fits(wanted, text))),
        "anything-but" => wanted.map(|wanted| text != Some(wanted)),
        _ => None,
    }
}

/// Follows a wildcard through a text, one character at a time, in all places where it may be.
fn fits(wildcard: &str, text: &str) -> bool {
    let pattern: Vec<char> = wildcard.chars().collect();
    // Behind a `*` it may be wherever the `*` is, too.
    let spread = |places: HashSet<usize>| -> HashSet<usize> {
        let behind = |&at: &usize| (pattern.get(at) == Some(&'*')).then_some(at + 1);
        let mut all = places.clone();
        all.extend(places.iter().filter_map(behind));
        all
    };
    let mut places = spread(HashSet::from([0]));
    for c in text.chars() {
        let step = |&at: &usize| match pattern.get(at)? {
            '*' => Some(at),
            '\\' => (pattern.get(at + 1) == Some(&c)).then_some(at + 2),
            literal => (*literal == c).then_some(at + 1),
        };
        places = spread(places.iter().filter_map(step).collect());
    }
    places.contains(&pattern.len())
}
