//! Transactions: several writes, all or none, each on its condition.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};

use super::keys::Key;
use super::table::{item_key, key_of};
use super::{Item, Store, StoreError, number, sdk_error};
use crate::sent::Sent;

/// Tries of a write that many make at once, so that others are often in the way: about 2 s in all.
pub(super) const TRIES: u32 = 40;
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

    /// The partition that it writes in, if it writes.
    fn writes_in(&self) -> Option<String> {
        match &self.act {
            Act::Put(item) => Some(key_of(item).pk),
            Act::Delete(key) | Act::Add { key, .. } => Some(key.pk.clone()),
            Act::Check(_) => None,
        }
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

impl Store {
    /// Does several things all or none, each on its condition. While others are at the same items,
    /// it tries again.
    pub(super) async fn transact(
        &self,
        steps: impl IntoIterator<Item = Step>,
    ) -> Result<Transacted, StoreError> {
        let steps: Vec<Step> = steps.into_iter().collect();
        let written: Vec<String> = steps.iter().filter_map(Step::writes_in).collect();
        let steps = steps.into_iter().map(|step| step.into_item(&self.table));
        let items = steps.collect::<Result<Vec<_>, _>>()?;
        for _ in 0..TRIES {
            let transaction = self.dynamodb.transact_write_items();
            let sent = transaction.set_transact_items(Some(items.clone())).sent().await;
            self.wrote(written.iter().map(String::as_str));
            let error = match sent {
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
            self.let_others_end().await;
        }
        Err(StoreError::Contended)
    }

    /// Waits while a write of others is in the way.
    pub(super) async fn let_others_end(&self) {
        tokio::time::sleep(MAX_PAUSE.mul_f64(self.clock.random_unit())).await;
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
}
