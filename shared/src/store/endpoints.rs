//! Endpoints. What signs and what may be a secret of theirs lies sealed beside the rest, so that a
//! copy of the table reveals none, and only functions that need it can open it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::document::{self, Change, Order, Page, TRIES};
use super::keys;
use super::seals::{Opened, keep_seal};
use super::table::key_of;
use super::{Item, Reader, Store, StoreError, number};
use crate::account::Account;
use crate::endpoint::{Endpoint, Interest, Outline};
use crate::ids::{AccountId, EndpointId};

/// The fields of an endpoint that are sealed.
const SEALED: [&str; 4] = ["secret", "former_secrets", "token", "headers"];

impl Store {
    /// Creates an endpoint.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_endpoint(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        let key = keys::endpoint(&endpoint.account, &endpoint.id);
        let (open, secret) = parts(endpoint).map_err(|reason| key.error(reason))?;
        let mut item = document::to_item(key, &open, 1)?;
        self.seal_into(&mut item, &Value::Object(secret).to_string()).await?;
        self.put_if(item, "attribute_not_exists(pk)", &[]).await.map(drop)
    }

    /// # Errors
    /// When the table can't be read.
    pub async fn endpoint(
        &self,
        account: &AccountId,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        match self.get(keys::endpoint(account, id), true).await? {
            Some(item) => self.read_endpoint(&item).await.map(Some),
            None => Ok(None),
        }
    }

    /// What an endpoint subscribes to; opens no secret.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn interest(
        &self,
        account: &AccountId,
        id: &EndpointId,
    ) -> Result<Option<Interest>, StoreError> {
        self.document(keys::endpoint(account, id), true).await
    }

    /// Several endpoints at once, of any accounts, each with its account; those that don't exist
    /// are left out, and those whose item can't be read are named.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn endpoints_with_accounts(
        &self,
        wanted: &[(AccountId, EndpointId)],
    ) -> Result<(Vec<(Endpoint, Account)>, Vec<EndpointId>), StoreError> {
        let endpoints = wanted.iter().map(|(account, id)| keys::endpoint(account, id));
        let accounts = wanted.iter().map(|(account, _)| keys::account(account));
        let items = self.batch_get(endpoints.chain(accounts).collect(), false).await?;
        let (mut endpoints, mut accounts) = (Vec::new(), HashMap::new());
        let mut unreadable = Vec::new();
        for item in &items {
            let reader = Reader(item);
            let sk = reader.text("sk")?;
            if sk == keys::ACCOUNT_SK {
                let account: Account = document::from_item(item)?;
                accounts.insert(account.id.clone(), account);
                continue;
            }
            let read = self.read_endpoint(item).await;
            match (read, sk.trim_start_matches(keys::ENDPOINT_SK).parse()) {
                (Ok(endpoint), _) => endpoints.push(endpoint),
                (Err(error), Ok(id)) => {
                    tracing::error!(%error, endpoint = %id, "endpoint not readable");
                    unreadable.push(id);
                }
                (Err(error), Err(_)) => return Err(error),
            }
        }
        let with_account = |endpoint: Endpoint| {
            let account = accounts.get(&endpoint.account)?.clone();
            Some((endpoint, account))
        };
        Ok((endpoints.into_iter().filter_map(with_account).collect(), unreadable))
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
        let pk = keys::account_pk(account);
        let found = self.page(pk, keys::ENDPOINT_SK, limit, after, Order::LastFirst).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for item in &found.items {
            items.push(self.read_endpoint(item).await?);
        }
        Ok(Page { items, next: found.next })
    }

    /// An account's endpoints at a glance, newest first; opens no secret.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn endpoint_outlines(
        &self,
        account: &AccountId,
        limit: usize,
    ) -> Result<Page<Outline>, StoreError> {
        self.documents(keys::account_pk(account), keys::ENDPOINT_SK, limit, None).await
    }

    /// How many endpoints an account has.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn count_endpoints(&self, account: &AccountId) -> Result<usize, StoreError> {
        self.count_items(keys::account_pk(account), keys::ENDPOINT_SK).await
    }

    /// Changes an endpoint. What is sealed of it stays as it is, byte for byte, unless that changed, or
    /// was sealed by release 0.1.0.
    ///
    /// # Errors
    /// When the table can't be read or written.
    pub async fn change_endpoint<E>(
        &self,
        account: &AccountId,
        id: &EndpointId,
        mut change: impl FnMut(Endpoint) -> Result<Endpoint, E>,
    ) -> Result<Change<Endpoint, E>, StoreError> {
        let key = keys::endpoint(account, id);
        for _ in 0..TRIES {
            let Some(before) = self.get(key.clone(), true).await? else {
                return Ok(Change::Unknown);
            };
            let opened = self.open_seal(&before).await?;
            let changed = match change(endpoint_of(&before, &opened)?) {
                Ok(changed) => changed,
                Err(refusal) => return Ok(Change::Refused(refusal)),
            };
            let revision = document::revision(&before);
            let item = self.changed_item(&before, &opened, &changed, revision + 1).await?;
            if self.put_if(item, "r = :r", &[(":r", number(revision))]).await? {
                return Ok(Change::Done(changed));
            }
        }
        Err(StoreError::Contended)
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

    /// The item of an endpoint that was changed.
    async fn changed_item(
        &self,
        before: &Item,
        opened: &Opened,
        endpoint: &Endpoint,
        revision: u64,
    ) -> Result<Item, StoreError> {
        let key = key_of(before);
        let (open, secret) = parts(endpoint).map_err(|reason| key.error(reason))?;
        let mut item = document::to_item(key, &open, revision)?;
        let is_as_before =
            || serde_json::from_str(&opened.text).is_ok_and(|was: Fields| was == secret);
        if opened.is_bound() && is_as_before() {
            keep_seal(before, &mut item);
        } else {
            self.seal_into(&mut item, &Value::Object(secret).to_string()).await?;
        }
        Ok(item)
    }

    async fn read_endpoint(&self, item: &Item) -> Result<Endpoint, StoreError> {
        endpoint_of(item, &self.open_seal(item).await?)
    }
}

type Fields = Map<String, Value>;

/// What of an endpoint lies open, and what is to be sealed.
fn parts(endpoint: &Endpoint) -> Result<(Fields, Fields), String> {
    let Ok(Value::Object(mut open)) = serde_json::to_value(endpoint) else {
        return Err("is no JSON object".to_owned());
    };
    let secret = SEALED.iter().filter_map(|name| open.remove_entry(*name)).collect();
    Ok((open, secret))
}

/// The endpoint of an item whose seal was opened.
fn endpoint_of(item: &Item, opened: &Opened) -> Result<Endpoint, StoreError> {
    let unreadable = |error: serde_json::Error| Reader(item).error(error.to_string());
    let mut fields: Fields = document::from_item(item)?;
    fields.extend(serde_json::from_str::<Fields>(&opened.text).map_err(unreadable)?);
    serde_json::from_value(Value::Object(fields)).map_err(unreadable)
}
