//! Events, as the queue's messages and as the API's requests. The input's first byte chooses:
//! bit 0: a request of the API; bit 1: the first line is the message's key; bit 2: the message is
//! one of Posthorn's own. The rest is the event.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::{SqsMessage, SqsMessageAttribute};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use posthorn_dispatch::reading::{Message, read};
use posthorn_shared::dialect::Dialects;
use posthorn_shared::event::{
    IncomingEvent, InvalidEvent, KEY_ATTRIBUTE, MAX_DATA_BYTES, parse_native, parse_queue_body,
};
use posthorn_shared::ids::EventKey;
use posthorn_shared::operational;
use posthorn_shared::stored_event::StoredEvent;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{choice, line};

/// Fuzzes the reading of events.
///
/// # Panics
/// When data that is taken is not, byte for byte, what was written, or is nothing that receivers
/// and filters can read; when a refusal has no reason, or none that fits a message attribute.
pub fn event(bytes: &[u8]) {
    let Some((chosen, rest)) = choice(bytes, 8) else {
        return;
    };
    let (key, body) = if chosen & 2 == 0 { (None, rest) } else { split_key(rest) };
    let Ok(body) = std::str::from_utf8(body) else {
        return;
    };
    if chosen & 1 == 1 {
        let parsed = parse_native(body);
        if let Ok(event) = &parsed {
            assert!(event.account.is_none(), "only the key tells the account");
        }
        return check(parsed, body);
    }
    let parsed = parse_queue_body(body);
    if let Ok(event) = &parsed {
        assert!(event.account.is_some(), "an event of nobody");
    }
    check(parsed, body);
    dispatch(body, key, chosen & 4 == 4);
}

fn split_key(bytes: &[u8]) -> (Option<&str>, &[u8]) {
    let (key, rest) = line(bytes);
    (std::str::from_utf8(key).ok(), rest)
}

fn check(parsed: Result<IncomingEvent, InvalidEvent>, body: &str) {
    let event = match parsed {
        Ok(event) => event,
        Err(error) => {
            assert!(!error.problems().is_empty(), "refused without a reason");
            return;
        }
    };
    let data = event.data.get();
    assert!(written_data(body).iter().any(|written| written == data), "not what was written");
    assert!(data.len() <= MAX_DATA_BYTES);
    let value: Value = serde_json::from_str(data).expect("data parses as a value");
    assert!(value.is_object(), "data is an object");
    render(event, &value);
}

/// The texts that stand where the forms have an event's data.
fn written_data(body: &str) -> Vec<String> {
    let members = |text: &str| -> BTreeMap<String, Box<RawValue>> {
        serde_json::from_str(text).unwrap_or_default()
    };
    let members_of_body = members(body);
    let get = |name: &str| members_of_body.get(name).map(|raw| raw.get().to_owned());
    if members_of_body.contains_key("specversion") {
        let encoded = get("data_base64").and_then(|raw| serde_json::from_str::<String>(&raw).ok());
        let decoded = encoded
            .and_then(|text| STANDARD.decode(text).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(|json| json.trim_matches([' ', '\t', '\r', '\n']).to_owned());
        return decoded.or(get("data")).into_iter().collect();
    }
    if members_of_body.contains_key("detail-type") {
        let detail = get("detail").unwrap_or_default();
        let inner = members(&detail).get("data").map(|raw| raw.get().to_owned());
        return std::iter::once(detail).chain(inner).collect();
    }
    get("data").into_iter().collect()
}

/// What receivers and filters get of it is JSON, and says what the producer said.
fn render(event: IncomingEvent, data: &Value) {
    let stored = StoredEvent {
        account: "acme".parse().expect("an account's id"),
        key: "evt_01h455vb4pex5vsknk084sn02q".parse().expect("a key"),
        id: event.id,
        event_type: event.event_type,
        timestamp: event.timestamp.unwrap_or_default(),
        data: event.data.get().to_owned(),
        test: false,
    };
    let event_type = stored.event_type.as_str();
    let content: Value = serde_json::from_str(&stored.to_json()).expect("filters get JSON");
    assert_eq!((&content["data"], content["type"].as_str()), (data, Some(event_type)));
    for dialect in Dialects::built_in().all() {
        let text = dialect.render(&stored);
        let body: Value = serde_json::from_str(&text).expect("receivers get JSON");
        match dialect.name.as_str() {
            "beltic" => {
                let attributes = &body["data"]["attributes"];
                assert_eq!(attributes["event"], event_type, "{text}");
                members_are_there(data, attributes, &["event", "occurred_at"]);
            }
            "flexorch" => {
                assert_eq!(body["event"], event_type, "{text}");
                members_are_there(data, &body, &["event", "timestamp"]);
            }
            "flowcode" => assert_eq!(text, stored.data),
            _ => {
                assert_eq!(&body["data"], data);
                assert!(text.contains(&stored.data), "written anew");
            }
        }
    }
}

fn members_are_there(data: &Value, body: &Value, own: &[&str]) {
    for (name, value) in data.as_object().into_iter().flatten() {
        assert!(own.contains(&name.as_str()) || body.get(name) == Some(value), "{name} is lost");
    }
}

/// The dispatch function's part: the key, and what a dead letter says.
fn dispatch(body: &str, key: Option<&str>, is_operational: bool) {
    let mut record = SqsMessage::default();
    record.message_id = Some("5fea7756-0ea4-451a-a703-a558b933e274".to_owned());
    record.body = Some(body.to_owned());
    record.attributes.insert("SentTimestamp".to_owned(), "1700000000000".to_owned());
    let mut attribute = |name: &str, value: &str| {
        let mut attribute = SqsMessageAttribute::default();
        attribute.string_value = Some(value.to_owned());
        record.message_attributes.insert(name.to_owned(), attribute);
    };
    if let Some(key) = key {
        attribute(KEY_ATTRIBUTE, key);
    }
    if is_operational {
        attribute(operational::ATTRIBUTE, "1");
    }
    let message = Message::from(record);
    match read(0, &message) {
        Ok(incoming) => {
            assert!(is_operational || !operational::is_operational(&incoming.event_type));
            if let Some(key) = key {
                assert_eq!(incoming.key.as_str(), key);
            }
            assert_eq!(incoming.key.as_str().parse::<EventKey>().as_ref(), Ok(&incoming.key));
        }
        Err(rejection) => {
            let letter = rejection.dead_letter(&message);
            assert!(!letter.body.is_empty() && (body.is_empty() || letter.body == body));
            let reason = letter.attributes.iter().find(|(name, _)| *name == "reason");
            let reason = reason.map(|(_, text)| text.as_str()).unwrap_or_default();
            assert!((1..=2_000).contains(&reason.len()), "a reason of {} bytes", reason.len());
            assert!(!reason.contains(char::is_control));
        }
    }
}
