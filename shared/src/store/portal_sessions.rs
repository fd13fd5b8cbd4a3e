//! Links that open the portal: by the hash of their token, so that a copy of the table opens none.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::document;
use super::keys;
use super::{Store, StoreError, number};
use crate::ids::AccountId;

/// What a link's token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalSession {
    pub account: AccountId,
    pub expires_at: Timestamp,
}

impl Store {
    /// Keeps a session under its token's SHA-256 (lower-case hex) until it expires.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_portal_session(
        &self,
        sha256: &str,
        session: &PortalSession,
    ) -> Result<(), StoreError> {
        let mut item = document::to_item(keys::portal_session(sha256), session, 1)?;
        item.insert("x".to_owned(), number(session.expires_at.as_second()));
        self.put_if(item, "attribute_not_exists(pk)", &[]).await.map(drop)
    }
}
