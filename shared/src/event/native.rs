//! `{"account", "id"?, "type", "timestamp"?, "data"}`: Posthorn's own form.

use super::fields::Fields;
use super::{IncomingEvent, InvalidEvent};

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The body names the account.
    Queue,
    /// The key tells the account.
    Rest,
}

/// Unknown fields are refused: a misspelt `timestamp` would be lost without a word.
pub fn read(mut fields: Fields<'_>, source: Source) -> Result<IncomingEvent, InvalidEvent> {
    let account = match source {
        Source::Queue => {
            fields.require("account", "name the account that the event belongs to");
            fields.parsed("account")
        }
        Source::Rest => {
            if fields.take("account").is_some() {
                fields.problem("/account", "leave it out: the key tells the account");
            }
            None
        }
    };
    let id = fields.parsed("id");
    fields.require("type", "name the event's type, like vault.created");
    let event_type = fields.parsed("type");
    let timestamp = fields.timestamp("timestamp");
    fields.require("data", "give the event's content as an object");
    let data = fields.data("data").map(ToOwned::to_owned);
    fields.refuse_the_rest("an event has id, type, timestamp and data");
    fields.finish(account, id, event_type, timestamp, data)
}
