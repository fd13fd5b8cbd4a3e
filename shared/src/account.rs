//! An account: a tenant of the platform team.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

/// One tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// What people call it, 1–256 characters.
    pub name: String,
    /// Name of the dialect that its deliveries speak.
    pub dialect: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
