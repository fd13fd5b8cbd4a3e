//! How many deliveries an endpoint takes in a time.
//!
//! The limits hold for every window of that length, wherever it begins: an hour's limit is neither
//! spread evenly over the hour (nobody would wait for a quiet endpoint's second delivery), nor used
//! up twice around a full hour.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Deliveries per second.
pub const MAX_PER_SECOND: u32 = 10_000;
/// Deliveries per hour.
pub const MAX_PER_HOUR: u32 = 10_000_000;

/// Over a limit deliveries wait; none is dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Deliveries per second, 1–10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub per_second: Option<u32>,
    /// Deliveries per hour, 1–10,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub per_hour: Option<u32>,
}

impl RateLimit {
    /// Whether it limits nothing.
    pub fn is_none(&self) -> bool {
        self.per_second.is_none() && self.per_hour.is_none()
    }

    /// The stricter of two.
    pub fn and(self, other: Self) -> Self {
        let less = |a: Option<u32>, b: Option<u32>| a.into_iter().chain(b).min();
        Self {
            per_second: less(self.per_second, other.per_second),
            per_hour: less(self.per_hour, other.per_hour),
        }
    }

    /// What is wrong with it: a pointer below `/rate_limit` and what would be right.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.per_second.is_none() && self.per_hour.is_none() {
            problems.push(("", "has per_second, per_hour or both".to_owned()));
        }
        let ranges = [
            ("/per_second", self.per_second, MAX_PER_SECOND),
            ("/per_hour", self.per_hour, MAX_PER_HOUR),
        ];
        for (pointer, value, max) in ranges {
            if value.is_some_and(|value| !(1..=max).contains(&value)) {
                problems.push((pointer, format!("is a whole number from 1 to {max}")));
            }
        }
        problems
    }
}

/// Slots that were given to deliveries, as far back as a limit looks. Kept in the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    #[serde(default, rename = "s", skip_serializing_if = "VecDeque::is_empty")]
    second: VecDeque<Group>,
    #[serde(default, rename = "h", skip_serializing_if = "VecDeque::is_empty")]
    hour: VecDeque<Group>,
}

/// Slots that lie together: the last one's time in milliseconds, and how many.
type Group = (i64, u32);

/// Groups that a limit is kept in: more are more exact, and larger. A group counts as if all of it
/// were its last slot, so that a limit is never exceeded, and at worst one group's part of it is
/// not used.
const GROUPS: u32 = 24;

impl Slots {
    /// Gives so many slots that are free now, or as many as there are.
    pub fn take_now(&mut self, limit: RateLimit, count: usize, now: Timestamp) -> usize {
        let free = |slots: &Self| {
            let now = now.as_millisecond();
            let (second, hour) = windows(1.0);
            limit.per_second.is_none_or(|limit| earliest(&slots.second, limit, second) <= now)
                && limit.per_hour.is_none_or(|limit| earliest(&slots.hour, limit, hour) <= now)
        };
        let mut taken = 0;
        while taken < count && free(self) {
            self.reserve(limit, 1, now, 1.0);
            taken += 1;
        }
        taken
    }

    /// Gives slots to so many deliveries that could all go now. Slots come in order: whoever asks
    /// later gets none that is earlier.
    pub fn reserve(
        &mut self,
        limit: RateLimit,
        count: usize,
        now: Timestamp,
        time_scale: f64,
    ) -> Vec<Timestamp> {
        let (second, hour) = windows(time_scale);
        let now = now.as_millisecond();
        (0..count)
            .map(|_| {
                let mut slot = now;
                if let Some(limit) = limit.per_second {
                    slot = slot.max(earliest(&self.second, limit, second));
                }
                if let Some(limit) = limit.per_hour {
                    slot = slot.max(earliest(&self.hour, limit, hour));
                }
                take(&mut self.second, limit.per_second, slot, second);
                take(&mut self.hour, limit.per_hour, slot, hour);
                Timestamp::from_millisecond(slot).unwrap_or(Timestamp::MAX)
            })
            .collect()
    }
}

/// Milliseconds of a second and of an hour.
fn windows(time_scale: f64) -> (i64, i64) {
    let length = |seconds| ((seconds * 1_000.0 / time_scale) as i64).max(1);
    (length(1.0), length(3_600.0))
}

/// The first time at which one more is within the limit.
fn earliest(groups: &VecDeque<Group>, limit: u32, window: i64) -> i64 {
    let Some(newest) = groups.back() else {
        return i64::MIN;
    };
    let (mut at, mut room) = (newest.0, u64::from(limit));
    // From the newest back, as many as the window may hold beside the new one.
    for (last, count) in groups.iter().rev() {
        if room <= u64::from(*count) {
            // This group has to leave the window first.
            at = at.max(last.saturating_add(window));
            break;
        }
        room -= u64::from(*count);
    }
    at
}

fn take(groups: &mut VecDeque<Group>, limit: Option<u32>, slot: i64, window: i64) {
    let Some(limit) = limit else {
        groups.clear();
        return;
    };
    while groups.front().is_some_and(|(last, _)| last.saturating_add(window) <= slot) {
        groups.pop_front();
    }
    let full = limit.div_ceil(GROUPS);
    match groups.back_mut() {
        // Slots of one time may lie in one group, however many: the group is as exact then.
        Some((last, count)) if *last == slot || *count < full => {
            *last = slot;
            *count += 1;
        }
        _ => groups.push_back((slot, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(per_second: Option<u32>, per_hour: Option<u32>) -> RateLimit {
        RateLimit { per_second, per_hour }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    /// Deliveries that come at these times, each asking for itself.
    fn slots_of(times: &[i64], limit: RateLimit) -> Vec<i64> {
        let mut slots = Slots::default();
        let one = |time: &i64| slots.reserve(limit, 1, at(*time), 1.0)[0].as_millisecond();
        times.iter().map(one).collect()
    }

    fn most_in_any(slots: &[i64], window: i64) -> usize {
        let from =
            |start: &i64| slots.iter().filter(|s| (*start..start + window).contains(s)).count();
        slots.iter().map(from).max().unwrap_or(0)
    }

    #[test]
    fn the_first_go_at_once_and_the_rest_as_soon_as_they_may() {
        let hourly = limit(None, Some(1000));
        let slots = Slots::default().reserve(hourly, 2500, at(7), 1.0);
        let millis: Vec<i64> = slots.iter().map(|slot| slot.as_millisecond() - 7).collect();
        assert!(millis[..1000].iter().all(|m| *m == 0));
        assert!(millis[1000..2000].iter().all(|m| *m == 3_600_000));
        assert!(millis[2000..].iter().all(|m| *m == 7_200_000));
    }

    #[test]
    fn what_is_free_now_is_taken_and_nothing_ahead() {
        let mut slots = Slots::default();
        let limit = limit(Some(10), None);
        assert_eq!(slots.take_now(limit, 7, at(0)), 7);
        assert_eq!(slots.take_now(limit, 7, at(500)), 3);
        assert_eq!(slots.take_now(limit, 7, at(999)), 0);
        assert_eq!(slots.take_now(limit, 7, at(1_000)), 7);
    }

    #[test]
    fn what_is_kept_stays_small() {
        let both = limit(Some(9_999), Some(9_999_999));
        let mut slots = Slots::default();
        for n in 0..20_000 {
            slots.reserve(both, 3, at(n * 7), 1.0);
        }
        let kept = serde_json::to_string(&slots).unwrap();
        assert!(kept.len() < 1_000, "{kept}");
    }

    #[test]
    fn time_that_runs_faster_has_shorter_hours() {
        let mut slots = Slots::default();
        let given = slots.reserve(limit(None, Some(1)), 2, at(0), 3600.0);
        assert_eq!(given[1].as_millisecond(), 1000);
    }

    proptest! {
        #[test]
        fn no_window_holds_more_and_nobody_is_overtaken(
            gaps in prop::collection::vec(0i64..400, 1..400),
            per_second in 1u32..40,
        ) {
            let mut now = 0;
            let times: Vec<i64> = gaps.iter().map(|gap| { now += gap; now }).collect();
            let slots = slots_of(&times, limit(Some(per_second), None));
            prop_assert!(most_in_any(&slots, 1000) <= per_second as usize);
            prop_assert!(slots.is_sorted());
            prop_assert!(slots.iter().zip(&times).all(|(slot, time)| slot >= time));
        }

        /// Whoever keeps asking gets the limit, or nearly: groups cost at most their part.
        #[test]
        fn a_backlog_gets_what_the_limit_allows(per_second in 1u32..200) {
            let slots = slots_of(&[0; 1000], limit(Some(per_second), None));
            let seconds = slots[999] / 1000;
            prop_assert!(seconds <= i64::from(999 / per_second));
        }
    }
}
