//! Events, and the claims of producers on their own event ids.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::keys;
use super::table::item_key;
use super::{Item, Reader, Store, StoreError, number, string};
use crate::ids::{AccountId, EventKey, EventTypeName, ProducerEventId};
use crate::stored_event::StoredEvent;
use crate::tenant::Tenant;

/// The mark of an event that a test send made.
const TEST: &str = "t";

/// What a claim on a producer's id tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The first event with this id.
    New,
    /// This very message was here before and may not have come to its end.
    Redelivery,
    /// Another event has the id: this one is dropped.
    Duplicate,
}

impl Store {
    /// Claims a producer's event id for the event under `key`. The claim is kept as long as the
    /// event; one of an account that had this account's id before counts for nothing.
    ///
    /// # Errors
    /// When the table can't be read or written.
    pub async fn claim_event_id(
        &self,
        tenant: &Tenant,
        id: &ProducerEventId,
        key: &EventKey,
    ) -> Result<Claim, StoreError> {
        let mut item = item_key(keys::producer_event_id(&tenant.id, id));
        item.insert("k".to_owned(), string(key.as_str()));
        item.insert("g".to_owned(), number(tenant.generation()));
        item.insert("x".to_owned(), number(self.expiry(key.received_at())));
        // Keys sort by time: those without an account that lie before it are of a former one.
        let free = "attribute_not_exists(pk) OR g < :g OR (attribute_not_exists(g) AND k < :k)";
        let earliest = EventKey::new(tenant.earliest(), 0);
        let values: [(&str, AttributeValue); 2] =
            [(":g", number(tenant.generation())), (":k", string(earliest.as_str()))];
        if self.put_if(item, free, &values).await? {
            return Ok(Claim::New);
        }
        // The key follows from the SQS message, so that equal keys mean the same message.
        Ok(match self.key_of_event_id(tenant, id).await? {
            Some(owner) if owner == *key => Claim::Redelivery,
            _ => Claim::Duplicate,
        })
    }

    /// Where the event with this producer's id is stored.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn key_of_event_id(
        &self,
        tenant: &Tenant,
        id: &ProducerEventId,
    ) -> Result<Option<EventKey>, StoreError> {
        let Some(item) = self.get(keys::producer_event_id(&tenant.id, id), true).await? else {
            return Ok(None);
        };
        let key: EventKey = Reader(&item).parse("k")?;
        Ok(Some(key).filter(|key| is_of(&item, key, tenant)))
    }

    /// Stores events of accounts. Unconditional: the key follows from the message, so that storing
    /// again writes the same item. Answers event by event, in order, whether it is durable, and will
    /// be found where an account's events are listed.
    pub async fn put_events<'e>(
        &self,
        events: impl IntoIterator<Item = (&'e Tenant, &'e StoredEvent)>,
    ) -> Vec<Result<(), String>> {
        let events: Vec<(&Tenant, &StoredEvent)> = events.into_iter().collect();
        let (marks, mark_items): (Vec<_>, Vec<_>) = self.missing_marks(&events).into_iter().unzip();
        let items = events.iter().map(|(tenant, event)| self.event_item(tenant, event));
        let mut stored = self.batch_put(items.chain(mark_items).collect()).await;
        let mut unmarked = HashMap::new();
        for (mark, marked) in marks.into_iter().zip(stored.split_off(events.len())) {
            match marked {
                Ok(()) => self.marked.insert(mark, ()),
                Err(reason) => drop(unmarked.insert(mark, reason)),
            }
        }
        let outcomes = events.into_iter().zip(stored).map(|((tenant, event), stored)| {
            let mark = keys::event_hour(tenant, &event.key);
            stored.and_then(|()| unmarked.get(&mark).map_or(Ok(()), |why| Err(why.clone())))
        });
        outcomes.collect()
    }

    /// The event under this key, if it is this account's.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn event(
        &self,
        tenant: &Tenant,
        key: &EventKey,
    ) -> Result<Option<StoredEvent>, StoreError> {
        let Some(item) = self.get(keys::event(&tenant.id, key), true).await? else {
            return Ok(None);
        };
        let event = read_event(&tenant.id, &item)?;
        Ok(Some(event).filter(|event| is_of(&item, &event.key, tenant)))
    }

    /// The events of deliveries, which are of the same account as their endpoint; those that don't
    /// exist are left out.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn events(
        &self,
        wanted: &[(AccountId, EventKey)],
    ) -> Result<HashMap<EventKey, StoredEvent>, StoreError> {
        let accounts: HashMap<&str, &AccountId> =
            wanted.iter().map(|(account, key)| (key.as_str(), account)).collect();
        let keys = wanted.iter().map(|(account, key)| keys::event(account, key)).collect();
        // Consistent: the event may have been written milliseconds ago.
        let items = self.batch_get(keys, true).await?;
        let mut events = HashMap::with_capacity(items.len());
        for item in &items {
            if let Some(account) = accounts.get(Reader(item).text("sk")?) {
                let event = read_event(account, item)?;
                events.insert(event.key.clone(), event);
            }
        }
        Ok(events)
    }

    fn event_item(&self, tenant: &Tenant, event: &StoredEvent) -> Item {
        let mut item = item_key(keys::event(&tenant.id, &event.key));
        item.insert("g".to_owned(), number(tenant.generation()));
        item.insert("t".to_owned(), string(event.event_type.as_str()));
        item.insert("o".to_owned(), string(event.timestamp.to_string()));
        item.insert("d".to_owned(), string(event.data.clone()));
        item.insert("x".to_owned(), number(self.expiry(event.key.received_at())));
        if let Some(id) = &event.id {
            item.insert("i".to_owned(), string(id.as_str()));
        }
        if event.test {
            item.insert("m".to_owned(), string(TEST));
        }
        item
    }
}

/// Whether an event, or the claim of its id, is this account's.
pub(super) fn is_of(item: &Item, key: &EventKey, tenant: &Tenant) -> bool {
    tenant.owns(Reader(item).integer("g"), key.received_at())
}

pub(super) fn read_event(account: &AccountId, item: &Item) -> Result<StoredEvent, StoreError> {
    let reader = Reader(item);
    Ok(StoredEvent {
        account: account.clone(),
        key: reader.parse("sk")?,
        id: reader.optional_text("i").map(|_| reader.parse("i")).transpose()?,
        event_type: reader.parse::<EventTypeName>("t")?,
        timestamp: reader.parse("o")?,
        data: reader.text("d")?.to_owned(),
        test: reader.optional_text("m") == Some(TEST),
    })
}
