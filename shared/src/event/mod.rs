//! Events as producers write them: the native form, CloudEvents, EventBridge envelopes.
//!
//! `data` is never re-serialized: key order, `1.50`, `12345678901234567890` and escapes reach the
//! receiver as the producer wrote them.

mod cloud_events;
mod data;
mod event_bridge;
mod fields;
mod native;

use jiff::Timestamp;
use serde_json::value::RawValue;

pub use data::{MAX_DATA_BYTES, MAX_DATA_DEPTH, RAW_VALUE_NAME};
use fields::Fields;

use crate::ids::{AccountId, EventTypeName, ProducerEventId};
use crate::problem::{Problem, in_one_line};

/// Message attribute by which the api function passes on the event key that it has answered with.
pub const KEY_ATTRIBUTE: &str = "posthorn-key";
/// Message attribute by which the api function says by which schema, by its fingerprint, it has found
/// the data valid: what was checked once is not checked again, unless the schema changed meanwhile.
pub const CHECKED_ATTRIBUTE: &str = "posthorn-checked";

/// Message attribute by which an event names its account for good: the account's
/// [generation](crate::tenant::Tenant::generation). Without it, the account's id has to do.
pub const GENERATION_ATTRIBUTE: &str = "posthorn-generation";

/// An event that was read and is well-formed. Whether its account exists and its type is in the
/// catalog is for others to say.
#[derive(Debug, Clone)]
pub struct IncomingEvent {
    /// Always there in a queue's body; never in a REST one, where the key tells it.
    pub account: Option<AccountId>,
    pub id: Option<ProducerEventId>,
    pub event_type: EventTypeName,
    pub timestamp: Option<Timestamp>,
    /// A JSON object, byte for byte as it came, which parses as a [`serde_json::Value`] too.
    pub data: Box<RawValue>,
}

/// Why a text is no event, with all its problems.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// It is no JSON object.
    #[error("{}", in_one_line(.0))]
    Malformed(Vec<Problem>),
    /// Its data has more than [`MAX_DATA_BYTES`]; there may be other problems, too.
    #[error("{}", in_one_line(.0))]
    TooLarge(Vec<Problem>),
    /// A JSON object that breaks a rule.
    #[error("{}", in_one_line(.0))]
    Invalid(Vec<Problem>),
}

impl InvalidEvent {
    /// All of them, in the order of an event's fields.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Malformed(all) | Self::TooLarge(all) | Self::Invalid(all) => all,
        }
    }

    /// Whether its data is over the limit (413 rather than 422).
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge(_))
    }
}

/// Reads a body of the events queue. An object with `specversion` is a CloudEvent, one with
/// `detail-type` an EventBridge envelope, any other the native form. What each means by account,
/// id and data is written in the modules of those names:
///
/// | | native | CloudEvents 1.0 (JSON) | EventBridge |
/// | --- | --- | --- | --- |
/// | account | `account` | extension `posthornaccount` or `account` | resource `posthorn:account:<id>`, or `detail.posthorn_account` |
/// | id | `id`, optional | `id` | `id` |
/// | type | `type` | `type` | `detail-type` |
/// | timestamp | `timestamp`, optional | `time`, optional | `time` |
/// | data | `data` | `data`, or `data_base64` of JSON | `detail`, or `detail.data` |
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_queue_body(body: &str) -> Result<IncomingEvent, InvalidEvent> {
    let fields = Fields::read(body)?;
    if fields.has("specversion") {
        cloud_events::read(fields)
    } else if fields.has("detail-type") {
        event_bridge::read(fields)
    } else {
        native::read(fields, native::Source::Queue)
    }
}

/// Reads one event of a REST request: the native form, without `account`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_native(text: &str) -> Result<IncomingEvent, InvalidEvent> {
    native::read(Fields::read(text)?, native::Source::Rest)
}

#[cfg(test)]
mod tests;
