//! The portal's links and sessions: by the hash of their token, so that a copy of the table opens
//! none. A link becomes a session once. Both have one id, under which their account lists them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::document::{self, Order, Page, TRIES};
use super::keys::{self, Key};
use super::transactions::{If, Step, Transacted};
use super::{Item, Store, StoreError, number};
use crate::ids::{AccountId, PortalSessionId};
use crate::tenant::Tenant;

/// What the token of a link, or of a session that came of it, stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalSession {
    pub account: AccountId,
    /// When that account was created: a later one with its id is another. Links of earlier releases
    /// do not say, and have no id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_created_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<PortalSessionId>,
    pub expires_at: Timestamp,
    /// Of a link: when it was used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

impl PortalSession {
    /// The account that it is of, if it says which of those that have had the id.
    pub fn tenant(&self) -> Option<Tenant> {
        let created_at = self.account_created_at?;
        Some(Tenant { id: self.account.clone(), created_at })
    }
}

/// A link into an account's portal and the session that came of it, as the account lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalVisit {
    pub id: PortalSessionId,
    pub created_at: Timestamp,
    /// When the link became a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    /// When the link or the session ends.
    pub expires_at: Timestamp,
    link_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_sha256: Option<String>,
}

impl PortalVisit {
    /// The item of the token that opens the portal now. A link that was used opens nothing: its item
    /// stays, and says so.
    fn opens(&self) -> Key {
        match &self.session_sha256 {
            Some(sha256) => keys::portal_session(sha256),
            None => keys::portal_link(&self.link_sha256),
        }
    }

    /// The items that its tokens are found by.
    pub(super) fn keys(&self) -> Vec<Key> {
        let session = self.session_sha256.iter().map(|sha256| keys::portal_session(sha256));
        session.chain([keys::portal_link(&self.link_sha256)]).collect()
    }
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
    /// Keeps a link under its token's SHA-256 (lower-case hex) until it expires; `None` when its
    /// account is not there any more.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_portal_link(
        &self,
        tenant: &Tenant,
        sha256: &str,
        id: PortalSessionId,
        expires_at: Timestamp,
    ) -> Result<Option<PortalVisit>, StoreError> {
        let link = PortalSession {
            account: tenant.id.clone(),
            account_created_at: Some(tenant.created_at),
            id: Some(id.clone()),
            expires_at,
            used_at: None,
        };
        let visit = PortalVisit {
            id,
            created_at: self.clock.now(),
            opened_at: None,
            expires_at,
            link_sha256: sha256.to_owned(),
            session_sha256: None,
        };
        let steps = [
            Self::account_is_there(tenant),
            Step::put(item(keys::portal_link(sha256), &link, UNUSED)?, If::New),
            Step::put(visit_item(tenant, &visit, UNUSED)?, If::New),
        ];
        Ok((self.transact(steps).await? == Transacted::Done).then_some(visit))
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
        let mut steps = vec![
            Step::put(item(keys::portal_link(link), &used, UNUSED + 1)?, If::Revision(UNUSED)),
            Step::put(item(keys::portal_session(session), &found, 1)?, If::New),
        ];
        if let (Some(id), Some(tenant)) = (&found.id, found.tenant()) {
            let listing = keys::portal_visit(&tenant.id, id);
            // Without one it has been ended, its account with it or not.
            let Some(visit) = self.document::<PortalVisit>(listing, true).await? else {
                return Ok(Opened::Unknown);
            };
            let opened_at = Some(now);
            let session_sha256 = Some(session.to_owned());
            let visit = PortalVisit { opened_at, session_sha256, ..visit };
            let listed = visit_item(&tenant, &visit, UNUSED + 1)?;
            steps.push(Step::put(listed, If::Revision(UNUSED)));
            steps.push(Self::account_is_there(&tenant));
        }
        if self.transact(steps).await? == Transacted::Done {
            return Ok(Opened::Now(found));
        }
        // Another request has opened it, or it was ended.
        let left = self.portal_link(link).await?;
        Ok(left.filter(|left| left.used_at.is_some()).map_or(Opened::Unknown, Opened::Before))
    }

    /// A session, whatever its time: expired items are deleted late.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn portal_session(&self, sha256: &str) -> Result<Option<PortalSession>, StoreError> {
        self.document(keys::portal_session(sha256), true).await
    }

    /// An account's links that can still be opened, and sessions that still last; the newest first. A
    /// page may be shorter than `limit`, and still have a next one.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn portal_visits(
        &self,
        tenant: &Tenant,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<PortalVisit>, StoreError> {
        let pk = keys::account_pk(&tenant.id);
        let page = self.page(pk, keys::PORTAL_SK, limit, after, Order::LastFirst).await?;
        let now = self.clock.now();
        page.try_filter_map(|item| {
            let visit = document::owned::<PortalVisit>(&item, tenant)?;
            Ok(visit.filter(|visit| now < visit.expires_at))
        })
    }

    /// Ends a link, or the session that came of it; `false` when the account has none with this id.
    ///
    /// # Errors
    /// When the table can't be read or written.
    pub async fn end_portal_visit(
        &self,
        account: &AccountId,
        id: &PortalSessionId,
    ) -> Result<bool, StoreError> {
        let listing = keys::portal_visit(account, id);
        for _ in 0..TRIES {
            let Some(found) = self.get(listing.clone(), true).await? else {
                return Ok(false);
            };
            let token = document::from_item::<PortalVisit>(&found)?.opens();
            // Unless it is opened at the same time: then another token does.
            let unchanged = If::Revision(document::revision(&found));
            let listing = Step::delete(listing.clone(), unchanged);
            let steps = [Step::delete(token, If::Any), listing];
            if self.transact(steps).await? == Transacted::Done {
                return Ok(true);
            }
        }
        Err(StoreError::Contended)
    }

    /// Ends a session by its token.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn end_portal_session(&self, sha256: &str) -> Result<(), StoreError> {
        if let Some(PortalSession { account, id: Some(id), .. }) =
            self.portal_session(sha256).await?
            && self.end_portal_visit(&account, &id).await?
        {
            return Ok(());
        }
        self.delete(keys::portal_session(sha256)).await
    }
}

/// The revision of a link that was never opened, and of its listing.
const UNUSED: u64 = 1;

fn item(key: Key, session: &PortalSession, revision: u64) -> Result<Item, StoreError> {
    let mut item = document::to_item(key, session, revision)?;
    item.insert("x".to_owned(), number(session.expires_at.as_second()));
    Ok(item)
}

fn visit_item(tenant: &Tenant, visit: &PortalVisit, revision: u64) -> Result<Item, StoreError> {
    let mut item = document::to_item(keys::portal_visit(&tenant.id, &visit.id), visit, revision)?;
    document::stamp(&mut item, tenant);
    item.insert("x".to_owned(), number(visit.expires_at.as_second()));
    Ok(item)
}
