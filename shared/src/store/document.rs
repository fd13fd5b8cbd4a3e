//! Items that hold one thing as a JSON document: accounts, endpoints, event types, keys. They are
//! few and small; what counts is that they are easy to extend. `r` counts their revisions, for
//! optimistic locking; `g` says of which account they are, of those that have had its id.

use aws_sdk_dynamodb::types::Select;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::Key;
use super::table::{Range, item_key};
use super::{Item, Reader, Store, StoreError, number, sdk_error, string};
use crate::sent::Sent;
use crate::tenant::Tenant;

/// Tries of a read-modify-write that others interfere with.
pub(super) const TRIES: usize = 5;

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

/// Items of a list, and where the next page starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The sort key of the last item, when there may be more.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Turns every item into something else.
    pub(super) fn try_map<U>(
        self,
        mut map: impl FnMut(T) -> Result<U, StoreError>,
    ) -> Result<Page<U>, StoreError> {
        self.try_filter_map(|item| map(item).map(Some))
    }

    /// Turns every item into something else, or leaves it out.
    pub(super) fn try_filter_map<U>(
        self,
        mut map: impl FnMut(T) -> Result<Option<U>, StoreError>,
    ) -> Result<Page<U>, StoreError> {
        let items = self.items.into_iter().filter_map(|item| map(item).transpose());
        Ok(Page { items: items.collect::<Result<_, _>>()?, next: self.next })
    }
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

/// The document of an item, whichever account it is of.
pub(super) fn whole<T: DeserializeOwned>(item: &Item) -> Result<Option<T>, StoreError> {
    from_item(item).map(Some)
}

/// Writes down which account an item below one is of: others may have the account's id one day.
pub(super) fn stamp(item: &mut Item, tenant: &Tenant) {
    item.insert("g".to_owned(), number(tenant.generation()));
}

/// The document, if it is this account's.
pub(super) fn owned<T: DeserializeOwned>(
    item: &Item,
    tenant: &Tenant,
) -> Result<Option<T>, StoreError> {
    if is_of(item, tenant)? { from_item(item).map(Some) } else { Ok(None) }
}

/// Whether a document is this account's.
pub(super) fn is_of(item: &Item, tenant: &Tenant) -> Result<bool, StoreError> {
    #[derive(Deserialize)]
    struct Made {
        created_at: Timestamp,
    }
    let generation = Reader(item).integer("g");
    let made = match generation {
        Some(_) => tenant.created_at,
        None => from_item::<Made>(item)?.created_at,
    };
    Ok(tenant.owns(generation, made))
}

pub(super) fn revision(item: &Item) -> u64 {
    let text = item.get("r").and_then(|v| v.as_n().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

impl Store {
    pub(super) async fn document<T: DeserializeOwned>(
        &self,
        key: Key,
        consistent: bool,
    ) -> Result<Option<T>, StoreError> {
        self.get(key, consistent).await?.as_ref().map(from_item).transpose()
    }

    /// Reads an item, changes it, and writes it unless it changed meanwhile, in which case it starts
    /// over. `read` and `write` say what it holds; what `read` gives nothing for is not there.
    pub(super) async fn change_item<T, E>(
        &self,
        key: &Key,
        read: impl Fn(&Item) -> Result<Option<T>, StoreError>,
        write: impl Fn(&T, u64) -> Result<Item, StoreError>,
        mut change: impl FnMut(T) -> Result<T, E>,
    ) -> Result<Change<T, E>, StoreError> {
        for _ in 0..TRIES {
            let Some(item) = self.get(key.clone(), true).await? else {
                return Ok(Change::Unknown);
            };
            let Some(known) = read(&item)? else {
                return Ok(Change::Unknown);
            };
            let changed = match change(known) {
                Ok(changed) => changed,
                Err(refusal) => return Ok(Change::Refused(refusal)),
            };
            let before = revision(&item);
            let item = write(&changed, before + 1)?;
            if self.put_if(item, "r = :r", &[(":r", number(before))]).await? {
                return Ok(Change::Done(changed));
            }
        }
        Err(StoreError::Contended)
    }

    /// How many items there are whose sort key starts with `prefix`.
    pub(super) async fn count_items(&self, pk: String, prefix: &str) -> Result<usize, StoreError> {
        let (mut count, mut start) = (0, None);
        loop {
            let answer = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :p AND begins_with(sk, :s)")
                .expression_attribute_values(":p", string(pk.clone()))
                .expression_attribute_values(":s", string(prefix))
                .select(Select::Count)
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .sent()
                .await
                .map_err(sdk_error)?;
            count += usize::try_from(answer.count).unwrap_or(0);
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    /// A page of the documents whose sort key starts with `prefix`, the last first. Large documents end
    /// it before its limit, as [`Self::page`] says.
    pub(super) async fn documents<T: DeserializeOwned>(
        &self,
        pk: String,
        prefix: &str,
        limit: usize,
        after: Option<&str>,
    ) -> Result<Page<T>, StoreError> {
        let items = self.page(pk, prefix, limit, after, Order::LastFirst).await?;
        items.try_map(|item| from_item(&item))
    }

    /// A page of the items whose sort key starts with `prefix`: as many as one query answers with, which
    /// is a megabyte, so that nothing that a page is made into is larger than an answer may be.
    pub(super) async fn page(
        &self,
        pk: String,
        prefix: &str,
        limit: usize,
        after: Option<&str>,
        order: Order,
    ) -> Result<Page<Item>, StoreError> {
        let newest_first = order == Order::LastFirst;
        let (mut first, mut last) = (format!("{prefix}!"), format!("{prefix}~"));
        if let Some(after) = after {
            let bound = if newest_first { &mut last } else { &mut first };
            *bound = format!("{prefix}{after}");
        }
        // One more than asked for tells whether there is a next page; one more for `after` itself.
        let found = self
            .range_page(Range {
                pk,
                from: &first,
                to: &last,
                newest_first,
                limit: Some(limit + 2),
                consistent: true,
            })
            .await?;
        let mut items = found.items;
        let sort_key = |item: &Item| -> Result<String, StoreError> {
            Ok(Reader(item).text("sk")?[prefix.len()..].to_owned())
        };
        if let (Some(after), Some(first)) = (after, items.first())
            && sort_key(first)? == after
        {
            items.remove(0);
        }
        // Large items end a query before its limit.
        let more = items.len() > limit || !found.complete;
        items.truncate(limit);
        let next = match items.last() {
            Some(last) if more => Some(sort_key(last)?),
            _ => None,
        };
        Ok(Page { items, next })
    }
}

/// By the sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    FirstFirst,
    LastFirst,
}
