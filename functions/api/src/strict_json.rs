//! JSON in which no name comes twice. RFC 8259 leaves open which of two values counts, so a client
//! and we could understand different things.

use std::cell::RefCell;
use std::fmt;

use posthorn_shared::event::RAW_VALUE_NAME;
use posthorn_shared::problem::{Problem, child};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads a value, and where in it a name comes twice.
///
/// # Errors
/// When it is no JSON, or nested deeper than 128 levels.
pub fn parse(body: &[u8]) -> Result<(Value, Vec<Problem>), serde_json::Error> {
    let problems = RefCell::new(Vec::new());
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = Place { pointer: String::new(), problems: &problems }.deserialize(&mut json)?;
    json.end()?;
    Ok((value, problems.into_inner()))
}

/// A value's place in the document.
struct Place<'p> {
    pointer: String,
    problems: &'p RefCell<Vec<Problem>>,
}

impl Place<'_> {
    fn inner(&self, name: &str) -> Self {
        Self { pointer: child(&self.pointer, name), problems: self.problems }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
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
        while let Some(element) = elements.next_element_seed(self.inner(&list.len().to_string()))? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let place = self.inner(&name);
            let pointer = place.pointer.clone();
            let value = members.next_value_seed(place)?;
            if name == RAW_VALUE_NAME {
                let problem = Problem::new(&pointer, "is a name that can't be used");
                self.problems.borrow_mut().push(problem);
            }
            if object.insert(name, value).is_some() {
                self.problems.borrow_mut().push(Problem::new(pointer, "is there twice"));
            }
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
}
