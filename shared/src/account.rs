//! An account: a tenant of the platform team.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::AccountId;

/// One tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    pub id: AccountId,
    /// What people call it, 1–256 characters.
    pub name: String,
    /// Name of the dialect that its deliveries speak.
    pub dialect: String,
    #[serde(default)]
    pub limits: Limits,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How much an account may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Endpoints, 0–10,000.
    #[schema(maximum = 10_000, default = 500)]
    pub endpoints: u32,
    /// Event types in its own catalog, 0–10,000.
    #[schema(maximum = 10_000, default = 500)]
    pub event_types: u32,
}

/// The most that a limit may allow: every event's account is read whole.
pub const MAX_LIMIT: u32 = 10_000;

impl Default for Limits {
    fn default() -> Self {
        Self { endpoints: 500, event_types: 500 }
    }
}
