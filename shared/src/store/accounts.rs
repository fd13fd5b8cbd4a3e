//! Accounts and their API keys.

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};

use super::document::{self, Change, Order, Page};
use super::keys::{self, Key};
use super::table::{If, Range, item_key};
use super::{Store, StoreError, sdk_error};
use crate::account::Account;
use crate::api_key::{AdminKey, ApiKey, Holder};
use crate::endpoint::Interest;
use crate::event_type::{CatalogEntry, CatalogOwner};
use crate::ids::{AccountId, KeyId};
use crate::sent::Sent;

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
    /// Creates an account; `false` when the id is taken.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_account(&self, account: &Account) -> Result<bool, StoreError> {
        let listing = keys::account_list(account.created_at, &account.id);
        let puts = [
            (document::to_item(keys::account(&account.id), account, 1)?, If::New),
            (document::to_item(listing, account, 1)?, If::Any),
        ];
        self.transact_puts(puts).await
    }

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
        let changed = self.change_document(keys::account(id), change).await?;
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

    /// Deletes an account and all that belongs to it but its events and deliveries, which expire.
    ///
    /// # Errors
    /// When the table can't be read or written; what is left is deleted by the next call.
    pub async fn delete_account(&self, account: &Account) -> Result<(), StoreError> {
        let everything = Range {
            pk: keys::account_pk(&account.id),
            from: "!",
            to: "~",
            newest_first: true,
            limit: None,
            consistent: true,
        };
        let mut doomed = Vec::new();
        for item in self.range(everything).await? {
            let sk = super::Reader(&item).text("sk")?.to_owned();
            if sk.starts_with(keys::API_KEY_SK) {
                doomed.push(keys::api_key(&document::from_item::<ApiKey>(&item)?.sha256));
            }
            if sk != keys::ACCOUNT_SK {
                doomed.push(Key { pk: keys::account_pk(&account.id), sk });
            }
        }
        self.delete_all(doomed).await?;
        // The account itself last: while it is there, a deletion that broke off can be repeated.
        self.delete(keys::account_list(account.created_at, &account.id)).await?;
        self.delete(keys::account(&account.id)).await
    }

    /// Creates an API key.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let puts = [
            (document::to_item(keys::api_key(&key.sha256), key, 1)?, If::New),
            (document::to_item(keys::account_key(&key.account, &key.id), key, 1)?, If::New),
        ];
        self.transact_puts(puts).await.map(drop)
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
        account: &AccountId,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<ApiKey>, StoreError> {
        self.documents(keys::account_pk(account), keys::API_KEY_SK, limit, after).await
    }

    /// Deletes a key; `false` when the account has no such key.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn delete_api_key(
        &self,
        account: &AccountId,
        id: &KeyId,
    ) -> Result<bool, StoreError> {
        let listing = keys::account_key(account, id);
        let Some(key) = self.document::<ApiKey>(listing.clone(), true).await? else {
            return Ok(false);
        };
        self.transact_deletes([keys::api_key(&key.sha256), listing]).await?;
        Ok(true)
    }

    /// The account, its endpoints' interests and its catalog, in one query. Opens no secret. Has
    /// what this process has written; what others wrote within the last second it may lack.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn account_view(&self, id: &AccountId) -> Result<Option<AccountItems>, StoreError> {
        let items = self
            .range(Range {
                pk: keys::account_pk(id),
                from: keys::ACCOUNT_SK,
                to: keys::CATALOG_END,
                newest_first: false,
                limit: None,
                consistent: self.changes.last(&CatalogOwner::Account(id.clone())).is_some(),
            })
            .await?;
        let mut account = None;
        let (mut interests, mut catalog) = (Vec::new(), Vec::new());
        for item in &items {
            match super::Reader(item).text("sk")? {
                keys::ACCOUNT_SK => account = Some(document::from_item(item)?),
                sk if sk.starts_with(keys::ENDPOINT_SK) => {
                    interests.push(document::from_item(item)?);
                }
                sk if sk.starts_with(keys::EVENT_TYPE_SK) => {
                    catalog.push(document::from_item(item)?);
                }
                _ => {}
            }
        }
        Ok(account.map(|account| AccountItems { account, interests, catalog }))
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
