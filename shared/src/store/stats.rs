//! Counters of what became of an endpoint's deliveries: one item per hour.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::keys;
use super::table::{Range, item_key};
use super::{Item, Reader, Store, StoreError, number, sdk_error};
use crate::ids::EndpointId;
use crate::sent::Sent;
use crate::stats::{BUCKETS, Counters, Hour};

/// Attribute names; latency buckets are `l0`, `l1`…
const ATTEMPTS: &str = "a";
const FAILED_ATTEMPTS: &str = "e";
const DELIVERED: &str = "d";
const FAILED: &str = "f";

impl Store {
    /// Adds to an endpoint's hour. Not idempotent: what is added twice counts twice. Answers whether
    /// these are the first failed attempts of that hour, whoever counts.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn count(
        &self,
        endpoint: &EndpointId,
        hour: Hour,
        counters: &Counters,
    ) -> Result<bool, StoreError> {
        let mut values: HashMap<String, AttributeValue> = HashMap::new();
        let mut sums = Vec::new();
        for (name, count) in named(counters).filter(|(_, count)| *count > 0) {
            sums.push(format!("{name} :{name}"));
            values.insert(format!(":{name}"), number(count));
        }
        if sums.is_empty() {
            return Ok(false);
        }
        values.insert(":x".to_owned(), number(self.expiry(hour.start())));
        let key = keys::Key { pk: keys::stats_pk(endpoint), sk: keys::stats_sk(hour) };
        let answer = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(key)))
            .update_expression(format!("ADD {} SET x = :x", sums.join(", ")))
            .set_expression_attribute_values(Some(values))
            .set_return_values((counters.failed_attempts > 0).then_some(ReturnValue::UpdatedNew))
            .sent()
            .await
            .map_err(sdk_error)?;
        let now = answer.attributes.map(|item| count(&item, FAILED_ATTEMPTS));
        Ok(now == Some(counters.failed_attempts))
    }

    /// An endpoint's hours from `first` to `last`, both included, oldest first. Hours without
    /// attempts are left out.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn stats(
        &self,
        endpoint: &EndpointId,
        first: Hour,
        last: Hour,
    ) -> Result<Vec<(Hour, Counters)>, StoreError> {
        let items = self
            .range(Range {
                pk: keys::stats_pk(endpoint),
                from: &keys::stats_sk(first),
                to: &keys::stats_sk(last),
                newest_first: false,
                limit: None,
                consistent: false,
            })
            .await?;
        items.iter().map(read).collect()
    }
}

fn named(counters: &Counters) -> impl Iterator<Item = (String, u64)> {
    let totals = [
        (ATTEMPTS, counters.attempts),
        (FAILED_ATTEMPTS, counters.failed_attempts),
        (DELIVERED, counters.delivered),
        (FAILED, counters.failed),
    ];
    let buckets = counters.latency.into_iter().enumerate();
    totals
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .chain(buckets.map(|(index, count)| (format!("l{index}"), count)))
}

fn count(item: &Item, name: &str) -> u64 {
    let number = item.get(name).and_then(|value| value.as_n().ok());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn read(item: &Item) -> Result<(Hour, Counters), StoreError> {
    let mut counters = Counters {
        attempts: count(item, ATTEMPTS),
        failed_attempts: count(item, FAILED_ATTEMPTS),
        delivered: count(item, DELIVERED),
        failed: count(item, FAILED),
        latency: [0; BUCKETS],
    };
    for (index, bucket) in counters.latency.iter_mut().enumerate() {
        *bucket = count(item, &format!("l{index}"));
    }
    Ok((Hour(Reader(item).parse("sk")?), counters))
}
