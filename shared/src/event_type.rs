//! Entries of an event catalog.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::sha256_hex;
use crate::ids::EventTypeName;
use crate::tenant::Tenant;

/// Whose catalog.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CatalogOwner {
    Account(Tenant),
    /// Its entries count for every account; an account's own entry of the same name goes first.
    Everyone,
}

/// One event type. Once an account's catalog has any, events of other types are refused.
#[derive(Debug, Clone, PartialEq)]
pub struct EventType {
    pub name: EventTypeName,
    /// At most 1,024 characters.
    pub description: String,
    /// JSON Schema 2020-12 of the data of events of this type.
    pub schema: Option<serde_json::Value>,
    /// `data` of an event of this type; valid by the schema.
    pub example: Option<serde_json::Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What is asked of the catalog for every event: all but schema and example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEntry {
    pub name: EventTypeName,
    pub description: String,
    /// Tells whether there is a schema, and whether it is the one that was compiled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_fingerprint: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl From<&EventType> for CatalogEntry {
    fn from(event_type: &EventType) -> Self {
        let fingerprint = |schema: &serde_json::Value| sha256_hex(&schema.to_string());
        Self {
            name: event_type.name.clone(),
            description: event_type.description.clone(),
            schema_fingerprint: event_type.schema.as_ref().map(fingerprint),
            created_at: event_type.created_at,
            updated_at: event_type.updated_at,
        }
    }
}
