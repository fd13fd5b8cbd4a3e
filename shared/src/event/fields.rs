//! The top level of an event's JSON, read in one pass: names, and values as raw text. Values are
//! looked into only where they are wanted, and what is wrong is gathered, not thrown.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::data::{self, DataFault};
use super::{IncomingEvent, InvalidEvent};
use crate::ids::{AccountId, EventTypeName, InvalidId, ProducerEventId};
use crate::problem::{Problem, child, note};

/// Fields of an envelope: extension attributes of a CloudEvent are the only ones without a fixed
/// number.
const MAX_FIELDS: usize = 64;

/// Fields that were not taken yet, and the problems so far.
pub struct Fields<'a> {
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
    problems: Vec<Problem>,
    too_large: bool,
}

impl<'a> Fields<'a> {
    /// Reads a JSON object.
    pub fn read(text: &'a str) -> Result<Self, InvalidEvent> {
        let mut json = serde_json::Deserializer::from_str(text);
        Self::deserialize(&mut json).and_then(|fields| json.end().map(|()| fields)).map_err(
            |error| {
                let detail = format!("an event is one JSON object: {error}");
                InvalidEvent::Malformed(vec![Problem::new("", detail)])
            },
        )
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// Whether a field has a value: `null` counts as absent.
    pub fn is_given(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, value)| field == name && value.get() != "null")
    }

    pub fn problem(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        note(&mut self.problems, || Problem::new(pointer, detail));
    }

    /// Takes a field out; `null` counts as absent, as many serializers write it so.
    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.fields.iter().position(|(field, _)| field == name)?;
        let (_, value) = self.fields.swap_remove(at);
        (value.get() != "null").then_some(value)
    }

    /// Takes a text.
    pub fn text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let text = text_of(self.take(name)?);
        if text.is_none() {
            self.problem(child("", name), "expected a text (a JSON string)");
        }
        text
    }

    /// Takes an identifier or a name of a type.
    pub fn parsed<T: FromStr<Err = InvalidId>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        self.parse(child("", name), &text)
    }

    /// Parses a text that stands at `pointer`.
    pub fn parse<T: FromStr<Err = InvalidId>>(&mut self, pointer: String, text: &str) -> Option<T> {
        match text.parse() {
            Ok(parsed) => Some(parsed),
            Err(InvalidId(expected)) => {
                self.problem(pointer, expected);
                None
            }
        }
    }

    /// Notes that a field is missing, unless it is there.
    pub fn require(&mut self, name: &str, detail: &str) {
        if !self.is_given(name) {
            self.problem(child("", name), format!("missing: {detail}"));
        }
    }

    /// Takes a time.
    pub fn timestamp(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        // jiff also takes years with a sign and names of zones, which RFC 3339 has not.
        let plausible = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('[');
        let parsed = plausible.then(|| text.parse().ok()).flatten();
        if parsed.is_none() {
            let detail = "expected an RFC 3339 time with an offset, like 2026-11-21T10:00:00Z";
            self.problem(child("", name), detail);
        }
        parsed
    }

    /// Takes the event's data.
    pub fn data(&mut self, name: &str) -> Option<&'a RawValue> {
        let data = self.take(name)?;
        self.check_data(&child("", name), data).then_some(data)
    }

    /// Whether `data`, which stands at `pointer`, may be delivered.
    pub fn check_data(&mut self, pointer: &str, data: &RawValue) -> bool {
        match data::check(data) {
            Ok(()) => true,
            Err(fault) => {
                self.too_large |= matches!(fault, DataFault::TooLarge { .. });
                self.problem(pointer, fault.to_string());
                false
            }
        }
    }

    /// Refuses what was not taken.
    pub fn refuse_the_rest(&mut self, expected: &str) {
        for (name, _) in std::mem::take(&mut self.fields) {
            let detail = format!("unknown field; {expected}");
            self.problem(child("", &name), detail);
        }
    }

    /// The event, if nothing was wrong.
    pub fn finish(
        self,
        account: Option<AccountId>,
        id: Option<ProducerEventId>,
        event_type: Option<EventTypeName>,
        timestamp: Option<Timestamp>,
        data: Option<Box<RawValue>>,
    ) -> Result<IncomingEvent, InvalidEvent> {
        match (event_type, data) {
            (Some(event_type), Some(data)) if self.problems.is_empty() => {
                Ok(IncomingEvent { account, id, event_type, timestamp, data })
            }
            _ if self.too_large => Err(InvalidEvent::TooLarge(self.problems)),
            _ => Err(InvalidEvent::Invalid(self.problems)),
        }
    }
}

/// The text that a JSON string says, borrowed where it has no escapes; `None`: it is no string.
pub fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let quoted = raw.get();
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(quoted).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields: Fields<'de> =
            Fields { fields: Vec::with_capacity(8), problems: Vec::new(), too_large: false };
        while let Some(Name(name)) = map.next_key()? {
            if fields.fields.len() == MAX_FIELDS {
                fields.problem("", format!("an event has at most {MAX_FIELDS} fields"));
                map.next_value::<IgnoredAny>()?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                break;
            }
            if fields.has(&name) {
                map.next_value::<IgnoredAny>()?;
                fields.problem(child("", &name), "is there twice; which one counts?");
                continue;
            }
            let value = map.next_value()?;
            fields.fields.push((name, value));
        }
        Ok(fields)
    }
}

/// A name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Name)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
