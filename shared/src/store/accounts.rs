//! Accounts and their API keys.

use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use jiff::Timestamp;

use super::document::{self, Change, Order, Page, TRIES};
use super::keys::{self, Key};
use super::portal_sessions::PortalVisit;
use super::table::{Range, item_key};
use super::transactions::{If, Step, Transacted};
use super::{Item, Reader, Store, StoreError, number, sdk_error};
use crate::account::Account;
use crate::api_key::{AdminKey, ApiKey, Holder};
use crate::changes::Changed;
use crate::endpoint::Interest;
use crate::event_type::CatalogEntry;
use crate::ids::{AccountId, KeyId};
use crate::sent::Sent;
use crate::tenant::Tenant;

/// How long it is known that there was an account: longer than its events can lie in a queue and
/// then in its dead-letter queue, 14 days each.
const FORMER_KEPT: Duration = Duration::from_secs(60 * 86_400);

/// A page of accounts.
pub type AccountPage = Page<Account>;

/// An account with all that dispatch and ingest ask of it.
#[derive(Debug)]
pub struct AccountItems {
    pub account: Account,
    pub interests: Vec<Interest>,
    pub catalog: Vec<CatalogEntry>,
}

impl Store {
    /// Creates an account; `false` when the id is taken, or there was an account with it after the one
    /// that is said to be the former.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_account(&self, account: &Account) -> Result<bool, StoreError> {
        let listing = keys::account_list(account.created_at, &account.id);
        let former = account.former_deleted_at.map_or(0, Timestamp::as_millisecond);
        let steps = [
            Step::put(account_item(account, 1)?, If::New),
            Step::put(document::to_item(listing, account, 1)?, If::Any),
            Step::check(keys::former_account(&account.id), If::NotAfter(former)),
        ];
        Ok(self.transact(steps).await? == Transacted::Done)
    }

    /// When the last account that had this id was deleted, as far as that is still known.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn former_account(&self, id: &AccountId) -> Result<Option<Timestamp>, StoreError> {
        let item = self.get(keys::former_account(id), true).await?;
        Ok(item.and_then(|item| Reader(&item).millis("u")))
    }

    /// The account with this id, one that is being deleted included.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.document(keys::account(id), true).await
    }

    /// # Errors
    /// When the table can't be read or written.
    pub async fn change_account<E>(
        &self,
        id: &AccountId,
        change: impl FnMut(Account) -> Result<Account, E>,
    ) -> Result<Change<Account, E>, StoreError> {
        let key = keys::account(id);
        let changed = self.change_item(&key, document::whole, account_item, change).await?;
        if let Change::Done(account) = &changed {
            // The copy in the list is for looking at; the account's own item is what counts.
            let listing = keys::account_list(account.created_at, id);
            let item = document::to_item(listing, account, 1)?;
            self.put_if(item, "attribute_exists(pk)", &[]).await?;
        }
        Ok(changed)
    }

    /// Accounts, newest first. `after` is the `next` of the page before.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn accounts(
        &self,
        limit: usize,
        after: Option<&str>,
    ) -> Result<AccountPage, StoreError> {
        self.documents(keys::ACCOUNT_LIST_PK.to_owned(), "", limit, after).await
    }

    /// The accounts' ids, oldest first: an account that is created meanwhile comes last. `after` is the
    /// `next` of the page before.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn account_ids(
        &self,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<AccountId>, StoreError> {
        let pk = keys::ACCOUNT_LIST_PK.to_owned();
        let items = self.page(pk, "", limit, after, Order::FirstFirst).await?;
        items.try_map(|item| document::from_item::<Account>(&item).map(|account| account.id))
    }

    /// Deletes an account and all that belongs to it but its events and deliveries, which expire. From
    /// the first step on nothing new is written below it; with the last its id is free again.
    ///
    /// # Errors
    /// When the table can't be read or written; what is left is deleted by the next call.
    pub async fn delete_account(&self, account: &Account) -> Result<(), StoreError> {
        let tenant = account.tenant();
        let key = keys::account(&tenant.id);
        for _ in 0..TRIES {
            let now = self.clock.now();
            let begin = |account: Account| {
                if account.tenant() != tenant {
                    return Err(());
                }
                let deleted_at = account.deleted_at.or(Some(now));
                Ok(Account { deleted_at, ..account })
            };
            let begun = self.change_item(&key, document::whole, account_item, begin).await?;
            let Change::Done(account) = begun else {
                // It is gone; another may have its id by now.
                return Ok(());
            };
            self.empty_account(&tenant).await?;
            let ended_at = self.clock.now().max(tenant.created_at);
            let steps = [
                Step::delete(key.clone(), If::Generation(generation(&account))),
                Step::delete(keys::account_list(account.created_at, &tenant.id), If::Any),
                Step::put(self.former_item(&tenant.id, ended_at), If::Any),
            ];
            if self.transact(steps).await? == Transacted::Done {
                return Ok(());
            }
            // Another request has deleted it; or an earlier release has written it, which does not
            // know what it means to be deleted.
        }
        Err(StoreError::Contended)
    }

    /// Deletes all that lies below an account, and what is found by it.
    async fn empty_account(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let everything = Range {
            pk: keys::account_pk(&tenant.id),
            from: "!",
            to: "~",
            newest_first: true,
            limit: None,
            consistent: true,
        };
        let (mut below, mut elsewhere) = (Vec::new(), Vec::new());
        for item in self.range(everything).await? {
            let reader = Reader(&item);
            // While this request was slow, another has deleted the account, and its id is in use.
            let later = reader.integer("g").is_some_and(|g| g > tenant.generation());
            let sk = reader.text("sk")?.to_owned();
            if later || sk == keys::ACCOUNT_SK {
                continue;
            }
            if sk.starts_with(keys::API_KEY_SK) {
                elsewhere.push(keys::api_key(&document::from_item::<ApiKey>(&item)?.sha256));
            }
            if sk.starts_with(keys::PORTAL_SK) {
                elsewhere.extend(document::from_item::<PortalVisit>(&item)?.keys());
            }
            below.push(Key { pk: keys::account_pk(&tenant.id), sk });
        }
        // What leads to others comes last: a deletion that breaks off can be repeated.
        self.delete_all(elsewhere).await?;
        self.delete_all(below).await
    }

    fn former_item(&self, id: &AccountId, deleted_at: Timestamp) -> Item {
        let mut item = item_key(keys::former_account(id));
        item.insert("u".to_owned(), number(deleted_at.as_millisecond()));
        let kept = FORMER_KEPT.max(self.retention);
        let expiry = deleted_at.as_second().saturating_add_unsigned(kept.as_secs());
        item.insert("x".to_owned(), number(expiry));
        item
    }

    /// What holds for all that is written below an account: it is there, and not being deleted.
    pub(super) fn account_is_there(tenant: &Tenant) -> Step {
        Step::check(keys::account(&tenant.id), If::GenerationOrNone(tenant.generation()))
    }

    /// Creates an API key; `false` when its account is not there any more.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_api_key(&self, tenant: &Tenant, key: &ApiKey) -> Result<bool, StoreError> {
        let mut listing = document::to_item(keys::account_key(&key.account, &key.id), key, 1)?;
        document::stamp(&mut listing, tenant);
        let steps = [
            Self::account_is_there(tenant),
            Step::put(document::to_item(keys::api_key(&key.sha256), key, 1)?, If::New),
            Step::put(listing, If::New),
        ];
        Ok(self.transact(steps).await? == Transacted::Done)
    }

    /// Whose key has this hash.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn holder(&self, sha256: &str) -> Result<Option<Holder>, StoreError> {
        self.document(keys::api_key(sha256), false).await
    }

    /// Creates an admin key.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_admin_key(&self, key: &AdminKey) -> Result<(), StoreError> {
        let puts = [
            (document::to_item(keys::api_key(&key.sha256), key, 1)?, If::New),
            (document::to_item(keys::admin_key(&key.id), key, 1)?, If::New),
        ];
        self.transact_puts(puts).await.map(drop)
    }

    /// Admin keys, newest first.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn admin_keys(
        &self,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<AdminKey>, StoreError> {
        self.documents(keys::ADMIN_KEYS_PK.to_owned(), KeyId::PREFIX, limit, after).await
    }

    /// Deletes an admin key; `false` when there is none with this id.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn delete_admin_key(&self, id: &KeyId) -> Result<bool, StoreError> {
        let listing = keys::admin_key(id);
        let Some(key) = self.document::<AdminKey>(listing.clone(), true).await? else {
            return Ok(false);
        };
        self.transact_deletes([keys::api_key(&key.sha256), listing]).await?;
        Ok(true)
    }

    /// An account's keys, newest first.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn api_keys(
        &self,
        tenant: &Tenant,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<ApiKey>, StoreError> {
        let pk = keys::account_pk(&tenant.id);
        let page = self.documents(pk, keys::API_KEY_SK, limit, after).await?;
        page.try_filter_map(|key: ApiKey| Ok(Some(key).filter(|key| key.is_of(tenant))))
    }

    /// Deletes a key; `false` when the account has no such key.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn delete_api_key(&self, tenant: &Tenant, id: &KeyId) -> Result<bool, StoreError> {
        let listing = keys::account_key(&tenant.id, id);
        let key = self.document::<ApiKey>(listing.clone(), true).await?;
        let Some(key) = key.filter(|key| key.is_of(tenant)) else {
            return Ok(false);
        };
        self.transact_deletes([keys::api_key(&key.sha256), listing]).await?;
        Ok(true)
    }

    /// The account, its endpoints' interests and its catalog, in one query; `None` for one that is
    /// being deleted, too. Opens no secret. Has what this process has written; what others wrote within
    /// the last second it may lack, unless the read is consistent.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn account_view(
        &self,
        id: &AccountId,
        consistent: bool,
    ) -> Result<Option<AccountItems>, StoreError> {
        let written_here = self.changes.last(&Changed::Account(id.clone())).is_some();
        let range = Range {
            pk: keys::account_pk(id),
            from: keys::ACCOUNT_SK,
            to: keys::CATALOG_END,
            newest_first: false,
            limit: None,
            consistent: consistent || written_here,
        };
        let mut view: Option<(Tenant, AccountItems)> = None;
        self.each_of_range(range, |item| {
            let reader = Reader(&item);
            let sk = reader.text("sk")?;
            // It sorts before all that is below it.
            if sk == keys::ACCOUNT_SK {
                let account: Account = document::from_item(&item)?;
                let items = AccountItems { account, interests: Vec::new(), catalog: Vec::new() };
                view = Some((items.account.tenant(), items));
            } else if let Some((tenant, items)) = &mut view
                && document::is_of(&item, tenant)?
            {
                if sk.starts_with(keys::ENDPOINT_SK) {
                    items.interests.push(document::from_item(&item)?);
                } else if sk.starts_with(keys::EVENT_TYPE_SK) {
                    items.catalog.push(document::from_item(&item)?);
                }
            }
            Ok(())
        })
        .await?;
        let items = view.map(|(_, items)| items);
        Ok(items.filter(|items| items.account.deleted_at.is_none()))
    }

    async fn delete_all(&self, keys: Vec<Key>) -> Result<(), StoreError> {
        for chunk in keys.chunks(25) {
            let mut left = Vec::with_capacity(chunk.len());
            for key in chunk {
                let delete = DeleteRequest::builder()
                    .set_key(Some(item_key(key.clone())))
                    .build()
                    .map_err(sdk_error)?;
                left.push(WriteRequest::builder().delete_request(delete).build());
            }
            let answer = self
                .dynamodb
                .batch_write_item()
                .request_items(&self.table, left)
                .sent()
                .await
                .map_err(sdk_error)?;
            if answer.unprocessed_items.is_some_and(|items| !items.is_empty()) {
                return Err(StoreError::DynamoDb("throttled while deleting; try again".to_owned()));
            }
        }
        Ok(())
    }
}

/// An account's own item: `g` says which account it is, on what others are written on condition of.
fn account_item(account: &Account, revision: u64) -> Result<Item, StoreError> {
    let mut item = document::to_item(keys::account(&account.id), account, revision)?;
    item.insert("g".to_owned(), number(generation(account)));
    Ok(item)
}

/// Negative while it is being deleted: nothing is below such an account.
fn generation(account: &Account) -> i64 {
    let generation = account.tenant().generation();
    if account.deleted_at.is_some() { -generation } else { generation }
}
