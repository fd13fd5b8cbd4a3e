//! The sparse index of failed deliveries: nothing but a failure pays for it.

use jiff::Timestamp;

use super::{Item, Reader, Store, StoreError, sdk_error, string};
use crate::ids::{EndpointId, EventKey};
use crate::sent::Sent;

const INDEX: &str = "failed";

/// The failed deliveries of an endpoint whose events were received in a window, on one side of
/// where the page before ended.
#[derive(Debug, Clone)]
pub struct FailedRange<'a> {
    pub endpoint: &'a EndpointId,
    /// Received at or after.
    pub since: Timestamp,
    /// Received before; `None`: to the end.
    pub until: Option<Timestamp>,
    pub after: Option<&'a EventKey>,
    pub newest_first: bool,
}

impl Store {
    /// At most `limit` of them. The index lags a little behind the deliveries.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn failed_deliveries(
        &self,
        range: FailedRange<'_>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        let FailedRange { endpoint, since, until, after, newest_first } = range;
        let mut first = EventKey::new(since, 0).to_string();
        // Keys are lower case, so that this one lies above all of them.
        let end =
            until.map_or_else(|| "evt_~".to_owned(), |until| EventKey::new(until, 0).to_string());
        let mut last = end.clone();
        match after {
            Some(after) if newest_first => last = last.min(after.to_string()),
            Some(after) => first = first.max(after.to_string()),
            None => {}
        }
        if first > last {
            return Ok(Vec::new());
        }
        let (mut keys, mut start): (Vec<EventKey>, Option<Item>) =
            (Vec::with_capacity(limit), None);
        loop {
            let answer = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .index_name(INDEX)
                .key_condition_expression("fp = :p AND fs BETWEEN :a AND :b")
                .expression_attribute_values(":p", string(endpoint.as_str()))
                .expression_attribute_values(":a", string(&first))
                .expression_attribute_values(":b", string(&last))
                .scan_index_forward(!newest_first)
                .limit(i32::try_from(limit + 1 - keys.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .sent()
                .await
                .map_err(sdk_error)?;
            for item in answer.items.unwrap_or_default() {
                let key: EventKey = Reader(&item).parse("fs")?;
                // Neither bound is meant: the end is not in the window, and the page before ended
                // with the other one.
                let meant = key.as_str() < end.as_str() && after != Some(&key);
                if meant && keys.len() < limit {
                    keys.push(key);
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() || keys.len() == limit {
                return Ok(keys);
            }
        }
    }
}
