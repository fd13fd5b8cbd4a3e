//! The few DynamoDB calls that everything else is made of.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, WriteRequest};
use futures::StreamExt;

use super::keys::{self, Key};
use super::shards::ShardPage;
use super::transactions::TRIES;
use super::{Item, Store, StoreError, sdk_error, string};
use crate::metrics::Count;
use crate::sent::Sent;

/// Items of one BatchWriteItem, and of one BatchGetItem (DynamoDB limits).
const MAX_BATCH_WRITE: usize = 25;
const MAX_BATCH_GET: usize = 100;
const CONCURRENCY: usize = 8;
/// Tries for what DynamoDB leaves unprocessed when it throttles: about 3 s in all.
const ROUNDS: u32 = 6;

/// Which items of a partition to read.
pub(super) struct Range<'a> {
    pub pk: String,
    /// Both bounds belong to the range.
    pub from: &'a str,
    pub to: &'a str,
    pub newest_first: bool,
    pub limit: Option<usize>,
    pub consistent: bool,
}

pub(super) fn item_key(key: Key) -> Item {
    HashMap::from([("pk".to_owned(), string(key.pk)), ("sk".to_owned(), string(key.sk))])
}

pub(super) fn key_of(item: &Item) -> Key {
    let text = |name| item.get(name).and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
    Key { pk: text("pk"), sk: text("sk") }
}

impl Store {
    /// Notes that something was written, perhaps, in these partitions.
    pub(super) fn wrote<'k>(&self, partitions: impl IntoIterator<Item = &'k str>) {
        for changed in partitions.into_iter().filter_map(keys::changed_with) {
            self.changes.note(changed);
        }
    }

    pub(super) async fn get(&self, key: Key, consistent: bool) -> Result<Option<Item>, StoreError> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key)))
            .consistent_read(consistent)
            .sent()
            .await
            .map_err(sdk_error)?;
        Ok(answer.item)
    }

    /// Puts items 25 at a time. Answers, item by item and in order, whether it was written. Two
    /// items with the same key can't ride in one batch: the caller has none.
    pub(super) async fn batch_put(&self, items: Vec<Item>) -> Vec<Result<(), String>> {
        let mut chunks: Vec<Vec<Item>> = Vec::new();
        for item in items {
            match chunks.last_mut() {
                Some(chunk) if chunk.len() < MAX_BATCH_WRITE => chunk.push(item),
                _ => chunks.push(vec![item]),
            }
        }
        let written: Vec<_> = futures::stream::iter(chunks)
            .map(|chunk| self.put_chunk(chunk))
            .buffered(CONCURRENCY)
            .collect()
            .await;
        written.into_iter().flatten().collect()
    }

    async fn put_chunk(&self, items: Vec<Item>) -> Vec<Result<(), String>> {
        let order: Vec<Key> = items.iter().map(key_of).collect();
        let mut left: Vec<WriteRequest> = Vec::with_capacity(items.len());
        for item in items {
            match PutRequest::builder().set_item(Some(item)).build() {
                Ok(put) => left.push(WriteRequest::builder().put_request(put).build()),
                Err(error) => return vec![Err(error.to_string()); order.len()],
            }
        }
        let mut reason = "unprocessed by DynamoDB".to_owned();
        for round in 0..ROUNDS {
            pause(round).await;
            let sent = self
                .dynamodb
                .batch_write_item()
                .request_items(&self.table, left.clone())
                .sent()
                .await;
            match sent {
                Ok(answer) => {
                    let mut unprocessed = answer.unprocessed_items.unwrap_or_default();
                    left = unprocessed.remove(&self.table).unwrap_or_default();
                    // Taken in part: as good as refused, though it answers with success.
                    self.metrics.count_of_all(Count::Throttles, u64::from(!left.is_empty()));
                }
                // The SDK has tried several times already.
                Err(error) => {
                    reason = sdk_error(error).to_string();
                    break;
                }
            }
            if left.is_empty() {
                return vec![Ok(()); order.len()];
            }
        }
        let left: Vec<Key> =
            left.iter().filter_map(|w| w.put_request()).map(|put| key_of(put.item())).collect();
        let outcome = |key| {
            if left.contains(key) { Err(reason.clone()) } else { Ok(()) }
        };
        order.iter().map(outcome).collect()
    }

    /// Reads items by key, in no order; those that don't exist are left out.
    pub(super) async fn batch_get(
        &self,
        mut keys: Vec<Key>,
        consistent: bool,
    ) -> Result<Vec<Item>, StoreError> {
        // DynamoDB refuses a batch that asks for one item twice.
        keys.sort_by(|a, b| (&a.pk, &a.sk).cmp(&(&b.pk, &b.sk)));
        keys.dedup();
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(MAX_BATCH_GET) {
            let mut left: Vec<Item> = chunk.iter().cloned().map(item_key).collect();
            let mut round = 0;
            while !left.is_empty() {
                if round == ROUNDS {
                    let reason = "reads stay unprocessed: the table is throttled".to_owned();
                    return Err(StoreError::DynamoDb(reason));
                }
                pause(round).await;
                round += 1;
                let wanted = KeysAndAttributes::builder()
                    .set_keys(Some(left))
                    .consistent_read(consistent)
                    .build()
                    .map_err(sdk_error)?;
                let answer = self
                    .dynamodb
                    .batch_get_item()
                    .request_items(&self.table, wanted)
                    .sent()
                    .await
                    .map_err(sdk_error)?;
                found.extend(
                    answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default(),
                );
                let unprocessed = answer.unprocessed_keys.unwrap_or_default().remove(&self.table);
                left = unprocessed.map(|keys| keys.keys).unwrap_or_default();
                self.metrics.count_of_all(Count::Throttles, u64::from(!left.is_empty()));
            }
        }
        Ok(found)
    }

    /// Reads a range of a partition, all its pages unless there is a limit.
    pub(super) async fn range(&self, range: Range<'_>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        self.each_of_range(range, |item| {
            items.push(item);
            Ok(())
        })
        .await?;
        Ok(items)
    }

    /// Reads a range, and hands over its items one by one. No more than a page of them, a megabyte, is
    /// in memory at a time.
    pub(super) async fn each_of_range(
        &self,
        range: Range<'_>,
        mut take: impl FnMut(Item) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        // A window or a cursor that leads nowhere; DynamoDB refuses bounds the wrong way round.
        if range.from > range.to {
            return Ok(());
        }
        let (mut left, mut start) = (range.limit, None);
        loop {
            let (found, next) = self.query_range(&range, left, start).await?;
            left = left.map(|left| left.saturating_sub(found.len()));
            found.into_iter().try_for_each(&mut take)?;
            start = next;
            if start.is_none() || left == Some(0) {
                return Ok(());
            }
        }
    }

    /// Reads the beginning of a range with one query: as far as its limit, or as the megabyte goes that
    /// DynamoDB answers with.
    pub(super) async fn range_page(&self, range: Range<'_>) -> Result<ShardPage<Item>, StoreError> {
        if range.from > range.to {
            return Ok(ShardPage { items: Vec::new(), complete: true });
        }
        let (items, next) = self.query_range(&range, range.limit, None).await?;
        Ok(ShardPage { items, complete: next.is_none() })
    }

    /// One query, and where the next one starts.
    async fn query_range(
        &self,
        range: &Range<'_>,
        limit: Option<usize>,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let answer = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :p AND sk BETWEEN :a AND :b")
            .expression_attribute_values(":p", string(range.pk.clone()))
            .expression_attribute_values(":a", string(range.from))
            .expression_attribute_values(":b", string(range.to))
            .scan_index_forward(!range.newest_first)
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(start)
            .consistent_read(range.consistent)
            .sent()
            .await
            .map_err(sdk_error)?;
        Ok((answer.items.unwrap_or_default(), answer.last_evaluated_key))
    }

    /// Puts an item, on a condition if one is given. Answers whether the condition held. While a
    /// transaction of others is at the item, it tries again.
    pub(super) async fn put_if(
        &self,
        item: Item,
        condition: &str,
        values: &[(&str, AttributeValue)],
    ) -> Result<bool, StoreError> {
        let pk = key_of(&item).pk;
        let mut put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition);
        for (name, value) in values {
            put = put.expression_attribute_values(*name, value.clone());
        }
        for _ in 0..TRIES {
            let sent = put.clone().sent().await;
            self.wrote([pk.as_str()]);
            let Err(error) = sent else { return Ok(true) };
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => return Ok(false),
                Some(PutItemError::TransactionConflictException(_)) => self.let_others_end().await,
                _ => return Err(sdk_error(error)),
            }
        }
        Err(StoreError::Contended)
    }

    pub(super) async fn delete(&self, key: Key) -> Result<(), StoreError> {
        let pk = key.pk.clone();
        let deletion = self.dynamodb.delete_item().table_name(&self.table);
        let sent = deletion.set_key(Some(item_key(key))).sent().await;
        self.wrote([pk.as_str()]);
        sent.map_err(sdk_error)?;
        Ok(())
    }
}

/// Nothing before the first round, then 50, 100, 200 ms…
async fn pause(round: u32) {
    if round > 0 {
        tokio::time::sleep(Duration::from_millis(25 << round)).await;
    }
}
