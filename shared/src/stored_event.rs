//! An event as it is stored, and its rendering.

use jiff::Timestamp;

use crate::ids::{AccountId, EventKey, EventTypeName, ProducerEventId};

/// An event that was accepted. `data` is JSON text, byte for byte as its producer wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    pub account: AccountId,
    pub key: EventKey,
    /// The producer's own id, if it brought one.
    pub id: Option<ProducerEventId>,
    pub event_type: EventTypeName,
    pub timestamp: Timestamp,
    pub data: String,
    /// Made by a test send: it went to one endpoint alone.
    pub test: bool,
}

impl StoredEvent {
    /// The id as users know it: the producer's, else the key.
    pub fn public_id(&self) -> &str {
        match &self.id {
            Some(id) => id.as_str(),
            None => self.key.as_str(),
        }
    }

    /// `{"id","type","timestamp","data"}`: what filters match against.
    pub fn to_json(&self) -> String {
        // Ids and types are made of characters that JSON takes as they are.
        format!(
            r#"{{"id":"{}","type":"{}","timestamp":"{}","data":{}}}"#,
            self.public_id(),
            self.event_type,
            self.timestamp,
            self.data
        )
    }
}
