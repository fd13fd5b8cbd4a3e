//! Items that hold one thing as a JSON document: accounts, endpoints, event types, keys. They are
//! few and small; what counts is that they are easy to extend. `r` counts their revisions, for
//! optimistic locking.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keys::Key;
use super::table::item_key;
use super::{Item, Reader, Store, StoreError, number, string};

/// Tries of a read-modify-write that others interfere with.
const TRIES: usize = 5;

/// What came of changing a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T, E> {
    /// Written: how it is now.
    Done(T),
    /// There is no such document.
    Unknown,
    /// The change itself refused.
    Refused(E),
}

pub(super) fn to_item<T: Serialize>(
    key: Key,
    document: &T,
    revision: u64,
) -> Result<Item, StoreError> {
    let json = serde_json::to_string(document).map_err(|e| StoreError::Item {
        pk: key.pk.clone(),
        sk: key.sk.clone(),
        reason: e.to_string(),
    })?;
    let mut item = item_key(key);
    item.insert("d".to_owned(), string(json));
    item.insert("r".to_owned(), number(revision));
    Ok(item)
}

pub(super) fn from_item<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    let reader = Reader(item);
    serde_json::from_str(reader.text("d")?).map_err(|e| reader.error(e.to_string()))
}

fn revision(item: &Item) -> u64 {
    let text = item.get("r").and_then(|v| v.as_n().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

impl Store {
    /// Puts a new document; `false` when there is one under that key already.
    pub(super) async fn create_document<T: Serialize>(
        &self,
        key: Key,
        document: &T,
    ) -> Result<bool, StoreError> {
        self.put_if(to_item(key, document, 1)?, "attribute_not_exists(pk)", &[]).await
    }

    pub(super) async fn document<T: DeserializeOwned>(
        &self,
        key: Key,
        consistent: bool,
    ) -> Result<Option<T>, StoreError> {
        self.get(key, consistent).await?.as_ref().map(from_item).transpose()
    }

    /// Reads a document, changes it, and writes it unless it changed meanwhile, in which case it
    /// starts over.
    pub(super) async fn change_document<T, E>(
        &self,
        key: Key,
        mut change: impl FnMut(T) -> Result<T, E>,
    ) -> Result<Change<T, E>, StoreError>
    where
        T: Serialize + DeserializeOwned,
    {
        for _ in 0..TRIES {
            let Some(item) = self.get(key.clone(), true).await? else {
                return Ok(Change::Unknown);
            };
            let changed = match change(from_item(&item)?) {
                Ok(changed) => changed,
                Err(refusal) => return Ok(Change::Refused(refusal)),
            };
            let before = revision(&item);
            let item = to_item(key.clone(), &changed, before + 1)?;
            let expected: (&str, AttributeValue) = (":r", number(before));
            if self.put_if(item, "r = :r", &[expected]).await? {
                return Ok(Change::Done(changed));
            }
        }
        Err(StoreError::Contended)
    }
}
