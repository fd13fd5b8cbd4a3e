//! Slots of endpoints whose rate is limited: one item each, written by whoever wants some.

use std::time::Duration;

use jiff::Timestamp;

use super::document;
use super::keys;
use super::{Store, StoreError, number};
use crate::ids::EndpointId;
use crate::rate_limit::{RateLimit, Slots};

/// Tries of a reservation that others interfere with: about 2 s in all.
const TRIES: u32 = 40;
/// Pauses between them are random, up to this.
const MAX_PAUSE: Duration = Duration::from_millis(100);
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
        let key = keys::slots(endpoint);
        for _ in 0..TRIES {
            let item = self.get(key.clone(), true).await?;
            let mut slots: Slots =
                item.as_ref().map(document::from_item).transpose()?.unwrap_or_default();
            let reserved = slots.reserve(limit, count, self.clock.now(), time_scale);
            let before = item.as_ref().map_or(0, document::revision);
            let mut item = document::to_item(key.clone(), &slots, before + 1)?;
            let last = reserved.last().map_or(0, |slot| slot.as_second());
            item.insert("x".to_owned(), number(last.saturating_add(KEPT)));
            let condition = if before == 0 { "attribute_not_exists(pk)" } else { "r = :r" };
            let values = [(":r", number(before))];
            let values = if before == 0 { &values[..0] } else { &values[..] };
            if self.put_if(item, condition, values).await? {
                return Ok(reserved);
            }
            tokio::time::sleep(MAX_PAUSE.mul_f64(self.clock.random_unit())).await;
        }
        Err(StoreError::Contended)
    }
}
