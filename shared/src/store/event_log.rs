//! An account's events by time. They lie in partitions of an hour and a shard each, so a list walks
//! from hour to hour, newest first.

use futures::future::try_join_all;
use jiff::Timestamp;

use super::events::{is_of, read_event};
use super::keys;
use super::shards::{ShardPage, merge};
use super::table::Range;
use super::{Store, StoreError};
use crate::ids::{EventKey, EventTypeName};
use crate::stored_event::StoredEvent;
use crate::tenant::{SKEW, Tenant};

/// Which events of an account to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub event_type: Option<EventTypeName>,
    /// Received at or after.
    pub since: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
}

/// A page of an account's events, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    pub events: Vec<StoredEvent>,
    pub next: Option<EventKey>,
}

/// Seconds.
const HOUR: i64 = 3600;
/// Hours read at once when those before were empty.
const MAX_HOURS_AT_ONCE: i64 = 8;
/// Hours that one page looks through: what is not found there is left to the next page.
const MAX_HOURS: i64 = 240;
/// Items read of each shard at a time, at the least.
const MIN_READ: usize = 10;

impl Store {
    /// A page of an account's events. It may be shorter than `limit`, even empty, and still have a
    /// next one: so much of the past is looked through at a time, and no more.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn event_log(
        &self,
        tenant: &Tenant,
        filter: &EventFilter,
        limit: usize,
        after: Option<&EventKey>,
        now: Timestamp,
    ) -> Result<EventPage, StoreError> {
        let kept = now.checked_sub(self.retention).unwrap_or(Timestamp::UNIX_EPOCH);
        let oldest = filter.since.map_or(kept, |since| since.max(kept)).max(tenant.earliest());
        let oldest = EventKey::new(oldest, 0);
        // Keys carry the time of whoever made them: a queue's clock may be ahead of ours.
        let until = filter.until.unwrap_or_else(|| now.checked_add(SKEW).unwrap_or(now));
        let mut newest = EventKey::new(until, 0);
        if let Some(after) = after
            && *after < newest
        {
            newest = after.clone();
        }

        let mut events = Vec::with_capacity(limit);
        let (mut at_once, mut looked_through) = (1, 0);
        'hours: while newest > oldest && looked_through < MAX_HOURS {
            let hours = self.hours(tenant, at_once, &oldest, &newest, limit).await?;
            looked_through += at_once;
            at_once = (at_once * 2).min(MAX_HOURS_AT_ONCE);
            for Hour { start, found, complete } in hours {
                for Found { event, is_of_tenant } in found {
                    newest = event.key.clone();
                    if is_of_tenant && filter.takes(&event) {
                        events.push(event);
                    }
                    if events.len() == limit {
                        return Ok(EventPage { events, next: Some(newest) });
                    }
                }
                if !complete {
                    at_once = 1;
                    continue 'hours;
                }
                newest = EventKey::new(start, 0);
            }
        }
        let next = (newest > oldest).then_some(newest);
        Ok(EventPage { events, next })
    }

    /// The hour that `newest` is in and those before it, read side by side.
    async fn hours(
        &self,
        tenant: &Tenant,
        count: i64,
        oldest: &EventKey,
        newest: &EventKey,
        limit: usize,
    ) -> Result<Vec<Hour>, StoreError> {
        let last = newest.received_at().as_second().div_euclid(HOUR);
        let starts = (0..count).map_while(|back| Timestamp::from_second((last - back) * HOUR).ok());
        try_join_all(starts.map(|start| self.hour(tenant, start, oldest, newest, limit))).await
    }

    async fn hour(
        &self,
        tenant: &Tenant,
        start: Timestamp,
        oldest: &EventKey,
        newest: &EventKey,
        limit: usize,
    ) -> Result<Hour, StoreError> {
        let per_shard = (limit / usize::from(keys::SHARDS) + 2).max(MIN_READ);
        let pages = (0..keys::SHARDS).map(async |shard| {
            let items = self
                .range(Range {
                    pk: keys::event_pk(&tenant.id, start, shard),
                    from: oldest.as_str(),
                    to: newest.as_str(),
                    newest_first: true,
                    limit: Some(per_shard),
                    consistent: false,
                })
                .await?;
            let complete = items.len() < per_shard;
            let found = items.iter().map(|item| {
                let event = read_event(&tenant.id, item)?;
                Ok(Found { is_of_tenant: is_of(item, &event.key, tenant), event })
            });
            let mut items = found.collect::<Result<Vec<_>, StoreError>>()?;
            items.retain(|found| found.event.key < *newest);
            Ok::<_, StoreError>(ShardPage { items, complete })
        });
        let pages = try_join_all(pages).await?;
        let complete = pages.iter().all(|page| page.complete);
        Ok(Hour { start, found: merge(pages, |found| &found.event.key), complete })
    }
}

/// What was read of one hour.
struct Hour {
    start: Timestamp,
    /// Newest first.
    found: Vec<Found>,
    /// Whether that is all.
    complete: bool,
}

/// An event, and whether it is not that of another account which had the id before.
struct Found {
    event: StoredEvent,
    is_of_tenant: bool,
}

impl EventFilter {
    fn takes(&self, event: &StoredEvent) -> bool {
        self.event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
    }
}
