//! `BatchWriteItem` of nothing but puts, which is what Posthorn writes its load with.
//!
//! The library gives every item of a batch a transaction of its own and reads what it replaces:
//! 100 µs an item. Here the puts of all the requests that wait share one transaction: 35 µs. What
//! is out of the ordinary is left to the library, for its errors' sake.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use dynoxide::types::{AttributeValue, Item, MAX_ITEM_SIZE, item_size, write_capacity_units};
use dynoxide::{Database, ImportOptions};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::operations::parse;

/// Items in one transaction at most: bounds how long a request waits for others.
pub const MAX_ITEMS: usize = 250;

/// The puts of one request.
pub struct Puts {
    table: String,
    items: Vec<Item>,
    units: f64,
    reply: oneshot::Sender<Written>,
}

/// What came of a request's puts.
pub enum Written {
    /// Written, at this many write units.
    Units(f64),
    /// Nothing written: the request has to be done by itself.
    Refused,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Request {
    request_items: HashMap<String, Vec<Write>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Write {
    put_request: Put,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Put {
    item: Item,
}

impl Puts {
    /// Reads a request; `None` when it is not of the ordinary kind: puts of one table, no keys
    /// twice, no wish for a report.
    pub fn read(body: &Bytes) -> Option<(Self, oneshot::Receiver<Written>)> {
        let request: Request = parse(body).ok()?;
        let mut tables = request.request_items.into_iter();
        let (table, writes) = tables.next()?;
        if tables.next().is_some() || !(1..=25).contains(&writes.len()) {
            return None;
        }
        let items: Vec<Item> = writes.into_iter().map(|write| write.put_request.item).collect();
        let mut units = 0.0;
        let mut keys = HashSet::with_capacity(items.len());
        for item in &items {
            let size = item_size(item);
            if size > MAX_ITEM_SIZE || item.contains_key("") || !keys.insert(key(item)?) {
                return None;
            }
            units += write_capacity_units(size) + indexed(item);
        }
        drop(keys);
        let (reply, written) = oneshot::channel();
        Some((Self { table, items, units, reply }, written))
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }
}

/// Posthorn's own table has these two; another has its puts done by the library.
fn key(item: &Item) -> Option<(&str, &str)> {
    match (item.get("pk")?, item.get("sk")?) {
        (AttributeValue::S(pk), AttributeValue::S(sk)) => Some((pk, sk)),
        _ => None,
    }
}

/// Write units of the sparse index, whose rows hold keys only. Taking a row out of it costs one on
/// AWS, which is not counted here: only a replay that succeeds does it.
fn indexed(item: &Item) -> f64 {
    if item.contains_key("fp") && item.contains_key("fs") { 1.0 } else { 0.0 }
}

/// Writes all of them in one transaction, or none.
pub fn write(database: &Database, waiting: Vec<Puts>) {
    let mut by_table: HashMap<String, Vec<Puts>> = HashMap::new();
    for puts in waiting {
        by_table.entry(puts.table.clone()).or_default().push(puts);
    }
    for (table, requests) in by_table {
        let mut all = Vec::new();
        let mut replies = Vec::with_capacity(requests.len());
        for Puts { items, units, reply, .. } in requests {
            all.extend(items);
            replies.push((reply, units));
        }
        let written = database.import_items(&table, all, ImportOptions::default()).is_ok();
        for (reply, units) in replies {
            // Whoever asked may be gone; the items are written all the same.
            let _ = reply.send(if written { Written::Units(units) } else { Written::Refused });
        }
    }
}
