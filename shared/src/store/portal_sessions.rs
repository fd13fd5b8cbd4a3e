//! The portal's links and sessions: by the hash of their token, so that a copy of the table opens
//! none. A link becomes a session once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::document;
use super::keys::{self, Key};
use super::table::If;
use super::{Item, Store, StoreError, number};
use crate::ids::AccountId;

/// What the token of a link, or of a session that came of it, stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalSession {
    pub account: AccountId,
    pub expires_at: Timestamp,
    /// Of a link: when it was used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// What came of opening a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// There is a session now, which ends when the link would have.
    Now(PortalSession),
    /// It was opened before.
    Before(PortalSession),
    /// There is no such link, or its time is over.
    Unknown,
}

impl Store {
    /// Keeps a link under its token's SHA-256 (lower-case hex) until it expires.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_portal_link(
        &self,
        sha256: &str,
        link: &PortalSession,
    ) -> Result<(), StoreError> {
        let item = item(keys::portal_link(sha256), link, UNUSED)?;
        self.put_if(item, "attribute_not_exists(pk)", &[]).await.map(drop)
    }

    /// A link, whatever its time.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn portal_link(&self, sha256: &str) -> Result<Option<PortalSession>, StoreError> {
        self.document(keys::portal_link(sha256), true).await
    }

    /// Uses up a link for a session, both in one transaction: of any number of requests with the
    /// same link one gets a session, and one that fails leaves the link as it was.
    ///
    /// # Errors
    /// When the table can't be read or written.
    pub async fn open_portal_link(
        &self,
        link: &str,
        session: &str,
        now: Timestamp,
    ) -> Result<Opened, StoreError> {
        let Some(found) = self.portal_link(link).await?.filter(|found| now < found.expires_at)
        else {
            return Ok(Opened::Unknown);
        };
        if found.used_at.is_some() {
            return Ok(Opened::Before(found));
        }
        let used = PortalSession { used_at: Some(now), ..found.clone() };
        let puts = [
            (item(keys::portal_link(link), &used, UNUSED + 1)?, If::Revision(UNUSED)),
            (item(keys::portal_session(session), &found, 1)?, If::New),
        ];
        let opened = self.transact_puts(puts).await?;
        Ok(if opened { Opened::Now(found) } else { Opened::Before(used) })
    }

    /// A session, whatever its time: expired items are deleted late.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn portal_session(&self, sha256: &str) -> Result<Option<PortalSession>, StoreError> {
        self.document(keys::portal_session(sha256), true).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn end_portal_session(&self, sha256: &str) -> Result<(), StoreError> {
        self.delete(keys::portal_session(sha256)).await
    }
}

/// The revision of a link that was never opened.
const UNUSED: u64 = 1;

fn item(key: Key, session: &PortalSession, revision: u64) -> Result<Item, StoreError> {
    let mut item = document::to_item(key, session, revision)?;
    item.insert("x".to_owned(), number(session.expires_at.as_second()));
    Ok(item)
}
