//! An account's events by time. They lie in partitions of an hour and a shard each, so a list walks
//! from hour to hour, newest first, and skips those without events.

use futures::future::try_join_all;
use jiff::Timestamp;

use super::event_hours::HourOfEvents;
use super::events::{is_of, read_event};
use super::keys;
use super::shards::{ShardPage, merge};
use super::table::Range;
use super::{Store, StoreError};
use crate::ids::{EventKey, EventTypeName};
use crate::stats::Hour;
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

/// Partitions that one page looks into, with a query each: what is not found there is left to the
/// next page. Two more reads find out which they are.
const MAX_PARTITIONS: usize = 40;
/// Partitions read at once: those of an hour first, then more, should that be empty.
const AT_ONCE: usize = keys::SHARDS as usize;
const MAX_AT_ONCE: usize = 2 * AT_ONCE;
/// Items read of each shard at a time, at the least.
const MIN_READ: usize = 10;
/// The same where a filter drops most of them.
const MIN_READ_FILTERED: usize = 50;

impl Store {
    /// A page of an account's events. It may be shorter than `limit`, even empty, and still have a
    /// next one: so many reads are made for it, and no more.
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
        if newest <= oldest {
            return Ok(EventPage { events, next: None });
        }

        let (first, last) = (Hour::of(oldest.received_at()), hour_below(&newest));
        // One more than can be looked into: where that is left, there is a next page.
        let hours = self.hours_of_events(tenant, first, last, MAX_PARTITIONS + 1).await?;
        let (mut at, mut at_once, mut left) = (0, AT_ONCE, MAX_PARTITIONS);
        'hours: while at < hours.len() {
            let count = affordable(&hours[at..], at_once.min(left));
            if count == 0 {
                return Ok(EventPage { events, next: Some(newest) });
            }
            let batch = &hours[at..at + count];
            left -= batch.iter().map(|hour| hour.shards.len()).sum::<usize>();
            let reads = batch.iter().map(|hour| {
                self.events_of_hour(tenant, hour, &oldest, &newest, filter.per_shard(limit))
            });
            let found = try_join_all(reads).await?;
            at_once = MAX_AT_ONCE;
            for (hour, page) in batch.iter().zip(found) {
                for Found { event, is_of_tenant } in page.items {
                    newest = event.key.clone();
                    if is_of_tenant && filter.takes(&event) {
                        events.push(event);
                    }
                    if events.len() == limit {
                        return Ok(EventPage { events, next: Some(newest) });
                    }
                }
                if !page.complete {
                    at_once = AT_ONCE;
                    continue 'hours;
                }
                newest = EventKey::new(hour.hour.start(), 0);
                at += 1;
            }
        }
        Ok(EventPage { events, next: None })
    }

    /// An hour's events below `newest`, newest first: as many as are certain to be the newest.
    async fn events_of_hour(
        &self,
        tenant: &Tenant,
        hour: &HourOfEvents,
        oldest: &EventKey,
        newest: &EventKey,
        per_shard: usize,
    ) -> Result<ShardPage<Found>, StoreError> {
        let pages = hour.shards.iter().copied().map(async |shard| {
            let page = self
                .range_page(Range {
                    pk: keys::event_pk(&tenant.id, hour.hour.start(), shard),
                    from: oldest.as_str(),
                    to: newest.as_str(),
                    newest_first: true,
                    limit: Some(per_shard),
                    consistent: false,
                })
                .await?;
            let found = page.items.iter().map(|item| {
                let event = read_event(&tenant.id, item)?;
                Ok(Found { is_of_tenant: is_of(item, &event.key, tenant), event })
            });
            let mut items = found.collect::<Result<Vec<_>, StoreError>>()?;
            items.retain(|found| found.event.key < *newest);
            Ok::<_, StoreError>(ShardPage { items, complete: page.complete })
        });
        let pages = try_join_all(pages).await?;
        let complete = pages.iter().all(|page| page.complete);
        Ok(ShardPage { items: merge(pages, |found| &found.event.key), complete })
    }
}

/// The newest hour that holds keys below this one.
fn hour_below(newest: &EventKey) -> Hour {
    let hour = Hour::of(newest.received_at());
    // An hour's first key, which is where the page before ended, has none of the hour below it.
    if *newest == EventKey::new(hour.start(), 0) { Hour(hour.0 - 1) } else { hour }
}

/// How many of the hours, from the first one on, can be read with so many queries.
fn affordable(hours: &[HourOfEvents], queries: usize) -> usize {
    let mut left = queries;
    let fits = |hour: &&HourOfEvents| match left.checked_sub(hour.shards.len()) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    hours.iter().take_while(fits).count()
}

/// An event, and whether it is not that of another account which had the id before.
struct Found {
    event: StoredEvent,
    is_of_tenant: bool,
}

impl EventFilter {
    /// Items to read of each shard at a time, for a page of so many events.
    fn per_shard(&self, limit: usize) -> usize {
        let least = if self.event_type.is_some() { MIN_READ_FILTERED } else { MIN_READ };
        (limit / usize::from(keys::SHARDS) + 2).max(least)
    }

    fn takes(&self, event: &StoredEvent) -> bool {
        self.event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
    }
}
