//! Deliveries: one item each, written after every attempt.

use std::collections::HashMap;

use jiff::Timestamp;

use super::failed_deliveries::FailedRange;
use super::keys;
use super::shards::{ShardPage, merge};
use super::table::{Range, item_key};
use super::{Item, Reader, Store, StoreError, number, string};
use crate::delivery::{Attempt, Delivery, Status};
use crate::due::DueRetry;
use crate::ids::{EndpointId, EventKey, EventTypeName, ProducerEventId};

/// Which deliveries of an endpoint to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    pub status: Option<Status>,
    pub event_type: Option<EventTypeName>,
    /// Events received at or after.
    pub since: Option<Timestamp>,
    /// Events received before.
    pub until: Option<Timestamp>,
}

/// Where a page of the log ended.
pub type LogCursor = EventKey;

/// A page of an endpoint's log, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    pub deliveries: Vec<Delivery>,
    pub next: Option<LogCursor>,
}

/// Items read of each shard at a time, at the least, when a filter drops most of them.
const MIN_READ: usize = 50;
/// How often one page reads all shards, with a query each: what is not found by then is left to the next
/// page.
const MAX_READS: usize = 5;

impl Store {
    /// Writes deliveries after an attempt, and the rows of retries that are due later, in one go.
    /// Answers for the deliveries and for the retries, in order.
    pub async fn put_deliveries(
        &self,
        deliveries: &[Delivery],
        retries: &[DueRetry],
        time_scale: f64,
    ) -> (Vec<Result<(), String>>, Vec<Result<(), String>>) {
        let items = deliveries.iter().map(|delivery| self.delivery_item(delivery));
        let rows = retries.iter().map(|retry| self.due_item(retry, time_scale));
        let mut written = self.batch_put(items.chain(rows).collect()).await;
        let rows = written.split_off(deliveries.len());
        (written, rows)
    }

    /// Deliveries by endpoint and event; those without an item are left out.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn deliveries(
        &self,
        wanted: impl IntoIterator<Item = (EndpointId, EventKey)>,
    ) -> Result<HashMap<(EndpointId, EventKey), Delivery>, StoreError> {
        let keys: Vec<_> = wanted.into_iter().map(|(e, k)| keys::delivery(&e, &k)).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let items = self.batch_get(keys, true).await?;
        items
            .iter()
            .map(|item| {
                let delivery = read_delivery(item)?;
                Ok(((delivery.endpoint.clone(), delivery.key.clone()), delivery))
            })
            .collect()
    }

    /// A page of an endpoint's log: its shards read side by side and merged; what failed is read by
    /// its index. A page may be shorter than `limit`, even empty, and still have a next one: so many
    /// reads are made for it, and no more.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn delivery_log(
        &self,
        endpoint: &EndpointId,
        filter: &DeliveryFilter,
        limit: usize,
        after: Option<&LogCursor>,
    ) -> Result<DeliveryPage, StoreError> {
        if filter.status == Some(Status::Failed) {
            return self.failed_log(endpoint, filter, limit, after).await;
        }
        let oldest = filter.since.map(|since| EventKey::new(since, 0));
        let mut newest = filter.until.map(|until| EventKey::new(until, 0));
        let mut exclusive = newest.is_some();
        if let Some(after) = after
            && newest.as_ref().is_none_or(|newest| after < newest)
        {
            newest = Some(after.clone());
            exclusive = true;
        }
        // Where nothing is dropped, a shard holds about its share of a page.
        let share = limit / usize::from(keys::SHARDS) + 4;
        let per_shard = if filter.drops() { share.max(MIN_READ) } else { share };
        let mut deliveries = Vec::new();
        for _ in 0..MAX_READS {
            let chunk = self
                .newest_deliveries(endpoint, oldest.as_ref(), newest.as_ref(), exclusive, per_shard)
                .await?;
            let last = chunk.last().map(|delivery| delivery.key.clone());
            for delivery in chunk {
                if !filter.takes(&delivery) {
                    continue;
                }
                if deliveries.len() == limit {
                    let next = deliveries.last().map(|d: &Delivery| d.key.clone());
                    return Ok(DeliveryPage { deliveries, next });
                }
                deliveries.push(delivery);
            }
            if last.is_none() {
                return Ok(DeliveryPage { deliveries, next: None });
            }
            newest = last;
            exclusive = true;
        }
        Ok(DeliveryPage { deliveries, next: newest })
    }

    async fn failed_log(
        &self,
        endpoint: &EndpointId,
        filter: &DeliveryFilter,
        limit: usize,
        after: Option<&LogCursor>,
    ) -> Result<DeliveryPage, StoreError> {
        let since = filter.since.unwrap_or(Timestamp::UNIX_EPOCH);
        let range = FailedRange { endpoint, since, until: filter.until, after, newest_first: true };
        let keys = self.failed_deliveries(range, limit).await?;
        let subjects = keys.iter().map(|key| (endpoint.clone(), key.clone()));
        let mut found = self.deliveries(subjects).await?;
        let next = if keys.len() == limit { keys.last().cloned() } else { None };
        let deliveries = keys.into_iter().filter_map(|key| found.remove(&(endpoint.clone(), key)));
        // The index lags a little behind.
        Ok(DeliveryPage { deliveries: deliveries.filter(|d| filter.takes(d)).collect(), next })
    }

    /// The newest deliveries below `newest`: as many as are certain to be the newest, given that
    /// each shard was read only so far. Empty only at the end.
    async fn newest_deliveries(
        &self,
        endpoint: &EndpointId,
        oldest: Option<&EventKey>,
        newest: Option<&EventKey>,
        exclusive: bool,
        per_shard: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let shards = (0..keys::SHARDS).map(|shard| {
            self.range_of_shard(endpoint, shard, oldest, newest, exclusive, per_shard)
        });
        let pages = futures::future::try_join_all(shards).await?;
        Ok(merge(pages, |delivery| &delivery.key))
    }

    async fn range_of_shard(
        &self,
        endpoint: &EndpointId,
        shard: u8,
        oldest: Option<&EventKey>,
        newest: Option<&EventKey>,
        exclusive: bool,
        limit: usize,
    ) -> Result<ShardPage<Delivery>, StoreError> {
        let page = self
            .range_page(Range {
                pk: keys::delivery_pk(endpoint, shard),
                from: oldest.map_or("evt_", EventKey::as_str),
                to: newest.map_or("evt_~", EventKey::as_str),
                newest_first: true,
                limit: Some(limit),
                consistent: false,
            })
            .await?;
        let mut items = page.items.iter().map(read_delivery).collect::<Result<Vec<_>, _>>()?;
        if exclusive {
            items.retain(|delivery| newest.is_none_or(|newest| delivery.key < *newest));
        }
        Ok(ShardPage { items, complete: page.complete })
    }

    fn delivery_item(&self, delivery: &Delivery) -> Item {
        let mut item = item_key(keys::delivery(&delivery.endpoint, &delivery.key));
        item.insert("t".to_owned(), string(delivery.event_type.as_str()));
        item.insert("s".to_owned(), string(letter(delivery.status)));
        // A structure of strings and numbers: nothing that could fail to serialize.
        let attempts = serde_json::to_string(&delivery.attempts).unwrap_or_default();
        item.insert("h".to_owned(), string(attempts));
        item.insert("x".to_owned(), number(self.expiry(delivery.key.received_at())));
        if let Some(id) = &delivery.event_id {
            item.insert("i".to_owned(), string(id.as_str()));
        }
        if let Some(next) = delivery.next_attempt_at {
            item.insert("w".to_owned(), number(next.as_millisecond()));
        }
        if delivery.status == Status::Failed {
            // The sparse index of what failed: nothing else pays for it.
            item.insert("fp".to_owned(), string(delivery.endpoint.as_str()));
            item.insert("fs".to_owned(), string(delivery.key.as_str()));
        }
        item
    }
}

impl DeliveryFilter {
    fn drops(&self) -> bool {
        self.status.is_some() || self.event_type.is_some()
    }

    fn takes(&self, delivery: &Delivery) -> bool {
        self.status.is_none_or(|status| status == delivery.status)
            && self.event_type.as_ref().is_none_or(|wanted| *wanted == delivery.event_type)
    }
}

fn letter(status: Status) -> &'static str {
    match status {
        Status::Pending => "p",
        Status::Retrying => "r",
        Status::Delivered => "d",
        Status::Failed => "f",
        Status::Cancelled => "c",
    }
}

fn read_delivery(item: &Item) -> Result<Delivery, StoreError> {
    let reader = Reader(item);
    let endpoint = reader.text("pk")?.split('#').nth(1).unwrap_or_default();
    let status = match reader.text("s")? {
        "p" => Status::Pending,
        "r" => Status::Retrying,
        "d" => Status::Delivered,
        "f" => Status::Failed,
        "c" => Status::Cancelled,
        other => return Err(reader.error(format!("status {other}"))),
    };
    let attempts: Vec<Attempt> =
        serde_json::from_str(reader.text("h")?).map_err(|e| reader.error(format!("h: {e}")))?;
    Ok(Delivery {
        endpoint: endpoint.parse().map_err(|e| reader.error(format!("pk: {e}")))?,
        key: reader.parse("sk")?,
        event_id: reader
            .optional_text("i")
            .map(|_| reader.parse::<ProducerEventId>("i"))
            .transpose()?,
        event_type: reader.parse("t")?,
        status,
        next_attempt_at: reader.millis("w"),
        attempts,
    })
}
