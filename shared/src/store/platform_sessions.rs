//! Sessions of the platform team, by the hash of their token, so that a copy of the table opens none.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::document;
use super::keys;
use super::{Store, StoreError, number};

/// What the token of a session stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformSession {
    /// Lower-case hex SHA-256 of the admin key that it was begun with, and ends with.
    pub key_sha256: String,
    pub expires_at: Timestamp,
}

impl Store {
    /// Keeps a session under its token's SHA-256 (lower-case hex) until it expires.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_platform_session(
        &self,
        sha256: &str,
        session: &PlatformSession,
    ) -> Result<(), StoreError> {
        let mut item = document::to_item(keys::platform_session(sha256), session, 1)?;
        item.insert("x".to_owned(), number(session.expires_at.as_second()));
        self.put_if(item, "attribute_not_exists(pk)", &[]).await.map(drop)
    }

    /// A session, whatever its time: expired items are deleted late.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn platform_session(
        &self,
        sha256: &str,
    ) -> Result<Option<PlatformSession>, StoreError> {
        self.document(keys::platform_session(sha256), true).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn end_platform_session(&self, sha256: &str) -> Result<(), StoreError> {
        self.delete(keys::platform_session(sha256)).await
    }
}
