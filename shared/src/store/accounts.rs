//! Accounts and what belongs to them: endpoints, event types, API keys.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{Delete, DeleteRequest, Put, TransactWriteItem, WriteRequest};

use super::document::{self, Change};
use super::keys::{self, Key};
use super::table::{Range, item_key};
use super::{Store, StoreError, sdk_error};
use crate::account::Account;
use crate::account_view::AccountView;
use crate::api_key::ApiKey;
use crate::endpoint::Endpoint;
use crate::event_type::EventType;
use crate::ids::{AccountId, EndpointId, EventTypeName, KeyId};

/// Items of a list, and where the next page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The sort key of the last item, when there may be more.
    pub next: Option<String>,
}

/// A page of accounts.
pub type AccountPage = Page<Account>;

impl Store {
    /// Creates an account; `false` when the id is taken.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_account(&self, account: &Account) -> Result<bool, StoreError> {
        let listing = keys::account_list(account.created_at, &account.id);
        let puts = [
            (document::to_item(keys::account(&account.id), account, 1)?, true),
            (document::to_item(listing, account, 1)?, false),
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
            (document::to_item(keys::api_key(&key.sha256), key, 1)?, true),
            (document::to_item(keys::account_key(&key.account, &key.id), key, 1)?, true),
        ];
        self.transact_puts(puts).await.map(drop)
    }

    /// The key with this hash.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn api_key(&self, sha256: &str) -> Result<Option<ApiKey>, StoreError> {
        self.document(keys::api_key(sha256), false).await
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
        let mut transaction = self.dynamodb.transact_write_items();
        for key in [keys::api_key(&key.sha256), listing] {
            let delete = Delete::builder()
                .table_name(&self.table)
                .set_key(Some(item_key(key)))
                .build()
                .map_err(sdk_error)?;
            transaction =
                transaction.transact_items(TransactWriteItem::builder().delete(delete).build());
        }
        transaction.send().await.map_err(sdk_error)?;
        Ok(true)
    }

    /// Creates an endpoint.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_endpoint(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        let key = keys::endpoint(&endpoint.account, &endpoint.id);
        self.create_document(key, endpoint).await.map(drop)
    }

    /// # Errors
    /// When the table can't be read.
    pub async fn endpoint(
        &self,
        account: &AccountId,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        self.document(keys::endpoint(account, id), true).await
    }

    /// Several endpoints at once, of any accounts, each with its account; those that don't exist
    /// are left out.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn endpoints_with_accounts(
        &self,
        wanted: &[(AccountId, EndpointId)],
    ) -> Result<Vec<(Endpoint, Account)>, StoreError> {
        let endpoints = wanted.iter().map(|(account, id)| keys::endpoint(account, id));
        let accounts = wanted.iter().map(|(account, _)| keys::account(account));
        let items = self.batch_get(endpoints.chain(accounts).collect(), false).await?;
        let (mut endpoints, mut accounts) = (Vec::new(), HashMap::new());
        for item in &items {
            if super::Reader(item).text("sk")? == keys::ACCOUNT_SK {
                let account: Account = document::from_item(item)?;
                accounts.insert(account.id.clone(), account);
            } else {
                endpoints.push(document::from_item::<Endpoint>(item)?);
            }
        }
        let with_account = |endpoint: Endpoint| {
            let account = accounts.get(&endpoint.account)?.clone();
            Some((endpoint, account))
        };
        Ok(endpoints.into_iter().filter_map(with_account).collect())
    }

    /// An account's endpoints, newest first.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn endpoints(
        &self,
        account: &AccountId,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Endpoint>, StoreError> {
        self.documents(keys::account_pk(account), keys::ENDPOINT_SK, limit, after).await
    }

    /// # Errors
    /// When the table can't be read or written.
    pub async fn change_endpoint<E>(
        &self,
        account: &AccountId,
        id: &EndpointId,
        change: impl FnMut(Endpoint) -> Result<Endpoint, E>,
    ) -> Result<Change<Endpoint, E>, StoreError> {
        self.change_document(keys::endpoint(account, id), change).await
    }

    /// # Errors
    /// When the table can't be written.
    pub async fn delete_endpoint(
        &self,
        account: &AccountId,
        id: &EndpointId,
    ) -> Result<(), StoreError> {
        self.delete(keys::endpoint(account, id)).await
    }

    /// Adds an event type; `false` when the catalog has it.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_event_type(
        &self,
        account: &AccountId,
        event_type: &EventType,
    ) -> Result<bool, StoreError> {
        self.create_document(keys::event_type(account, &event_type.name), event_type).await
    }

    /// # Errors
    /// When the table can't be read.
    pub async fn event_type(
        &self,
        account: &AccountId,
        name: &EventTypeName,
    ) -> Result<Option<EventType>, StoreError> {
        self.document(keys::event_type(account, name), true).await
    }

    /// An account's event types, by name (Z first).
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn event_types(
        &self,
        account: &AccountId,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<EventType>, StoreError> {
        self.documents(keys::account_pk(account), keys::EVENT_TYPE_SK, limit, after).await
    }

    /// # Errors
    /// When the table can't be read or written.
    pub async fn change_event_type<E>(
        &self,
        account: &AccountId,
        name: &EventTypeName,
        change: impl FnMut(EventType) -> Result<EventType, E>,
    ) -> Result<Change<EventType, E>, StoreError> {
        self.change_document(keys::event_type(account, name), change).await
    }

    /// # Errors
    /// When the table can't be written.
    pub async fn delete_event_type(
        &self,
        account: &AccountId,
        name: &EventTypeName,
    ) -> Result<(), StoreError> {
        self.delete(keys::event_type(account, name)).await
    }

    /// The account, its endpoints and its catalog, in one query.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn account_view(&self, id: &AccountId) -> Result<Option<AccountView>, StoreError> {
        let items = self
            .range(Range {
                pk: keys::account_pk(id),
                from: keys::ACCOUNT_SK,
                to: "TYPE$",
                newest_first: false,
                limit: None,
                consistent: false,
            })
            .await?;
        let (mut account, mut endpoints, mut event_types) = (None, Vec::new(), HashSet::new());
        for item in &items {
            match super::Reader(item).text("sk")? {
                keys::ACCOUNT_SK => account = Some(document::from_item::<Account>(item)?),
                sk if sk.starts_with(keys::ENDPOINT_SK) => {
                    endpoints.push(document::from_item::<Endpoint>(item)?);
                }
                sk => {
                    if let Some(name) = sk.strip_prefix(keys::EVENT_TYPE_SK) {
                        event_types.extend(name.parse::<EventTypeName>());
                    }
                }
            }
        }
        Ok(account.map(|account| AccountView::new(account, endpoints, event_types)))
    }

    /// A page of the documents whose sort key starts with `prefix`, the last first.
    async fn documents<T: serde::de::DeserializeOwned>(
        &self,
        pk: String,
        prefix: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<T>, StoreError> {
        let first = format!("{prefix}!");
        let last = after.map_or_else(|| format!("{prefix}~"), |after| format!("{prefix}{after}"));
        // One more than asked for tells whether there is a next page; one more for `after` itself.
        let mut items = self
            .range(Range {
                pk,
                from: &first,
                to: &last,
                newest_first: true,
                limit: Some(limit + 2),
                consistent: true,
            })
            .await?;
        let sort_key = |item: &super::Item| -> Result<String, StoreError> {
            Ok(super::Reader(item).text("sk")?[prefix.len()..].to_owned())
        };
        if let (Some(after), Some(first)) = (after, items.first())
            && sort_key(first)? == after
        {
            items.remove(0);
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let next = match items.last() {
            Some(last) if more => Some(sort_key(last)?),
            _ => None,
        };
        let items = items.iter().map(document::from_item).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// Puts items all or none, those marked on the condition that there is none under their key.
    /// Answers whether the conditions held.
    async fn transact_puts(
        &self,
        puts: impl IntoIterator<Item = (super::Item, bool)>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.dynamodb.transact_write_items();
        for (item, only_new) in puts {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .set_condition_expression(only_new.then(|| "attribute_not_exists(pk)".to_owned()))
                .build()
                .map_err(sdk_error)?;
            transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        }
        match transaction.send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let cancelled = error.as_service_error().and_then(|e| match e {
                    aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(e) => Some(e),
                    _ => None,
                });
                let condition = cancelled.is_some_and(|e| {
                    e.cancellation_reasons()
                        .iter()
                        .any(|r| r.code() == Some("ConditionalCheckFailed"))
                });
                if condition { Ok(false) } else { Err(sdk_error(error)) }
            }
        }
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
                .send()
                .await
                .map_err(sdk_error)?;
            if answer.unprocessed_items.is_some_and(|items| !items.is_empty()) {
                return Err(StoreError::DynamoDb("throttled while deleting; try again".to_owned()));
            }
        }
        Ok(())
    }
}
