//! Rows of retries that are due later, the marks of buckets that are done, and the sweep's cursor.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;

use super::keys;
use super::table::{Range, item_key};
use super::{Item, Reader, Store, StoreError, number, string};
use crate::due::{Bucket, DueRetry, SHARDS};

/// Rows and marks are kept this long after they were due: longer than any outage of the sweep
/// that somebody would not have noticed.
const KEPT: Duration = Duration::from_secs(7 * 86_400);

/// How far the sweep has come, and since when this release has been at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepCursor {
    /// The bucket before which all are done.
    pub bucket: Bucket,
    /// From when on every event has a mark of its hour. A release that makes no such marks leaves this
    /// out when it moves the cursor, as it does every minute: so it begins anew after a roll-back.
    pub events_marked_from: Option<Timestamp>,
}

impl Store {
    /// All rows of a bucket's shard, by their due time.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn due_rows(&self, bucket: Bucket, shard: u8) -> Result<Vec<DueRetry>, StoreError> {
        let items = self
            .range(Range {
                pk: keys::due_pk(bucket, shard),
                // Above the mark, which is no row.
                from: "0",
                to: "~",
                newest_first: false,
                limit: None,
                consistent: true,
            })
            .await?;
        items.iter().map(read_due).collect()
    }

    /// Marks a bucket's shard as sent. Its rows expire by themselves: deleting them would cost a
    /// write unit each.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn mark_done(&self, bucket: Bucket, shard: u8) -> Result<(), StoreError> {
        let mut item = item_key(keys::due_done(bucket, shard));
        item.insert("x".to_owned(), number(expiry(bucket.start())));
        // Any time is fine: a second mark says the same.
        self.put_if(item, "attribute_not_exists(never)", &[]).await.map(drop)
    }

    /// Those of the buckets' shards that are not marked done.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn not_done(&self, buckets: &[Bucket]) -> Result<Vec<(Bucket, u8)>, StoreError> {
        let all: Vec<(Bucket, u8)> =
            buckets.iter().flat_map(|b| (0..SHARDS).map(move |shard| (*b, shard))).collect();
        let marks = all.iter().map(|(bucket, shard)| keys::due_done(*bucket, *shard)).collect();
        let marked = self.batch_get(marks, true).await?;
        let marked: HashSet<&str> = marked
            .iter()
            .filter_map(|item| item.get("pk")?.as_s().ok())
            .map(String::as_str)
            .collect();
        Ok(all
            .into_iter()
            .filter(|(bucket, shard)| !marked.contains(&keys::due_pk(*bucket, *shard).as_str()))
            .collect())
    }

    /// How far the sweep has come; `None` before the first one.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn sweep_cursor(&self) -> Result<Option<SweepCursor>, StoreError> {
        let item = self.get(keys::sweep_cursor(), true).await?;
        let read = |item: Item| -> Result<SweepCursor, StoreError> {
            let bucket = Reader(&item).parse("b")?;
            Ok(SweepCursor { bucket, events_marked_from: marked_from(&item) })
        };
        item.map(read).transpose()
    }

    /// From when on every event has a mark of its hour, if that is known.
    pub(super) async fn events_marked_from(&self) -> Result<Option<Timestamp>, StoreError> {
        let item = self.get(keys::sweep_cursor(), false).await?;
        Ok(item.as_ref().and_then(marked_from))
    }

    /// Moves the cursor, never backwards: two sweeps may run at once.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn move_sweep_cursor(&self, to: SweepCursor) -> Result<(), StoreError> {
        let mut item = item_key(keys::sweep_cursor());
        item.insert("b".to_owned(), string(to.bucket.to_string()));
        if let Some(from) = to.events_marked_from {
            item.insert("m".to_owned(), number(from.as_second()));
        }
        let value = (":b", string(to.bucket.to_string()));
        self.put_if(item, "attribute_not_exists(pk) OR b < :b", &[value]).await.map(drop)
    }

    pub(super) fn due_item(&self, retry: &DueRetry, time_scale: f64) -> Item {
        let bucket = Bucket::of(retry.due, time_scale);
        let due = retry.due.as_millisecond();
        let mut item = item_key(keys::Key {
            pk: keys::due_pk(bucket, retry.shard()),
            sk: format!("{due:013}#{}#{}", retry.endpoint, retry.key),
        });
        item.insert("a".to_owned(), string(retry.account.as_str()));
        item.insert("t".to_owned(), string(retry.event_type.as_str()));
        item.insert("n".to_owned(), number(retry.attempt));
        item.insert("x".to_owned(), number(expiry(retry.due)));
        if let Some(id) = &retry.event_id {
            item.insert("i".to_owned(), string(id.as_str()));
        }
        if let Some(trigger) = retry.waits {
            item.insert("s".to_owned(), string(trigger.as_str()));
        }
        item
    }
}

fn marked_from(cursor: &Item) -> Option<Timestamp> {
    Timestamp::from_second(Reader(cursor).integer("m")?).ok()
}

fn expiry(due: Timestamp) -> i64 {
    due.as_second().saturating_add_unsigned(KEPT.as_secs())
}

fn read_due(item: &Item) -> Result<DueRetry, StoreError> {
    let reader = Reader(item);
    let sk = reader.text("sk")?;
    let mut parts = sk.splitn(3, '#');
    let (due, endpoint, key) = match (parts.next(), parts.next(), parts.next()) {
        (Some(due), Some(endpoint), Some(key)) => (due, endpoint, key),
        _ => return Err(reader.error("sort key".to_owned())),
    };
    let due = due.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    let attempt = item.get("n").and_then(|n| n.as_n().ok()).and_then(|n| n.parse().ok());
    Ok(DueRetry {
        due: due.ok_or_else(|| reader.error("due time".to_owned()))?,
        account: reader.parse("a")?,
        endpoint: endpoint.parse().map_err(|e| reader.error(format!("endpoint: {e}")))?,
        key: key.parse().map_err(|e| reader.error(format!("key: {e}")))?,
        event_id: reader.optional_text("i").map(|_| reader.parse("i")).transpose()?,
        event_type: reader.parse("t")?,
        attempt: attempt.ok_or_else(|| reader.error("attempt".to_owned()))?,
        waits: reader.optional_text("s").map(|_| reader.parse("s")).transpose()?,
    })
}
