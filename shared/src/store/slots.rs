//! Slots of endpoints, and of whoever makes requests, whose rate is limited: one item each, written by whoever wants some.

use jiff::Timestamp;

use super::document;
use super::keys::{self, Key};
use super::transactions::TRIES;
use super::{Store, StoreError, number};
use crate::ids::EndpointId;
use crate::rate_limit::{RateLimit, Slots};

/// How long an item is kept after its last slot: longer than any window.
const KEPT: i64 = 2 * 3600;

impl Store {
    /// Reserves so many slots of an endpoint, with one conditional write: the next ones that its
    /// limit allows, from now on.
    ///
    /// # Errors
    /// When the table can't be read or written, or others reserve all the time.
    pub async fn reserve_slots(
        &self,
        endpoint: &EndpointId,
        limit: RateLimit,
        count: usize,
        time_scale: f64,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let reserve = |slots: &mut Slots| {
            let reserved = slots.reserve(limit, count, self.clock.now(), time_scale);
            let last = reserved.last().copied();
            (reserved, last)
        };
        self.change_slots(keys::slots(endpoint.as_str()), reserve).await
    }

    /// Takes so many slots that are free now, or as many as there are: of a key, or of whatever else
    /// has this id.
    ///
    /// # Errors
    /// When the table can't be read or written, or others take some all the time.
    pub async fn take_slots(
        &self,
        of: &str,
        limit: RateLimit,
        count: usize,
    ) -> Result<usize, StoreError> {
        let take = |slots: &mut Slots| {
            let now = self.clock.now();
            (slots.take_now(limit, count, now), Some(now))
        };
        self.change_slots(keys::slots(of), take).await
    }

    /// Changes slots, unless others do so at the same time: then again. `change` answers what came of
    /// it, and the last slot that it gave.
    async fn change_slots<T>(
        &self,
        key: Key,
        change: impl Fn(&mut Slots) -> (T, Option<Timestamp>),
    ) -> Result<T, StoreError> {
        for _ in 0..TRIES {
            let item = self.get(key.clone(), true).await?;
            let mut slots: Slots =
                item.as_ref().map(document::from_item).transpose()?.unwrap_or_default();
            let (given, last) = change(&mut slots);
            let before = item.as_ref().map_or(0, document::revision);
            let mut item = document::to_item(key.clone(), &slots, before + 1)?;
            let last = last.map_or(0, |slot| slot.as_second());
            item.insert("x".to_owned(), number(last.saturating_add(KEPT)));
            let condition = if before == 0 { "attribute_not_exists(pk)" } else { "r = :r" };
            let values = [(":r", number(before))];
            let values = if before == 0 { &values[..0] } else { &values[..] };
            if self.put_if(item, condition, values).await? {
                return Ok(given);
            }
            self.let_others_end().await;
        }
        Err(StoreError::Contended)
    }
}
