//! Endpoints. What signs and what may be a secret of theirs lies sealed beside the rest, so that a
//! copy of the table reveals none, and only functions that need it can open it.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::counters::{Counted, Created};
use super::document::{self, Change, Order, Page};
use super::keys;
use super::{Item, Reader, Store, StoreError, string};
use crate::account::Account;
use crate::deployment_key::DeploymentKey;
use crate::endpoint::{Endpoint, Interest, Outline};
use crate::ids::{AccountId, EndpointId};
use crate::tenant::Tenant;

/// The fields of an endpoint that are sealed.
const SEALED: [&str; 4] = ["secret", "former_secrets", "token", "headers"];
/// The attribute they are sealed in.
const SEALED_ATTRIBUTE: &str = "s";

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
        let item = self.endpoint_item(endpoint, 1)?;
        self.create_counted(&endpoint.account, Counted::Endpoints, limit, vec![item]).await
    }

    /// # Errors
    /// When the table can't be read.
    pub async fn endpoint(
        &self,
        tenant: &Tenant,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        let item = self.get(keys::endpoint(&tenant.id, id), true).await?;
        Ok(item.map(|item| self.read_endpoint(&item, tenant)).transpose()?.flatten())
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
            match (self.read_endpoint(item, &account.tenant()), id) {
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
        let items = self.page(pk, keys::ENDPOINT_SK, limit, after, Order::LastFirst).await?;
        items.try_filter_map(|item| self.read_endpoint(&item, tenant))
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

    /// # Errors
    /// When the table can't be read or written.
    pub async fn change_endpoint<E>(
        &self,
        tenant: &Tenant,
        id: &EndpointId,
        change: impl FnMut(Endpoint) -> Result<Endpoint, E>,
    ) -> Result<Change<Endpoint, E>, StoreError> {
        let key = keys::endpoint(&tenant.id, id);
        let read = |item: &Item| self.read_endpoint(item, tenant);
        let write = |endpoint: &Endpoint, revision| self.endpoint_item(endpoint, revision);
        self.change_item(&key, read, write, change).await
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

    fn endpoint_item(&self, endpoint: &Endpoint, revision: u64) -> Result<Item, StoreError> {
        let account = &endpoint.account;
        let key = keys::endpoint(&account.id, &endpoint.id);
        let unwritable =
            |reason: String| StoreError::Item { pk: key.pk.clone(), sk: key.sk.clone(), reason };
        let Ok(Value::Object(mut open)) = serde_json::to_value(endpoint) else {
            return Err(unwritable("is no JSON object".to_owned()));
        };
        let secret: Map<String, Value> =
            SEALED.iter().filter_map(|name| open.remove_entry(*name)).collect();
        let secret = Value::Object(secret).to_string();
        let id = endpoint.id.as_str();
        let sealed = self.key().map_err(unwritable)?.seal(&secret, id, self.clock.random());
        // Which account of this id it is stands beside it, as with all that lies below one.
        open.insert("account".to_owned(), Value::from(account.id.as_str()));
        let mut item = document::to_item(key, &open, revision)?;
        document::stamp(&mut item, account);
        item.insert(SEALED_ATTRIBUTE.to_owned(), string(sealed));
        Ok(item)
    }

    /// The endpoint, if it is this account's.
    fn read_endpoint(&self, item: &Item, tenant: &Tenant) -> Result<Option<Endpoint>, StoreError> {
        let reader = Reader(item);
        let Some(mut fields) = document::owned::<Map<String, Value>>(item, tenant)? else {
            return Ok(None);
        };
        let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
        let sealed = reader.text(SEALED_ATTRIBUTE)?;
        let key = self.key().map_err(|reason| reader.error(reason))?;
        let opened = key.open(sealed, id).map_err(|error| reader.error(error.to_string()))?;
        let opened: Map<String, Value> =
            serde_json::from_str(&opened).map_err(|error| reader.error(error.to_string()))?;
        fields.extend(opened);
        fields.insert("account".to_owned(), json!(tenant));
        let endpoint = serde_json::from_value(Value::Object(fields));
        endpoint.map(Some).map_err(|error| reader.error(error.to_string()))
    }

    fn key(&self) -> Result<&DeploymentKey, String> {
        let missing = "there is no deployment key: set POSTHORN_DEPLOYMENT_KEY_ARN";
        self.deployment_key.as_ref().ok_or_else(|| missing.to_owned())
    }
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
