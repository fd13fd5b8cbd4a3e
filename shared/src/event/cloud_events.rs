//! CloudEvents 1.0 in JSON, structured mode.
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>
//!
//! The account comes from the extension attribute `posthornaccount`, or `account` for producers
//! that have it already (naming rules allow lower-case letters and digits only). Other extension
//! attributes, `source` and `subject` are for the transport: they are not delivered. Ids are
//! deduplicated per account, whatever the source.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::{IncomingEvent, InvalidEvent};
use crate::ids::AccountId;

pub fn read(mut fields: Fields<'_>) -> Result<IncomingEvent, InvalidEvent> {
    fields.require("specversion", "CloudEvents need \"1.0\" here");
    if fields.text("specversion").is_some_and(|version| version != "1.0") {
        fields.problem("/specversion", "only CloudEvents \"1.0\" are taken");
    }
    let account = account(&mut fields);
    fields.require("id", "CloudEvents need an id");
    let id = fields.parsed("id");
    fields.require("source", "CloudEvents need a source");
    fields.text("source");
    fields.require("type", "name the event's type, like vault.created");
    let event_type = fields.parsed("type");
    let timestamp = fields.timestamp("time");
    if fields.text("datacontenttype").is_some_and(|media_type| !is_json(&media_type)) {
        fields.problem("/datacontenttype", "only JSON is delivered: application/json");
    }
    let data = data(&mut fields);
    fields.finish(account, id, event_type, timestamp, data)
}

fn account(fields: &mut Fields<'_>) -> Option<AccountId> {
    let both = fields.is_given("posthornaccount") && fields.is_given("account");
    if !both && !fields.is_given("account") {
        let detail = "name the account that the event belongs to in this extension attribute";
        fields.require("posthornaccount", detail);
    }
    let (own, plain): (Option<AccountId>, _) =
        (fields.parsed("posthornaccount"), fields.parsed("account"));
    if both && own != plain {
        fields.problem("/account", "differs from posthornaccount; leave one out");
    }
    own.or(plain)
}

fn data(fields: &mut Fields<'_>) -> Option<Box<RawValue>> {
    if !fields.is_given("data_base64") {
        fields.require("data", "give the event's content as an object");
        return fields.data("data").map(ToOwned::to_owned);
    }
    if fields.is_given("data") {
        fields.problem("/data_base64", "leave it out: there is data already");
        return None;
    }
    let text = fields.text("data_base64")?;
    let decoded = STANDARD
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|json| RawValue::from_string(json).ok());
    match decoded {
        Some(data) => fields.check_data("/data_base64", &data).then_some(data),
        None => {
            fields.problem("/data_base64", "expected base64 of a JSON object; or use data");
            None
        }
    }
}

fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}
