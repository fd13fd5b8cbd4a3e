//! Endpoints. What signs and what may be a secret of theirs lies sealed beside the rest, so that a
//! copy of the table reveals none, and only functions that need it can open it.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::counters::{Counted, Created};
use super::document::{self, Change, Order, Page, TRIES};
use super::keys;
use super::seals::{Opened, keep_seal};
use super::table::key_of;
use super::{Item, Reader, Store, StoreError, number};
use crate::account::Account;
use crate::endpoint::{Endpoint, Interest, Outline};
use crate::ids::{AccountId, EndpointId};
use crate::tenant::Tenant;

/// The fields of an endpoint that are sealed.
const SEALED: [&str; 4] = ["secret", "former_secrets", "token", "headers"];

impl Store {
    /// Creates an endpoint, if its account has fewer than `limit`.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_endpoint(
        &self,
        endpoint: &Endpoint,
        limit: u32,
    ) -> Result<Created, StoreError> {
        let tenant = &endpoint.account;
        let key = keys::endpoint(&tenant.id, &endpoint.id);
        let (open, secret) = parts(endpoint).map_err(|reason| key.error(reason))?;
        let mut item = document::to_item(key, &open, 1)?;
        document::stamp(&mut item, tenant);
        self.seal_into(&mut item, &Value::Object(secret).to_string()).await?;
        self.create_counted(tenant, Counted::Endpoints, limit, vec![item]).await
    }

    /// # Errors
    /// When the table can't be read.
    pub async fn endpoint(
        &self,
        tenant: &Tenant,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        match self.get(keys::endpoint(&tenant.id, id), true).await? {
            Some(item) => self.read_endpoint(&item, tenant).await,
            None => Ok(None),
        }
    }

    /// What an endpoint subscribes to, and its account; `None` when either is not there. Opens no
    /// secret.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn interest(
        &self,
        account: &AccountId,
        id: &EndpointId,
    ) -> Result<Option<(Account, Interest)>, StoreError> {
        let both = vec![keys::account(account), keys::endpoint(account, id)];
        let (accounts, endpoints) = by_account(self.batch_get(both, true).await?)?;
        let Some((account, item)) = accounts.into_values().next().zip(endpoints.first()) else {
            return Ok(None);
        };
        let interest = document::owned(item, &account.tenant())?;
        Ok(interest.map(|interest| (account, interest)))
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
        let (accounts, items) = by_account(items)?;
        let (mut endpoints, mut unreadable) = (Vec::new(), Vec::new());
        for item in &items {
            let reader = Reader(item);
            let Some(account) = accounts.get(reader.text("pk")?) else {
                continue;
            };
            let id = reader.text("sk")?.trim_start_matches(keys::ENDPOINT_SK).parse();
            match (self.read_endpoint(item, &account.tenant()).await, id) {
                (Ok(Some(endpoint)), _) => endpoints.push((endpoint, account.clone())),
                (Ok(None), _) => {}
                (Err(error), Ok(id)) => {
                    tracing::error!(%error, endpoint = %id, "endpoint not readable");
                    unreadable.push(id);
                }
                (Err(error), Err(_)) => return Err(error),
            }
        }
        Ok((endpoints, unreadable))
    }

    /// An account's endpoints, newest first.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn endpoints(
        &self,
        tenant: &Tenant,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<Endpoint>, StoreError> {
        let pk = keys::account_pk(&tenant.id);
        let found = self.page(pk, keys::ENDPOINT_SK, limit, after, Order::LastFirst).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for item in &found.items {
            items.extend(self.read_endpoint(item, tenant).await?);
        }
        Ok(Page { items, next: found.next })
    }

    /// An account's endpoints at a glance, newest first; opens no secret.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn endpoint_outlines(
        &self,
        tenant: &Tenant,
        limit: usize,
    ) -> Result<Page<Outline>, StoreError> {
        let pk = keys::account_pk(&tenant.id);
        let items = self.page(pk, keys::ENDPOINT_SK, limit, None, Order::LastFirst).await?;
        items.try_filter_map(|item| document::owned(&item, tenant))
    }

    /// Changes an endpoint. What is sealed of it stays as it is, byte for byte, unless that changed, or
    /// was sealed by release 0.1.0.
    ///
    /// # Errors
    /// When the table can't be read or written.
    pub async fn change_endpoint<E>(
        &self,
        tenant: &Tenant,
        id: &EndpointId,
        mut change: impl FnMut(Endpoint) -> Result<Endpoint, E>,
    ) -> Result<Change<Endpoint, E>, StoreError> {
        let key = keys::endpoint(&tenant.id, id);
        for _ in 0..TRIES {
            let Some(before) = self.get(key.clone(), true).await? else {
                return Ok(Change::Unknown);
            };
            if !document::is_of(&before, tenant)? {
                return Ok(Change::Unknown);
            }
            let opened = self.open_seal(&before).await?;
            let changed = match change(endpoint_of(&before, &opened, tenant)?) {
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

    /// Deletes an endpoint, if it is there.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn delete_endpoint(
        &self,
        tenant: &Tenant,
        id: &EndpointId,
    ) -> Result<(), StoreError> {
        let item = keys::endpoint(&tenant.id, id);
        self.delete_counted(tenant, Counted::Endpoints, item, None).await.map(drop)
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
        document::stamp(&mut item, &endpoint.account);
        let is_as_before =
            || serde_json::from_str(&opened.text).is_ok_and(|was: Fields| was == secret);
        if opened.is_bound() && is_as_before() {
            keep_seal(before, &mut item);
        } else {
            self.seal_into(&mut item, &Value::Object(secret).to_string()).await?;
        }
        Ok(item)
    }

    /// The endpoint, if it is this account's.
    async fn read_endpoint(
        &self,
        item: &Item,
        tenant: &Tenant,
    ) -> Result<Option<Endpoint>, StoreError> {
        if !document::is_of(item, tenant)? {
            return Ok(None);
        }
        endpoint_of(item, &self.open_seal(item).await?, tenant).map(Some)
    }
}

type Fields = Map<String, Value>;

/// What of an endpoint lies open, and what is to be sealed.
fn parts(endpoint: &Endpoint) -> Result<(Fields, Fields), String> {
    let Ok(Value::Object(mut open)) = serde_json::to_value(endpoint) else {
        return Err("is no JSON object".to_owned());
    };
    let secret = SEALED.iter().filter_map(|name| open.remove_entry(*name)).collect();
    // Which account of this id it is stands beside it, as with all that lies below one.
    open.insert("account".to_owned(), Value::from(endpoint.account.id.as_str()));
    Ok((open, secret))
}

/// The endpoint of an item of this account whose seal was opened.
fn endpoint_of(item: &Item, opened: &Opened, tenant: &Tenant) -> Result<Endpoint, StoreError> {
    let unreadable = |error: serde_json::Error| Reader(item).error(error.to_string());
    let mut fields: Fields = document::from_item(item)?;
    fields.extend(serde_json::from_str::<Fields>(&opened.text).map_err(unreadable)?);
    fields.insert("account".to_owned(), json!(tenant));
    serde_json::from_value(Value::Object(fields)).map_err(unreadable)
}

/// Accounts by their partition, and the endpoints' items among them. One that is being deleted is
/// not there any more.
pub(super) fn by_account(
    items: Vec<Item>,
) -> Result<(HashMap<String, Account>, Vec<Item>), StoreError> {
    let (mut accounts, mut endpoints) = (HashMap::new(), Vec::new());
    for item in items {
        let reader = Reader(&item);
        if reader.text("sk")? != keys::ACCOUNT_SK {
            endpoints.push(item);
            continue;
        }
        let account: Account = document::from_item(&item)?;
        if account.deleted_at.is_none() {
            accounts.insert(reader.text("pk")?.to_owned(), account);
        }
    }
    Ok((accounts, endpoints))
}
