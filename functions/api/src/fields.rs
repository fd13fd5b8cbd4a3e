//! Reading a JSON object field by field, collecting what is wrong with it: the first 32 problems.

use jiff::Timestamp;
use posthorn_shared::problem::{MAX_PROBLEMS, Problem, child, note, note_all};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::problem::Refusal;
use crate::strict_json;

/// An object that is being read. What nobody asked for is refused by name at the end.
pub struct Fields {
    object: Map<String, Value>,
    problems: Vec<Problem>,
    known: Vec<&'static str>,
}

impl Fields {
    /// Reads a request body.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let (value, twice) = strict_json::parse(body)
            .map_err(|error| Refusal::Malformed(format!("the body is not JSON: {error}")))?;
        if !twice.is_empty() {
            return Err(Refusal::Invalid(twice));
        }
        match value {
            Value::Object(object) => Ok(Self::of(object)),
            _ => Err(Refusal::Malformed("the body is not a JSON object".to_owned())),
        }
    }

    /// The same for a request whose body may be left out.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub fn parse_optional(body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() || body == b"null" {
            return Ok(Self::of(Map::new()));
        }
        Self::parse(body)
    }

    /// Reads an object that is at hand.
    pub fn of(object: Map<String, Value>) -> Self {
        Self { object, problems: Vec::new(), known: Vec::new() }
    }

    /// The object as it came.
    pub fn into_object(self) -> Map<String, Value> {
        self.object
    }

    /// The same with what is known to be wrong with it.
    pub fn noting(mut self, problems: Vec<Problem>) -> Self {
        note_all(&mut self.problems, problems);
        self
    }

    /// Both.
    pub fn into_parts(self) -> (Map<String, Value>, Vec<Problem>) {
        (self.object, self.problems)
    }

    /// Notes what is wrong.
    pub fn problem(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        note(&mut self.problems, || Problem::new(pointer, detail));
    }

    /// Notes several things that are wrong.
    pub fn problems(&mut self, problems: impl Iterator<Item = Problem>) {
        note_all(&mut self.problems, problems);
    }

    /// A point in time.
    pub fn time(&mut self, name: &'static str, required: bool) -> Option<Timestamp> {
        const EXPECTED: &str = "a time like 2026-11-21T10:00:00Z";
        if required {
            self.require(name, || EXPECTED.to_owned());
        }
        let value = self.take(name)?;
        let time = value.as_str().and_then(|text| text.parse().ok());
        if time.is_none() {
            self.problem(format!("/{name}"), format!("is {EXPECTED}"));
        }
        time
    }

    /// A field as it came, `null` included.
    pub fn peek(&self, name: &str) -> Option<&Value> {
        self.object.get(name)
    }

    /// Takes a field; `null` counts as absent.
    pub fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.object.remove(name).filter(|value| !value.is_null())
    }

    /// A text of 1 to `max` characters.
    pub fn text(&mut self, name: &'static str, max: usize) -> Option<String> {
        self.text_or_empty(name, max).filter(|text| {
            let there = !text.is_empty();
            if !there {
                self.problem(format!("/{name}"), format!("is a text of 1 to {max} characters"));
            }
            there
        })
    }

    /// The same where an empty one may be meant.
    pub fn text_or_empty(&mut self, name: &'static str, max: usize) -> Option<String> {
        match self.take(name)? {
            Value::String(text) if text.chars().count() <= max => Some(text),
            _ => {
                self.problem(format!("/{name}"), format!("is a text of at most {max} characters"));
                None
            }
        }
    }

    /// A text that has to be there.
    pub fn required_text(&mut self, name: &'static str, max: usize) -> String {
        self.require(name, || format!("a text of 1 to {max} characters"));
        self.text(name, max).unwrap_or_default()
    }

    /// Notes that a field is missing, unless it is there.
    fn require(&mut self, name: &'static str, expected: impl FnOnce() -> String) {
        if self.object.get(name).is_none_or(Value::is_null) {
            self.problem(format!("/{name}"), format!("is required: {}", expected()));
        }
    }

    /// A field that parses from text, like an id.
    pub fn parsed<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let value = self.take(name)?;
        match value.as_str().map(str::parse) {
            Some(Ok(parsed)) => return Some(parsed),
            Some(Err(error)) => self.problem(format!("/{name}"), error.to_string()),
            None => self.problem(format!("/{name}"), "is a text"),
        }
        None
    }

    /// The same for one that has to be there.
    pub fn required_parsed<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        let expected = || T::from_str("").err().map(|error| error.to_string());
        self.require(name, || expected().unwrap_or_default());
        self.parsed(name)
    }

    /// A field of any form that serde knows; `expected` says which.
    pub fn typed<T: DeserializeOwned>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        let mut value = self.take(name)?;
        write_whole_numbers_as_such(&mut value);
        match serde_json::from_value(value) {
            Ok(typed) => Some(typed),
            Err(error) => {
                // An untagged form only says that nothing matched: what is expected tells more.
                let error = error.to_string();
                let detail = if error.starts_with("data did not match") {
                    format!("is {expected}")
                } else {
                    format!("is {expected}: {error}")
                };
                self.problem(format!("/{name}"), detail);
                None
            }
        }
    }

    /// The same for a form that is an object: serde reads a structure from a list, too.
    pub fn object<T: DeserializeOwned>(&mut self, name: &'static str, expected: &str) -> Option<T> {
        if self.object.get(name).is_some_and(|value| !value.is_object() && !value.is_null()) {
            self.take(name);
            self.problem(format!("/{name}"), format!("is {expected}"));
            return None;
        }
        self.typed(name, expected)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// What is wrong, unknown fields included.
    pub fn finish(mut self) -> Result<(), Refusal> {
        let known = self.known.join(", ");
        for name in self.object.keys().take(MAX_PROBLEMS) {
            note(&mut self.problems, || {
                Problem::new(child("", name), format!("is unknown; the fields are {known}"))
            });
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.problems)) }
    }
}

/// To JSON Schema `5.0` is an integer (2020-12 validation, section 6.1.1), to serde it is none.
fn write_whole_numbers_as_such(value: &mut Value) {
    /// Up to here every whole number has a double of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < EXACT);
            if let Some(whole) = whole {
                *value = Value::from(whole as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(write_whole_numbers_as_such),
        Value::Object(members) => members.values_mut().for_each(write_whole_numbers_as_such),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_first_unknown_fields() {
        let unknown = |number: usize| (format!("{number:0100}"), Value::Null);
        let mut fields = Fields::of((0..100_000).map(unknown).collect());
        fields.problem("/url", "is required");
        let Err(Refusal::Invalid(problems)) = fields.finish() else {
            panic!("unknown fields are refused");
        };
        assert_eq!(problems.len(), MAX_PROBLEMS);
        assert_eq!(problems[0].pointer, "/url");
        assert!(problems[1..].iter().all(|problem| problem.pointer.len() == 65));
    }

    #[test]
    fn a_refusal_quotes_the_first_characters_of_a_field() {
        let text = Value::from("x".repeat(1_000_000));
        let mut fields = Fields::of(Map::from_iter([("active".to_owned(), text)]));
        assert_eq!(fields.typed::<bool>("active", "true or false"), None);
        let Err(Refusal::Invalid(problems)) = fields.finish() else {
            panic!("a text is not true or false");
        };
        let detail = &problems[0].detail;
        assert!(detail.starts_with("is true or false: invalid type: string"), "{detail}");
        assert!(detail.len() < 10_000, "{}", detail.len());
    }
}
