//! The event catalogs: one per account, and one of all accounts. What every event has to be checked
//! against is small and read with the account; schema and example lie beside it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::counters::{Counted, Created};
use super::document::{self, Change, Order, Page, TRIES};
use super::keys;
use super::table::Range;
use super::transactions::{If, Step, Transacted};
use super::{Item, Reader, Store, StoreError};
use crate::changes::Changed;
use crate::event_type::{CatalogEntry, CatalogOwner, EventType};
use crate::ids::EventTypeName;

/// Event types whose details are read at once.
const DETAILS_AT_ONCE: usize = 10;
/// Bytes of details with which a page is full: it is made into an answer of at most 6 MB.
const MAX_DETAILS_BYTES: usize = 1_000_000;

/// What is kept apart from a [`CatalogEntry`].
#[derive(Default, Serialize, Deserialize)]
struct Details {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    example: Option<Value>,
}

impl Store {
    /// Adds an event type; to an account's own catalog, if that has fewer than `limit`.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn create_event_type(
        &self,
        owner: &CatalogOwner,
        event_type: &EventType,
        limit: u32,
    ) -> Result<Created, StoreError> {
        let [entry, details] = items(owner, event_type, 1)?;
        match owner {
            CatalogOwner::Account(tenant) => {
                let items = vec![entry, details];
                self.create_counted(tenant, Counted::EventTypes, limit, items).await
            }
            CatalogOwner::Everyone => {
                let new = self.transact_puts([(entry, If::New), (details, If::Any)]).await?;
                Ok(if new { Created::Done } else { Created::Taken })
            }
        }
    }

    /// # Errors
    /// When the table can't be read.
    pub async fn event_type(
        &self,
        owner: &CatalogOwner,
        name: &EventTypeName,
    ) -> Result<Option<EventType>, StoreError> {
        Ok(self.read_event_type(owner, name).await?.map(|(event_type, _)| event_type))
    }

    /// A catalog's event types, by name. Large schemas and examples end a page before its limit.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn event_types(
        &self,
        owner: &CatalogOwner,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<EventType>, StoreError> {
        let pk = keys::catalog_pk(owner);
        let entries = self.page(pk, keys::EVENT_TYPE_SK, limit, after, Order::FirstFirst).await?;
        let Page { items: entries, mut next } =
            entries.try_filter_map(|item| entry(owner, &item))?;
        let (mut items, mut bytes) = (Vec::with_capacity(entries.len()), 0);
        for entries in entries.chunks(DETAILS_AT_ONCE) {
            if bytes > MAX_DETAILS_BYTES {
                next = items.last().map(|last: &EventType| last.name.to_string());
                break;
            }
            let wanted = entries.iter();
            let wanted = wanted.map(|entry| keys::event_type_details(owner, &entry.name)).collect();
            let mut details = HashMap::new();
            for item in self.batch_get(wanted, true).await? {
                let reader = Reader(&item);
                let sk = reader.text("sk")?;
                let name = sk.strip_prefix(keys::EVENT_TYPE_DETAILS_SK).unwrap_or_default();
                bytes += reader.text("d")?.len();
                details.insert(name.to_owned(), document::from_item::<Details>(&item)?);
            }
            items.extend(entries.iter().map(|entry| {
                let details = details.remove(entry.name.as_str()).unwrap_or_default();
                whole(entry.clone(), details)
            }));
        }
        Ok(Page { items, next })
    }

    /// The catalog of all accounts, without schemas and examples.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn everyones_catalog(&self) -> Result<Vec<CatalogEntry>, StoreError> {
        let items = self
            .range(Range {
                pk: keys::catalog_pk(&CatalogOwner::Everyone),
                from: keys::EVENT_TYPE_SK,
                to: keys::CATALOG_END,
                newest_first: false,
                limit: None,
                consistent: self.changes.last(&Changed::Everyone).is_some(),
            })
            .await?;
        items.iter().map(document::from_item).collect()
    }

    /// # Errors
    /// When the table can't be read or written.
    pub async fn change_event_type<E, F>(
        &self,
        owner: &CatalogOwner,
        name: &EventTypeName,
        mut change: impl FnMut(EventType) -> F,
    ) -> Result<Change<EventType, E>, StoreError>
    where
        F: Future<Output = Result<EventType, E>>,
    {
        for _ in 0..TRIES {
            let Some((known, revision)) = self.read_event_type(owner, name).await? else {
                return Ok(Change::Unknown);
            };
            let changed = match change(known).await {
                Ok(changed) => changed,
                Err(refusal) => return Ok(Change::Refused(refusal)),
            };
            let [entry, details] = items(owner, &changed, revision + 1)?;
            let puts = [Step::put(entry, If::Revision(revision)), Step::put(details, If::Any)];
            let there = match owner {
                CatalogOwner::Account(tenant) => Some(Self::account_is_there(tenant)),
                CatalogOwner::Everyone => None,
            };
            if self.transact(puts.into_iter().chain(there)).await? == Transacted::Done {
                return Ok(Change::Done(changed));
            }
        }
        Err(StoreError::Contended)
    }

    /// # Errors
    /// When the table can't be written.
    pub async fn delete_event_type(
        &self,
        owner: &CatalogOwner,
        name: &EventTypeName,
    ) -> Result<(), StoreError> {
        let (entry, details) =
            (keys::event_type(owner, name), keys::event_type_details(owner, name));
        match owner {
            CatalogOwner::Account(tenant) => {
                let what = Counted::EventTypes;
                self.delete_counted(tenant, what, entry, Some(details)).await.map(drop)
            }
            CatalogOwner::Everyone => self.transact_deletes([entry, details]).await,
        }
    }

    async fn read_event_type(
        &self,
        owner: &CatalogOwner,
        name: &EventTypeName,
    ) -> Result<Option<(EventType, u64)>, StoreError> {
        let both = vec![keys::event_type(owner, name), keys::event_type_details(owner, name)];
        let items = self.batch_get(both, true).await?;
        let is_entry = |item: &&Item| {
            Reader(item).optional_text("sk").is_some_and(|sk| sk.starts_with(keys::EVENT_TYPE_SK))
        };
        let Some(item) = items.iter().find(is_entry) else {
            return Ok(None);
        };
        let Some(known) = entry(owner, item)? else {
            return Ok(None);
        };
        let details = items.iter().find(|item| !is_entry(item)).map(document::from_item);
        let details = details.transpose()?.unwrap_or_default();
        Ok(Some((whole(known, details), document::revision(item))))
    }
}

/// An event type's two items: what every event is checked against, and the rest.
fn items(
    owner: &CatalogOwner,
    event_type: &EventType,
    revision: u64,
) -> Result<[Item; 2], StoreError> {
    let key = keys::event_type(owner, &event_type.name);
    let entry = document::to_item(key, &CatalogEntry::from(event_type), revision)?;
    let details =
        Details { schema: event_type.schema.clone(), example: event_type.example.clone() };
    let key = keys::event_type_details(owner, &event_type.name);
    let mut both = [entry, document::to_item(key, &details, revision)?];
    if let CatalogOwner::Account(tenant) = owner {
        both.iter_mut().for_each(|item| document::stamp(item, tenant));
    }
    Ok(both)
}

/// What is asked of the catalog for every event, if it is the owner's.
fn entry(owner: &CatalogOwner, item: &Item) -> Result<Option<CatalogEntry>, StoreError> {
    match owner {
        CatalogOwner::Account(tenant) => document::owned(item, tenant),
        CatalogOwner::Everyone => document::from_item(item).map(Some),
    }
}

fn whole(entry: CatalogEntry, details: Details) -> EventType {
    EventType {
        name: entry.name,
        description: entry.description,
        schema: details.schema,
        example: details.example,
        created_at: entry.created_at,
        updated_at: entry.updated_at,
    }
}
