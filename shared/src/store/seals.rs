//! What lies sealed in an endpoint's item, and the number of the value of the deployment key that sealed
//! it.
//!
//! A seal is bound to where it lies: to the item's partition, which is the account, to its sort key, which
//! is the endpoint, and to the attribute. Put anywhere else, it does not open.

use super::document::{self, Order, Page, TRIES};
use super::keys;
use super::{Item, Reader, Store, StoreError, number, string};
use crate::deployment_key::{DeploymentKey, OpenError};
use crate::ids::{AccountId, EndpointId};
use crate::key_ring::{FIRST, KeyNumber};

/// What is sealed, as base64.
const SEALED: &str = "s";
/// The number of the value that sealed it. Release 0.1.0 wrote none: it sealed with the first value, and
/// bound the seal to the endpoint's id alone.
const KEY_NUMBER: &str = "k";

/// What an item holds sealed.
pub(super) struct Opened {
    pub text: String,
    number: Option<KeyNumber>,
}

impl Opened {
    /// Whether it is bound to its item, and not in the form of 0.1.0.
    pub fn is_bound(&self) -> bool {
        self.number.is_some()
    }
}

/// With which value of the deployment key an endpoint's secrets are sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSeal {
    pub endpoint: EndpointId,
    /// `None`: with the first, in the form of 0.1.0.
    pub key: Option<KeyNumber>,
}

impl Store {
    /// Opens what an item holds sealed.
    pub(super) async fn open_seal(&self, item: &Item) -> Result<Opened, StoreError> {
        let reader = Reader(item);
        let number = key_number(item)?;
        let bound_to = match number {
            Some(_) => place(item)?,
            None => reader.text("sk")?.trim_start_matches(keys::ENDPOINT_SK).to_owned(),
        };
        let key = self.key(item)?;
        let sealed = reader.text(SEALED)?;
        match key.open(number.unwrap_or(FIRST), sealed, &bound_to, &self.clock).await {
            Ok(text) => Ok(Opened { text, number }),
            Err(OpenError::CantOpen(error)) => Err(reader.error(error.to_string())),
            Err(OpenError::NoKey(error)) => Err(error.into()),
        }
    }

    /// Seals a text into an item.
    pub(super) async fn seal_into(&self, item: &mut Item, text: &str) -> Result<(), StoreError> {
        let place = place(item)?;
        let (key, sealed) = self.key(item)?.seal(text, &place, &self.clock).await?;
        item.insert(SEALED.to_owned(), string(sealed));
        item.insert(KEY_NUMBER.to_owned(), number(key));
        Ok(())
    }

    /// With which values the secrets of an account's endpoints are sealed, newest first.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn endpoint_seals(
        &self,
        account: &AccountId,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<EndpointSeal>, StoreError> {
        let pk = keys::account_pk(account);
        let items = self.page(pk, keys::ENDPOINT_SK, limit, after, Order::LastFirst).await?;
        items.try_map(|item| {
            let reader = Reader(&item);
            let id = reader.text("sk")?.trim_start_matches(keys::ENDPOINT_SK).parse::<EndpointId>();
            let endpoint = id.map_err(|_| reader.error("sk is not an endpoint's".to_owned()))?;
            Ok(EndpointSeal { endpoint, key: key_number(&item)? })
        })
    }

    /// Seals an endpoint's secrets with the value that seals now; `false` when they are, or there is no
    /// such endpoint any more. Nothing else of it changes.
    ///
    /// # Errors
    /// When the table can't be read or written, or what is sealed can't be opened.
    pub async fn reseal_endpoint(
        &self,
        account: &AccountId,
        id: &EndpointId,
    ) -> Result<bool, StoreError> {
        let key = keys::endpoint(account, id);
        for _ in 0..TRIES {
            let Some(mut item) = self.get(key.clone(), true).await? else {
                return Ok(false);
            };
            let opened = self.open_seal(&item).await?;
            if opened.number == Some(self.key(&item)?.ring().sealing()) {
                return Ok(false);
            }
            self.seal_into(&mut item, &opened.text).await?;
            let before = document::revision(&item);
            item.insert("r".to_owned(), number(before + 1));
            if self.put_if(item, "r = :r", &[(":r", number(before))]).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Contended)
    }

    fn key(&self, item: &Item) -> Result<&DeploymentKey, StoreError> {
        let missing = "there is no deployment key: set POSTHORN_DEPLOYMENT_KEY_ARN";
        self.deployment_key.as_ref().ok_or_else(|| Reader(item).error(missing.to_owned()))
    }
}

/// Takes over what an item held sealed, byte for byte.
pub(super) fn keep_seal(before: &Item, item: &mut Item) {
    for name in [SEALED, KEY_NUMBER] {
        if let Some(value) = before.get(name) {
            item.insert(name.to_owned(), value.clone());
        }
    }
}

/// What a seal is bound to.
fn place(item: &Item) -> Result<String, StoreError> {
    let reader = Reader(item);
    // No key of an endpoint's item has a line break.
    Ok(format!("{}\n{}\n{SEALED}", reader.text("pk")?, reader.text("sk")?))
}

fn key_number(item: &Item) -> Result<Option<KeyNumber>, StoreError> {
    if !item.contains_key(KEY_NUMBER) {
        return Ok(None);
    }
    let reader = Reader(item);
    let number = reader.integer(KEY_NUMBER).and_then(|number| KeyNumber::try_from(number).ok());
    let invalid = || reader.error(format!("{KEY_NUMBER} is not the number of a key"));
    number.ok_or_else(invalid).map(Some)
}
