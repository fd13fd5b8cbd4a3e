//! API keys: shown once, kept as a hash.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base32;
use crate::ids::{AccountId, KeyId};
use crate::tenant::Tenant;

/// What a key may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything of the account; includes the other two.
    Manage,
    /// Push events.
    Publish,
    /// Look.
    Read,
}

/// A key as the table keeps it: everything but the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: KeyId,
    pub account: AccountId,
    /// When that account was created: a later one with its id is another. Earlier releases did not
    /// note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_created_at: Option<Timestamp>,
    /// What people call it, 1–256 characters.
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    /// Lower-case hex SHA-256 of the key.
    pub sha256: String,
    pub created_at: Timestamp,
}

/// A key of the platform team, as the table keeps it. `posthorn admin` makes them: no API call does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminKey {
    pub kind: AdminKind,
    pub id: KeyId,
    /// What people call it, 1–256 characters.
    pub name: String,
    /// Lower-case hex SHA-256 of the key.
    pub sha256: String,
    pub created_at: Timestamp,
}

/// Written into every [`AdminKey`], so that nothing else can be taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdminKind {
    Admin,
}

/// Whose a key is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Holder {
    Platform(AdminKey),
    Account(ApiKey),
}

impl ApiKey {
    /// The account that it is a key of, if it says which of those that have had the id.
    pub fn tenant(&self) -> Option<Tenant> {
        let created_at = self.account_created_at?;
        Some(Tenant { id: self.account.clone(), created_at })
    }

    /// Whether it is a key of this account.
    pub fn is_of(&self, tenant: &Tenant) -> bool {
        let generation = self.tenant().map(|tenant| tenant.generation());
        self.account == tenant.id && tenant.owns(generation, self.created_at)
    }

    /// Whether the key may do what `scope` covers.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Manage)
    }
}

/// A new key's text: a prefix that secret scanners can look for, and 128 random bits.
pub fn generate(random: u128) -> String {
    format!("phk_{}", base32::encode(random))
}
