//! The body of a delivery. What the producer wrote as data stays byte for byte as it is, wherever
//! it is put.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::template::{Part, Placeholder, Template};
use crate::stored_event::StoredEvent;

/// Stands for the data's members while a body is checked: no name that anybody would use.
const MEMBERS: &str = "\u{0}members";
/// Stands where a value is looked for, as JSON and as text.
const MARK: (&str, &str) = (r#""\u0000mark""#, "\u{0}mark");

/// How a body is made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    template: Template,
    /// Names beside the data's members: members of these names are left out, so that none comes
    /// twice.
    own_names: HashSet<String>,
}

impl Envelope {
    /// Reads a body's template: JSON, in which placeholders stand for values.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        use Placeholder::{Data, Id, Members, Timestamp, Type};
        let template = Template::parse(text, &[Id, Type, Timestamp, Data, Members])?;
        let sample: String = template.fill_text(|placeholder| match placeholder {
            Members => ",\"\\u0000members\":null",
            _ => "null",
        });
        let sample: Value =
            serde_json::from_str(&sample).map_err(|error| format!("is no JSON: {error}"))?;
        if !template.has(Data) && !template.has(Members) {
            return Err(format!("holds neither {Data} nor {Members}"));
        }
        let mut own_names = HashSet::new();
        collect_own_names(&sample, &mut own_names);
        Ok(Self { template, own_names })
    }

    /// As it was written.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Where a placeholder's value stands in a body, as a JSON pointer (RFC 6901); `None`: nowhere.
    pub fn pointer_to(&self, wanted: Placeholder) -> Option<String> {
        let sample = self.template.fill_text(|placeholder| match placeholder {
            found if found == wanted => MARK.0,
            Placeholder::Members => "",
            _ => "null",
        });
        pointer_to_mark(&serde_json::from_str(&sample).ok()?)
    }

    /// The body of an event.
    pub fn render(&self, event: &StoredEvent) -> String {
        let mut body = String::with_capacity(event.data.len() + 160);
        for part in &self.template.0 {
            match part {
                Part::Text(text) => body.push_str(text),
                Part::Placeholder(Placeholder::Data) => body.push_str(&event.data),
                Part::Placeholder(Placeholder::Members) => {
                    self.push_members(&event.data, &mut body)
                }
                // Ids, types and times are made of characters that JSON takes as they are.
                Part::Placeholder(Placeholder::Id) => push_text(event.public_id(), &mut body),
                Part::Placeholder(Placeholder::Type) => {
                    push_text(event.event_type.as_str(), &mut body);
                }
                Part::Placeholder(_) => push_text(&event.timestamp.to_string(), &mut body),
            }
        }
        body
    }

    fn push_members(&self, data: &str, body: &mut String) {
        let Ok(members) = serde_json::from_str::<Members>(data) else {
            return;
        };
        if members.0.iter().any(|(name, _)| self.own_names.contains(name)) {
            for (name, value) in members.0 {
                if !self.own_names.contains(&name) {
                    body.push(',');
                    body.push_str(&Value::from(name).to_string());
                    body.push(':');
                    body.push_str(value.get());
                }
            }
        } else if !members.0.is_empty() {
            // As they stand, spaces and all.
            let inside = data.trim().strip_prefix('{').and_then(|data| data.strip_suffix('}'));
            body.push(',');
            body.push_str(inside.unwrap_or_default().trim());
        }
    }
}

fn push_text(text: &str, body: &mut String) {
    body.push('"');
    body.push_str(text);
    body.push('"');
}

fn pointer_to_mark(value: &Value) -> Option<String> {
    let below = |token: &str, value: &Value| {
        let escaped = token.replace('~', "~0").replace('/', "~1");
        pointer_to_mark(value).map(|rest| format!("/{escaped}{rest}"))
    };
    match value {
        Value::String(text) if text == MARK.1 => Some(String::new()),
        Value::Object(object) => object.iter().find_map(|(name, value)| below(name, value)),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| below(&index.to_string(), item))
        }
        _ => None,
    }
}

/// The names beside the place of the members.
fn collect_own_names(value: &Value, names: &mut HashSet<String>) {
    match value {
        Value::Object(object) if object.contains_key(MEMBERS) => {
            names.extend(object.keys().filter(|name| *name != MEMBERS).cloned());
        }
        Value::Object(object) => object.values().for_each(|value| collect_own_names(value, names)),
        Value::Array(items) => items.iter().for_each(|value| collect_own_names(value, names)),
        _ => {}
    }
}

/// An object's members in their order, their values as they stand.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: &str) -> StoredEvent {
        StoredEvent {
            account: "acme".parse().unwrap(),
            key: "evt_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            id: None,
            event_type: "job.completed".parse().unwrap(),
            timestamp: "2024-01-15T10:30:00Z".parse().unwrap(),
            data: data.to_owned(),
            test: false,
        }
    }

    #[test]
    fn data_stays_byte_for_byte_wherever_it_is_put() {
        let data = r#"{ "n": 1.50, "u":"\u00e9",  "big":12345678901234567890 }"#;
        let render = |template: &str| Envelope::parse(template).unwrap().render(&event(data));
        assert_eq!(render("${data}"), data);
        assert_eq!(
            render(r#"{"event":${type}${,members},"timestamp":${timestamp}}"#),
            concat!(
                r#"{"event":"job.completed","n": 1.50, "u":"\u00e9",  "big":12345678901234567890,"#,
                r#""timestamp":"2024-01-15T10:30:00Z"}"#
            )
        );
    }

    #[test]
    fn no_name_comes_twice() {
        let envelope =
            Envelope::parse(r#"{"data":{"event":${type}${,members}},"timestamp":${timestamp}}"#);
        let render = |data: &str| envelope.as_ref().unwrap().render(&event(data));
        assert_eq!(
            render(r#"{"event":"mine","a":1.0,"timestamp":7}"#),
            concat!(
                r#"{"data":{"event":"job.completed","a":1.0,"timestamp":7},"#,
                r#""timestamp":"2024-01-15T10:30:00Z"}"#
            )
        );
        let bare = r#"{"data":{"event":"job.completed"},"timestamp":"2024-01-15T10:30:00Z"}"#;
        assert_eq!(render("{}"), bare);
        assert_eq!(render(r#"{"event":1}"#), bare);
    }

    #[test]
    fn says_where_a_value_stands() {
        let body = r#"{"data":[{"a/b":{"id":${id},"is":true${,members}}}],"type":${type}}"#;
        let envelope = Envelope::parse(body).unwrap();
        assert_eq!(envelope.pointer_to(Placeholder::Id).as_deref(), Some("/data/0/a~1b/id"));
        assert_eq!(envelope.pointer_to(Placeholder::Type).as_deref(), Some("/type"));
        assert_eq!(envelope.pointer_to(Placeholder::Timestamp), None);
        assert_eq!(Envelope::parse("${data}").unwrap().pointer_to(Placeholder::Id), None);
    }

    #[test]
    fn refuses_what_makes_no_json() {
        for (template, reason) in [
            (r#"{"type":${type}"#, "JSON"),
            (r#"{"type":${type}}"#, "neither"),
            (r#"{"data":${data},"x":${unix}}"#, "${unix} can't stand here"),
        ] {
            let error = Envelope::parse(template).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
