//! Events, and the claims of producers on their own event ids.

use std::collections::HashMap;

use super::keys;
use super::table::item_key;
use super::{Item, Reader, Store, StoreError, number, string};
use crate::ids::{AccountId, EventKey, EventTypeName, ProducerEventId};
use crate::stored_event::StoredEvent;

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
    /// event.
    ///
    /// # Errors
    /// When the table can't be read or written.
    pub async fn claim_event_id(
        &self,
        account: &AccountId,
        id: &ProducerEventId,
        key: &EventKey,
    ) -> Result<Claim, StoreError> {
        let mut item = item_key(keys::producer_event_id(account, id));
        item.insert("k".to_owned(), string(key.as_str()));
        item.insert("x".to_owned(), number(self.expiry(key.received_at())));
        if self.put_if(item, "attribute_not_exists(pk)", &[]).await? {
            return Ok(Claim::New);
        }
        // The key follows from the SQS message, so that equal keys mean the same message.
        Ok(match self.key_of_event_id(account, id).await? {
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
        account: &AccountId,
        id: &ProducerEventId,
    ) -> Result<Option<EventKey>, StoreError> {
        let item = self.get(keys::producer_event_id(account, id), true).await?;
        item.map(|item| Reader(&item).parse("k")).transpose()
    }

    /// Stores events. Unconditional: the key follows from the message, so that storing again
    /// writes the same item. Answers event by event, in order, whether it is durable, and will be
    /// found where an account's events are listed.
    pub async fn put_events<'e>(
        &self,
        events: impl IntoIterator<Item = &'e StoredEvent>,
    ) -> Vec<Result<(), String>> {
        let events: Vec<&StoredEvent> = events.into_iter().collect();
        let (marks, mark_items): (Vec<_>, Vec<_>) = self.missing_marks(&events).into_iter().unzip();
        let items = events.iter().map(|event| self.event_item(event));
        let mut stored = self.batch_put(items.chain(mark_items).collect()).await;
        let mut unmarked = HashMap::new();
        for (mark, marked) in marks.into_iter().zip(stored.split_off(events.len())) {
            match marked {
                Ok(()) => self.marked.insert(mark, ()),
                Err(reason) => drop(unmarked.insert(mark, reason)),
            }
        }
        let outcomes = events.into_iter().zip(stored).map(|(event, stored)| {
            let mark = keys::event_hour(&event.account, &event.key);
            stored.and_then(|()| unmarked.get(&mark).map_or(Ok(()), |why| Err(why.clone())))
        });
        outcomes.collect()
    }

    /// The event under this key.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn event(
        &self,
        account: &AccountId,
        key: &EventKey,
    ) -> Result<Option<StoredEvent>, StoreError> {
        let item = self.get(keys::event(account, key), true).await?;
        item.map(|item| read_event(account, &item)).transpose()
    }

    /// Several events at once; those that don't exist are left out.
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

    fn event_item(&self, event: &StoredEvent) -> Item {
        let mut item = item_key(keys::event(&event.account, &event.key));
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
