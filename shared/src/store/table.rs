//! The few DynamoDB calls that everything else is made of.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, PutRequest, TransactWriteItem,
    Update, WriteRequest,
};
use futures::StreamExt;

use super::keys::Key;
use super::{Item, Store, StoreError, number, sdk_error, string};
use crate::metrics::Count;
use crate::sent::Sent;

/// Items of one BatchWriteItem, and of one BatchGetItem (DynamoDB limits).
const MAX_BATCH_WRITE: usize = 25;
const MAX_BATCH_GET: usize = 100;
const CONCURRENCY: usize = 8;
/// Tries for what DynamoDB leaves unprocessed when it throttles: about 3 s in all.
const ROUNDS: u32 = 6;

/// Tries of a transaction that others are in the way of: about 2 s in all.
const TRIES: u32 = 40;
/// Pauses between them are random, up to this.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// On what condition a transaction does something to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum If {
    Any,
    /// There is none under its key.
    New,
    /// There is one.
    Exists,
    /// The one that is there has this revision.
    Revision(u64),
    /// There is none, or its `u`, in seconds since the epoch, is before this.
    Expired(i64),
    /// There is none, or its `u`, in milliseconds since the epoch, is this or before it.
    NotAfter(i64),
    /// Its `g` is this.
    Generation(i64),
    /// There is one whose `g` is this; or which has none, as an earlier release wrote it.
    GenerationOrNone(i64),
    /// There is one that counts fewer than so many, and whose `u`, in milliseconds since the epoch,
    /// is after this.
    Fewer {
        than: u32,
        after: i64,
    },
}

impl If {
    fn expression(self) -> Option<&'static str> {
        Some(match self {
            Self::Any => return None,
            Self::New => "attribute_not_exists(pk)",
            Self::Exists => "attribute_exists(pk)",
            Self::Revision(_) => "r = :if_r",
            Self::Expired(_) => "attribute_not_exists(pk) OR u < :if_u",
            Self::NotAfter(_) => "attribute_not_exists(pk) OR u <= :if_u",
            Self::Generation(_) => "g = :if_g",
            Self::GenerationOrNone(_) => {
                "attribute_exists(pk) AND (attribute_not_exists(g) OR g = :if_g)"
            }
            Self::Fewer { .. } => "n < :if_n AND u > :if_u",
        })
    }

    /// What stands in the expression; no update's own values have such names.
    fn values(self) -> Option<HashMap<String, AttributeValue>> {
        let value = |name: &str, value| (format!(":if_{name}"), value);
        Some(match self {
            Self::Any | Self::New | Self::Exists => return None,
            Self::Revision(revision) => HashMap::from([value("r", number(revision))]),
            Self::Expired(time) | Self::NotAfter(time) => HashMap::from([value("u", number(time))]),
            Self::Generation(generation) | Self::GenerationOrNone(generation) => {
                HashMap::from([value("g", number(generation))])
            }
            Self::Fewer { than, after } => {
                HashMap::from([value("n", number(than)), value("u", number(after))])
            }
        })
    }
}

/// One thing that a transaction does.
pub(super) struct Step {
    act: Act,
    condition: If,
}

enum Act {
    Put(Item),
    Delete(Key),
    /// Nothing: the condition has to hold.
    Check(Key),
    /// Adds to the numbers, and sets `u`, in milliseconds since the epoch, if it is given.
    Add {
        key: Key,
        numbers: [(&'static str, i64); 2],
        time: Option<i64>,
    },
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transacted {
    Done,
    /// Nothing was done: the conditions of these steps did not hold.
    Refused(Vec<usize>),
}

impl Step {
    pub fn put(item: Item, condition: If) -> Self {
        Self { act: Act::Put(item), condition }
    }

    pub fn delete(key: Key, condition: If) -> Self {
        Self { act: Act::Delete(key), condition }
    }

    pub fn check(key: Key, condition: If) -> Self {
        Self { act: Act::Check(key), condition }
    }

    pub fn add(
        key: Key,
        numbers: [(&'static str, i64); 2],
        time: Option<i64>,
        condition: If,
    ) -> Self {
        Self { act: Act::Add { key, numbers, time }, condition }
    }

    fn into_item(self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let (condition, values) = (self.condition.expression(), self.condition.values());
        let condition = condition.map(str::to_owned);
        let item = TransactWriteItem::builder();
        let item = match self.act {
            Act::Put(put) => {
                let put = Put::builder().table_name(table).set_item(Some(put));
                let put = put.set_condition_expression(condition);
                item.put(put.set_expression_attribute_values(values).build().map_err(sdk_error)?)
            }
            Act::Delete(key) => {
                let delete = Delete::builder().table_name(table).set_key(Some(item_key(key)));
                let delete = delete.set_condition_expression(condition);
                let delete = delete.set_expression_attribute_values(values);
                item.delete(delete.build().map_err(sdk_error)?)
            }
            Act::Check(key) => {
                let check = ConditionCheck::builder().table_name(table);
                let check = check.set_key(Some(item_key(key))).set_condition_expression(condition);
                let check = check.set_expression_attribute_values(values);
                item.condition_check(check.build().map_err(sdk_error)?)
            }
            Act::Add { key, numbers, time } => {
                let mut values = values.unwrap_or_default();
                let sums = numbers.map(|(name, by)| {
                    values.insert(format!(":{name}"), number(by));
                    format!("{name} :{name}")
                });
                let mut expression = format!("ADD {}", sums.join(", "));
                if let Some(time) = time {
                    values.insert(":u".to_owned(), number(time));
                    expression.push_str(" SET u = :u");
                }
                let update = Update::builder().table_name(table).set_key(Some(item_key(key)));
                let update = update.update_expression(expression);
                let update = update.set_condition_expression(condition);
                let update = update.set_expression_attribute_values(Some(values));
                item.update(update.build().map_err(sdk_error)?)
            }
        };
        Ok(item.build())
    }
}

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

fn key_of(item: &Item) -> Key {
    let text = |name| item.get(name).and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
    Key { pk: text("pk"), sk: text("sk") }
}

impl Store {
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
        // A window or a cursor that leads nowhere; DynamoDB refuses bounds the wrong way round.
        if range.from > range.to {
            return Ok(items);
        }
        let mut start: Option<Item> = None;
        loop {
            let left = range.limit.map(|limit| limit.saturating_sub(items.len()));
            let answer = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :p AND sk BETWEEN :a AND :b")
                .expression_attribute_values(":p", string(range.pk.clone()))
                .expression_attribute_values(":a", string(range.from))
                .expression_attribute_values(":b", string(range.to))
                .scan_index_forward(!range.newest_first)
                .set_limit(left.map(|left| i32::try_from(left).unwrap_or(i32::MAX)))
                .set_exclusive_start_key(start)
                .consistent_read(range.consistent)
                .sent()
                .await
                .map_err(sdk_error)?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() || range.limit.is_some_and(|limit| items.len() >= limit) {
                return Ok(items);
            }
        }
    }

    /// Puts an item, on a condition if one is given. Answers whether the condition held.
    pub(super) async fn put_if(
        &self,
        item: Item,
        condition: &str,
        values: &[(&str, AttributeValue)],
    ) -> Result<bool, StoreError> {
        let mut put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(condition);
        for (name, value) in values {
            put = put.expression_attribute_values(*name, value.clone());
        }
        match put.sent().await {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(sdk_error(error)),
        }
    }

    /// Does several things all or none, each on its condition. While others are at the same items,
    /// it tries again.
    pub(super) async fn transact(
        &self,
        steps: impl IntoIterator<Item = Step>,
    ) -> Result<Transacted, StoreError> {
        let steps = steps.into_iter().map(|step| step.into_item(&self.table));
        let items = steps.collect::<Result<Vec<_>, _>>()?;
        for _ in 0..TRIES {
            let transaction = self.dynamodb.transact_write_items();
            let error = match transaction.set_transact_items(Some(items.clone())).sent().await {
                Ok(_) => return Ok(Transacted::Done),
                Err(error) => error,
            };
            let cancelled = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(e)) => Some(e),
                _ => None,
            };
            let reasons = cancelled.map(TransactionCanceledException::cancellation_reasons);
            let reasons = reasons.unwrap_or_default();
            let with_code = |code: &str| -> Vec<usize> {
                let reasons = reasons.iter().enumerate();
                let with = reasons.filter(|(_, reason)| reason.code() == Some(code));
                with.map(|(index, _)| index).collect()
            };
            let refused = with_code("ConditionalCheckFailed");
            if !refused.is_empty() {
                return Ok(Transacted::Refused(refused));
            }
            if with_code("TransactionConflict").is_empty() {
                return Err(sdk_error(error));
            }
            tokio::time::sleep(MAX_PAUSE.mul_f64(self.clock.random_unit())).await;
        }
        Err(StoreError::Contended)
    }

    /// Puts items all or none, each on its condition. Answers whether the conditions held.
    pub(super) async fn transact_puts(
        &self,
        puts: impl IntoIterator<Item = (Item, If)>,
    ) -> Result<bool, StoreError> {
        let steps = puts.into_iter().map(|(item, condition)| Step::put(item, condition));
        Ok(self.transact(steps).await? == Transacted::Done)
    }

    /// Deletes items all or none.
    pub(super) async fn transact_deletes(
        &self,
        keys: impl IntoIterator<Item = Key>,
    ) -> Result<(), StoreError> {
        let steps = keys.into_iter().map(|key| Step::delete(key, If::Any));
        self.transact(steps).await.map(drop)
    }

    pub(super) async fn delete(&self, key: Key) -> Result<(), StoreError> {
        self.dynamodb
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key)))
            .sent()
            .await
            .map_err(sdk_error)?;
        Ok(())
    }
}

/// Nothing before the first round, then 50, 100, 200 ms…
async fn pause(round: u32) {
    if round > 0 {
        tokio::time::sleep(Duration::from_millis(25 << round)).await;
    }
}
