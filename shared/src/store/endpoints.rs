//! Endpoints. What signs and what may be a secret of theirs lies sealed beside the rest, so that a
//! copy of the table reveals none, and only functions that need it can open it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::document::{self, Change, Order, Page};
use super::keys;
use super::{Item, Reader, Store, StoreError, string};
use crate::account::Account;
use crate::deployment_key::DeploymentKey;
use crate::endpoint::{Endpoint, Interest, Outline};
use crate::ids::{AccountId, EndpointId};

/// The fields of an endpoint that are sealed.
const SEALED: [&str; 4] = ["secret", "former_secrets", "token", "headers"];
/// The attribute they are sealed in.
const SEALED_ATTRIBUTE: &str = "s";

impl Store {
    /// Creates an endpoint.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_endpoint(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        let item = self.endpoint_item(endpoint, 1)?;
        self.put_if(item, "attribute_not_exists(pk)", &[]).await.map(drop)
    }

    /// # Errors
    /// When the table can't be read.
    pub async fn endpoint(
        &self,
        account: &AccountId,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        let item = self.get(keys::endpoint(account, id), true).await?;
        item.map(|item| self.read_endpoint(&item)).transpose()
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
            match (self.read_endpoint(item), sk.trim_start_matches(keys::ENDPOINT_SK).parse()) {
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
        let items = self.page(pk, keys::ENDPOINT_SK, limit, after, Order::LastFirst).await?;
        items.try_map(|item| self.read_endpoint(&item))
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

    /// # Errors
    /// When the table can't be read or written.
    pub async fn change_endpoint<E>(
        &self,
        account: &AccountId,
        id: &EndpointId,
        change: impl FnMut(Endpoint) -> Result<Endpoint, E>,
    ) -> Result<Change<Endpoint, E>, StoreError> {
        let key = keys::endpoint(account, id);
        let read = |item: &Item| self.read_endpoint(item);
        let write = |endpoint: &Endpoint, revision| self.endpoint_item(endpoint, revision);
        self.change_item(&key, read, write, change).await
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

    fn endpoint_item(&self, endpoint: &Endpoint, revision: u64) -> Result<Item, StoreError> {
        let key = keys::endpoint(&endpoint.account, &endpoint.id);
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
        let mut item = document::to_item(key, &open, revision)?;
        item.insert(SEALED_ATTRIBUTE.to_owned(), string(sealed));
        Ok(item)
    }

    fn read_endpoint(&self, item: &Item) -> Result<Endpoint, StoreError> {
        let reader = Reader(item);
        let mut fields: Map<String, Value> = document::from_item(item)?;
        let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
        let sealed = reader.text(SEALED_ATTRIBUTE)?;
        let key = self.key().map_err(|reason| reader.error(reason))?;
        let opened = key.open(sealed, id).map_err(|error| reader.error(error.to_string()))?;
        let opened: Map<String, Value> =
            serde_json::from_str(&opened).map_err(|error| reader.error(error.to_string()))?;
        fields.extend(opened);
        serde_json::from_value(Value::Object(fields))
            .map_err(|error| reader.error(error.to_string()))
    }

    fn key(&self) -> Result<&DeploymentKey, String> {
        let missing = "there is no deployment key: set POSTHORN_DEPLOYMENT_KEY_ARN";
        self.deployment_key.as_ref().ok_or_else(|| missing.to_owned())
    }
}
