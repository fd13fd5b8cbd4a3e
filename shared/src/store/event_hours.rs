//! Which hours of an account have events. Events lie in partitions of an hour and a shard each: a mark
//! for each of them saves whoever lists events from looking into all the others.
//!
//! A mark is written together with the first event of its partition that a process stores, and that
//! event counts as stored only when its mark is.

use futures::future::try_join;
use jiff::Timestamp;

use super::keys::{self, Key};
use super::table::{Range, item_key};
use super::{Item, Reader, Store, StoreError, number};
use crate::stats::Hour;
use crate::stored_event::StoredEvent;
use crate::tenant::Tenant;

/// Marks read at once: more than a page of events looks into partitions, by more than an hour has.
const MAX_MARKS: usize = 64;
/// Seconds. A mark outlives the last event of its hour.
const HOUR: i64 = 3600;

/// An hour, and those of its shards that may hold events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HourOfEvents {
    pub hour: Hour,
    pub shards: Vec<u8>,
}

impl Store {
    /// The marks that these events need, and that this process has not made.
    pub(super) fn missing_marks(&self, events: &[(&Tenant, &StoredEvent)]) -> Vec<(Key, Item)> {
        let mut marks: Vec<(Key, Item)> = Vec::new();
        for (tenant, event) in events {
            let mark = keys::event_hour(tenant, &event.key);
            if self.marked.contains_key(&mark) || marks.iter().any(|(known, _)| *known == mark) {
                continue;
            }
            let mut item = item_key(mark.clone());
            let expiry = self.expiry(event.key.received_at()).saturating_add(HOUR);
            item.insert("x".to_owned(), number(expiry));
            marks.push((mark, item));
        }
        marks
    }

    /// The newest hours from `oldest` to `newest` in which an account may have events, `most` of them
    /// at the most.
    pub(super) async fn hours_of_events(
        &self,
        tenant: &Tenant,
        oldest: Hour,
        newest: Hour,
        most: usize,
    ) -> Result<Vec<HourOfEvents>, StoreError> {
        let (first, last) =
            (keys::event_hour_sk(oldest, 0), keys::event_hour_sk(newest, keys::SHARDS));
        let marks = self.range_page(Range {
            pk: keys::event_hours_pk(tenant),
            from: &first,
            to: &last,
            newest_first: true,
            limit: Some(MAX_MARKS),
            // One that is overlooked hides all of its hour's shard.
            consistent: true,
        });
        let (marks, marked_from) = try_join(marks, self.events_marked_from()).await?;
        let all = marks.complete;
        let marks = marks.items.iter().map(read_mark).collect::<Result<Vec<_>, _>>()?;
        Ok(candidates(marks, all, marked_from, oldest, newest).take(most).collect())
    }
}

fn read_mark(item: &Item) -> Result<(Hour, u8), StoreError> {
    let reader = Reader(item);
    let parts = reader.text("sk")?.split_once('#');
    let mark =
        parts.and_then(|(hour, shard)| Some((Hour(hour.parse().ok()?), shard.parse().ok()?)));
    mark.ok_or_else(|| reader.error("sort key".to_owned()))
}

/// The hours that have marks, newest first; and before there were marks all hours. `all` says whether
/// `marks` are all that there are: where they are not, nothing is known of the last one's hour.
fn candidates(
    marks: Vec<(Hour, u8)>,
    all: bool,
    marked_from: Option<Timestamp>,
    oldest: Hour,
    newest: Hour,
) -> impl Iterator<Item = HourOfEvents> {
    // The first hour that has marks from its beginning.
    let marked_from = marked_from.map_or(i64::MAX, |from| Hour::of(from).0 + 1);
    let all = all || marks.last().is_some_and(|(hour, _)| hour.0 < marked_from);
    let mut marked: Vec<HourOfEvents> = Vec::new();
    for (hour, shard) in marks.into_iter().take_while(|(hour, _)| hour.0 >= marked_from) {
        match marked.last_mut() {
            Some(last) if last.hour == hour => last.shards.push(shard),
            _ => marked.push(HourOfEvents { hour, shards: vec![shard] }),
        }
    }
    let last_unmarked = if all {
        newest.0.min(marked_from - 1)
    } else {
        marked.pop();
        oldest.0 - 1
    };
    let unmarked = (oldest.0..=last_unmarked).rev();
    marked.into_iter().chain(
        unmarked.map(|hour| HourOfEvents { hour: Hour(hour), shards: (0..keys::SHARDS).collect() }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: i64, shards: &[u8]) -> HourOfEvents {
        HourOfEvents { hour: Hour(hour), shards: shards.to_vec() }
    }

    fn found(marks: &[(i64, u8)], all: bool, from: Option<i64>) -> Vec<HourOfEvents> {
        let marks = marks.iter().map(|(hour, shard)| (Hour(*hour), *shard)).collect();
        let from = from.map(|hour| Hour(hour).start());
        candidates(marks, all, from, Hour(3), Hour(9)).collect()
    }

    const EVERY: [u8; keys::SHARDS as usize] = [0, 1, 2, 3, 4, 5, 6, 7];

    #[test]
    fn where_all_hours_have_marks_the_others_are_empty() {
        let marks = [(9, 7), (9, 0), (4, 2)];
        assert_eq!(found(&marks, true, Some(0)), [hour(9, &[7, 0]), hour(4, &[2])]);
        assert_eq!(found(&[], true, Some(0)), []);
        // There are more of the last one's hour, perhaps, and of those before it.
        assert_eq!(found(&marks, false, Some(0)), [hour(9, &[7, 0])]);
    }

    #[test]
    fn before_there_were_marks_an_hour_may_hold_anything() {
        let marks = [(9, 7), (5, 1), (4, 2)];
        let before = [5, 4, 3].map(|number| hour(number, &EVERY));
        let expected = [&[hour(9, &[7])], &before[..]].concat();
        for all in [true, false] {
            assert_eq!(found(&marks, all, Some(5)), expected);
        }
        let every: Vec<HourOfEvents> = (3..=9).rev().map(|number| hour(number, &EVERY)).collect();
        assert_eq!(found(&marks, true, None), every);
        assert_eq!(found(&[], true, None), every);
    }
}
