//! API keys: shown once, kept as a hash.

use std::collections::BTreeSet;
use std::fmt::Write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::base32;
use crate::ids::{AccountId, KeyId};

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
    /// What people call it, 1–256 characters.
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    /// Lower-case hex SHA-256 of the key.
    pub sha256: String,
    pub created_at: Timestamp,
}

impl ApiKey {
    /// Whether the key may do what `scope` covers.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Manage)
    }
}

/// A new key's text: a prefix that secret scanners can look for, and 128 random bits.
pub fn generate(random: u128) -> String {
    format!("phk_{}", base32::encode(random))
}

/// Lower-case hex SHA-256 of a key. A key is 128 random bits, so that a plain hash is as hard to
/// turn around as the key is to guess.
pub fn sha256_hex(key: &str) -> String {
    Sha256::digest(key.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
