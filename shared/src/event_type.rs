//! An entry of an account's event catalog.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::EventTypeName;

/// One event type. Once an account has any, events of other types are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventType {
    pub name: EventTypeName,
    /// At most 1,024 characters.
    pub description: String,
    /// `data` of an event of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<serde_json::Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
