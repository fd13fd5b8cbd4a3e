//! JSON in which no name comes twice. RFC 8259 leaves open which of two values counts, so a client
//! and we could understand different things.
//!
//! A value's place is a list of parts on the stack, and becomes a pointer only for a problem: time
//! and memory grow with the length of the text, whatever its names and depth. A value
//! takes up to a hundred times as much memory as its text, so their number has a limit, too.

use std::cell::{Cell, RefCell};
use std::fmt;

use posthorn_shared::event::RAW_VALUE_NAME;
use posthorn_shared::problem::{Problem, child, note};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Values in a body, lists and objects included: some 50 MB at most. The largest that has a use is a
/// test event's data, which has at most 131,072 in its 256 KiB.
const MAX_VALUES: usize = 150_000;

/// Reads a value, and where in it a name comes twice: the first 32 places. A text with more than
/// 150,000 values is read that far: the problem says where.
///
/// # Errors
/// When it is no JSON, or nested deeper than 128 levels.
pub fn parse(body: &[u8]) -> Result<(Value, Vec<Problem>), serde_json::Error> {
    let reading = Reading::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Place { part: None, reading: &reading }.deserialize(&mut json);
    let read = read.and_then(|value| json.end().map(|()| value));
    let Reading { problems, values } = reading;
    match read {
        // Broken off: whether the rest is JSON is not known.
        Err(_) if values.get() > MAX_VALUES => Ok((Value::Null, problems.into_inner())),
        read => Ok((read?, problems.into_inner())),
    }
}

/// What was found so far.
#[derive(Default)]
struct Reading {
    problems: RefCell<Vec<Problem>>,
    values: Cell<usize>,
}

/// The last part of a place, and the parts before it.
struct Part<'p> {
    parent: Option<&'p Part<'p>>,
    step: Step<'p>,
}

/// From a value to one inside it.
enum Step<'p> {
    Element(usize),
    Member(&'p str),
}

impl Part<'_> {
    /// The place as a JSON pointer.
    fn pointer(&self) -> String {
        let parent = self.parent.map(Part::pointer).unwrap_or_default();
        match self.step {
            Step::Element(index) => format!("{parent}/{index}"),
            Step::Member(name) => child(&parent, name),
        }
    }
}

impl Reading {
    /// Notes what is wrong at a place.
    fn problem(&self, place: Option<&Part<'_>>, detail: impl Into<String>) {
        let pointer = || place.map(Part::pointer).unwrap_or_default();
        note(&mut self.problems.borrow_mut(), || Problem::new(pointer(), detail));
    }
}

/// A value's place in the document.
struct Place<'p> {
    /// `None`: the whole of it.
    part: Option<&'p Part<'p>>,
    reading: &'p Reading,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let values = self.reading.values.get() + 1;
        self.reading.values.set(values);
        if values > MAX_VALUES {
            let container = self.part.and_then(|part| part.parent);
            let detail = format!(
                "has too many values: a body has at most {MAX_VALUES}, lists and objects included"
            );
            self.reading.problem(container, detail.clone());
            return Err(D::Error::custom(detail));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number too large"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let part = Part { parent: self.part, step: Step::Element(list.len()) };
            let place = Place { part: Some(&part), reading: self.reading };
            match elements.next_element_seed(place)? {
                Some(element) => list.push(element),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let part = Part { parent: self.part, step: Step::Member(&name) };
            let place = Place { part: Some(&part), reading: self.reading };
            let value = members.next_value_seed(place)?;
            if name == RAW_VALUE_NAME {
                self.reading.problem(Some(&part), "is a name that can't be used");
            }
            if object.contains_key(&name) {
                self.reading.problem(Some(&part), "is there twice");
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        for text in [
            "null",
            r#"{"a":[1,-2,3.5,1e300,true,"\u00e9",{"b":null}],"c":{}}"#,
            "18446744073709551615",
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text.as_bytes()).unwrap(), (expected, Vec::new()), "{text}");
        }
        for text in ["", "{", "{} {}", "[1,]", "1e999", "\"\u{1}\""] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse(&[b'['; 100_000]).is_err());
    }

    #[test]
    fn names_that_come_twice_are_pointed_at() {
        let (_, problems) = parse(br#"{"a":1,"b":[{"c/d":1,"c/d":2}],"a":2}"#).unwrap();
        let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, ["/b/0/c~1d", "/a"]);
    }

    /// With a pointer for each element this copies 250 gigabytes.
    #[test]
    fn a_long_name_over_many_elements_is_read_in_one_pass() {
        let count = MAX_VALUES - 2;
        let text = format!(r#"{{"{}":[0{}]}}"#, "n".repeat(1_900_000), ",0".repeat(count - 1));
        let (value, problems) = parse(text.as_bytes()).unwrap();
        assert_eq!(problems, []);
        let lists: Vec<_> = value.as_object().unwrap().values().collect();
        assert_eq!(lists[0].as_array().unwrap().len(), count);
    }

    #[test]
    fn a_text_has_at_most_so_many_values() {
        let zeros = ",0".repeat(MAX_VALUES);
        let lists = ",[0]".repeat(MAX_VALUES / 2);
        for (text, pointer) in [
            (format!("[0{zeros}]"), ""),
            (format!(r#"{{"a":[1,{{"b":[0{zeros}]}}]}}"#), "/a/1/b"),
            (format!(r#"{{"a":[0{lists}]}}"#), "/a/74999"),
            // Whatever comes after.
            (format!("[0{zeros}"), ""),
        ] {
            let (value, problems) = parse(text.as_bytes()).unwrap();
            assert_eq!(value, Value::Null);
            let pointers: Vec<_> = problems.iter().map(|problem| &*problem.pointer).collect();
            assert_eq!(pointers, [pointer]);
        }
    }

    #[test]
    fn long_names_are_shown_in_part() {
        let name = "n".repeat(33_000);
        let inside = format!(r#"{{"{name}":"#).repeat(120);
        let text = format!(r#"{inside}{{"a":1,"a":2}}{}"#, "}".repeat(120));
        let (_, problems) = parse(text.as_bytes()).unwrap();
        assert_eq!(problems.len(), 1);
        let pointer = &problems[0].pointer;
        assert!(pointer.starts_with(&format!("/{}/n", "n".repeat(64))), "{pointer}");
        assert_eq!(pointer.len(), 2_048);
    }

    #[test]
    fn the_first_problems_are_told() {
        let text = format!(r#"{{"a":0{}}}"#, r#","a":0"#.repeat(100_000));
        let (value, problems) = parse(text.as_bytes()).unwrap();
        assert_eq!(problems.len(), 32);
        assert_eq!(value, serde_json::json!({ "a": 0 }));
    }
}
