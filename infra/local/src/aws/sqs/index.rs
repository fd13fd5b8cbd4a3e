//! Which message of a queue is next: an index in memory over the rows in SQLite.
//!
//! Pure: time comes in as an argument, bodies never do. A message costs 8 bytes while it
//! is visible and a few dozen while it is delayed or in flight, so that a backlog of
//! 200,000 stays small, and every operation is O(log n).
//!
//! Receives are fair between message groups, as SQS's fair queues are: the next message is
//! one of the group with the fewest messages in flight, and among equals of the group whose
//! turn is the longest ago.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::Depth;

/// Milliseconds since the epoch.
pub type Millis = i64;
/// A message's row id: grows with the time it was sent.
pub type MessageKey = i64;
type GroupKey = u32;

#[derive(Debug, Default)]
struct Group {
    name: Box<str>,
    visible: VecDeque<MessageKey>,
    in_flight: u32,
    delayed: u32,
    /// Sequence number of the group's last turn.
    turn: u64,
}

#[derive(Debug)]
struct Held {
    group: GroupKey,
    until: Millis,
    /// Receive count of the handle that holds it.
    count: u32,
}

/// The messages of one queue by when they become visible.
#[derive(Debug, Default)]
pub struct VisibilityIndex {
    groups: HashMap<GroupKey, Group>,
    group_keys: HashMap<Box<str>, GroupKey>,
    next_group: GroupKey,
    next_turn: u64,
    /// Groups with visible messages, the next one to serve first.
    turns: BTreeSet<(u32, u64, GroupKey)>,
    /// Delayed messages and those in flight by the time they become visible.
    waiting: BTreeMap<(Millis, MessageKey), GroupKey>,
    in_flight: HashMap<MessageKey, Held>,
    /// Deleted while visible; skipped when their turn comes, since a line has no quick removal.
    deleted: HashSet<MessageKey>,
    visible: usize,
    delayed: usize,
}

impl VisibilityIndex {
    /// A message that nobody holds. Group `""` means none.
    pub fn add(&mut self, message: MessageKey, group: &str, visible_at: Millis, now: Millis) {
        let group = self.group_key(group);
        if visible_at > now {
            self.waiting.insert((visible_at, message), group);
            self.delayed += 1;
            if let Some(group) = self.groups.get_mut(&group) {
                group.delayed += 1;
            }
        } else {
            self.show(message, group, false);
        }
    }

    /// A message held since before a restart, by the handle with this receive count.
    pub fn add_held(&mut self, message: MessageKey, group: &str, until: Millis, count: u32) {
        let group = self.group_key(group);
        self.hold_in(message, group, until, count);
    }

    /// Takes the next visible message; the caller holds or drops it.
    pub fn take(&mut self) -> Option<MessageKey> {
        loop {
            let turn = self.turns.pop_first()?;
            let key = turn.2;
            let group = self.groups.get_mut(&key)?;
            let message = group.visible.pop_front();
            group.turn = self.next_turn;
            self.next_turn += 1;
            if !group.visible.is_empty() {
                self.turns.insert((group.in_flight, group.turn, key));
            }
            match message {
                Some(message) if !self.deleted.remove(&message) => {
                    self.visible -= 1;
                    return Some(message);
                }
                _ => self.drop_if_empty(key),
            }
        }
    }

    /// Puts a taken message in flight.
    pub fn hold(&mut self, message: MessageKey, group: &str, until: Millis, count: u32) {
        let group = self.group_key(group);
        self.hold_in(message, group, until, count);
    }

    /// Forgets the group of a taken message that is not held, if it was its last.
    pub fn dropped(&mut self, group: &str) {
        if let Some(key) = self.group_keys.get(group).copied() {
            self.drop_if_empty(key);
        }
    }

    /// Makes visible what is due.
    ///
    /// A message whose holder did not delete it goes to the front: it is older than the rest.
    pub fn release_due(&mut self, now: Millis) {
        while let Some((&(visible_at, message), &group)) = self.waiting.first_key_value() {
            if visible_at > now {
                break;
            }
            self.waiting.pop_first();
            let was_held = self.stop_waiting(message, group);
            self.show(message, group, was_held);
        }
    }

    /// Whether the handle with this receive count holds the message now.
    pub fn is_held(&self, message: MessageKey, count: u32) -> bool {
        self.in_flight.get(&message).is_some_and(|held| held.count == count)
    }

    /// Changes until when a held message stays invisible. Returns false if nobody holds it.
    pub fn change(&mut self, message: MessageKey, until: Millis, now: Millis) -> bool {
        let Some(held) = self.in_flight.get_mut(&message) else {
            return false;
        };
        let group = held.group;
        self.waiting.remove(&(held.until, message));
        if until > now {
            held.until = until;
            self.waiting.insert((until, message), group);
        } else {
            self.stop_waiting(message, group);
            self.show(message, group, true);
        }
        true
    }

    /// Removes a message, whatever its state; `visible_at` is when it was last due.
    pub fn remove(&mut self, message: MessageKey, visible_at: Millis) {
        if let Some(held) = self.in_flight.get(&message) {
            let (until, group) = (held.until, held.group);
            self.waiting.remove(&(until, message));
            self.stop_waiting(message, group);
            self.drop_if_empty(group);
        } else if let Some(group) = self.waiting.remove(&(visible_at, message)) {
            self.stop_waiting(message, group);
            self.drop_if_empty(group);
        } else if self.deleted.insert(message) {
            self.visible -= 1;
        }
    }

    /// When the next delayed or held message becomes visible.
    pub fn next_due(&self) -> Option<Millis> {
        self.waiting.first_key_value().map(|((visible_at, _), _)| *visible_at)
    }

    pub fn depth(&self) -> Depth {
        Depth { visible: self.visible, in_flight: self.in_flight.len(), delayed: self.delayed }
    }

    fn group_key(&mut self, name: &str) -> GroupKey {
        if let Some(key) = self.group_keys.get(name) {
            return *key;
        }
        let key = self.next_group;
        self.next_group = self.next_group.wrapping_add(1);
        self.group_keys.insert(name.into(), key);
        self.groups.insert(key, Group { name: name.into(), ..Group::default() });
        key
    }

    fn show(&mut self, message: MessageKey, key: GroupKey, in_front: bool) {
        let Some(group) = self.groups.get_mut(&key) else {
            return;
        };
        if group.visible.is_empty() {
            self.turns.insert((group.in_flight, group.turn, key));
        }
        if in_front {
            group.visible.push_front(message);
        } else {
            group.visible.push_back(message);
        }
        self.visible += 1;
    }

    fn hold_in(&mut self, message: MessageKey, key: GroupKey, until: Millis, count: u32) {
        self.waiting.insert((until, message), key);
        self.in_flight.insert(message, Held { group: key, until, count });
        self.set_in_flight(key, |in_flight| in_flight + 1);
    }

    /// The bookkeeping of a message that is no longer in `waiting`. Returns whether it was held.
    fn stop_waiting(&mut self, message: MessageKey, key: GroupKey) -> bool {
        if self.in_flight.remove(&message).is_some() {
            self.set_in_flight(key, |in_flight| in_flight.saturating_sub(1));
            return true;
        }
        self.delayed -= 1;
        if let Some(group) = self.groups.get_mut(&key) {
            group.delayed = group.delayed.saturating_sub(1);
        }
        false
    }

    fn set_in_flight(&mut self, key: GroupKey, change: impl FnOnce(u32) -> u32) {
        let Some(group) = self.groups.get_mut(&key) else {
            return;
        };
        let queued = self.turns.remove(&(group.in_flight, group.turn, key));
        group.in_flight = change(group.in_flight);
        if queued {
            self.turns.insert((group.in_flight, group.turn, key));
        }
    }

    fn drop_if_empty(&mut self, key: GroupKey) {
        let empty = self.groups.get(&key).is_some_and(|group| {
            group.visible.is_empty() && group.in_flight == 0 && group.delayed == 0
        });
        if empty && let Some(group) = self.groups.remove(&key) {
            self.group_keys.remove(&group.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take_and_hold(index: &mut VisibilityIndex, group_of: impl Fn(i64) -> &'static str) -> i64 {
        let message = index.take().unwrap();
        index.hold(message, group_of(message), 1_000, 1);
        message
    }

    #[test]
    fn a_delayed_message_shows_when_due() {
        let mut index = VisibilityIndex::default();
        index.add(1, "", 500, 0);
        index.release_due(499);
        assert_eq!((index.take(), index.next_due()), (None, Some(500)));
        index.release_due(500);
        assert_eq!(index.take(), Some(1));
        index.dropped("");
        assert_eq!(index.depth(), Depth::default());
        assert!(index.groups.is_empty(), "an empty group takes no memory");
    }

    #[test]
    fn a_held_message_comes_back_in_front_when_its_timeout_passes() {
        let mut index = VisibilityIndex::default();
        index.add(1, "", 0, 0);
        index.add(2, "", 0, 0);
        assert_eq!(take_and_hold(&mut index, |_| ""), 1);
        assert!(index.is_held(1, 1) && !index.is_held(1, 2));
        assert_eq!(index.depth(), Depth { visible: 1, in_flight: 1, delayed: 0 });
        index.release_due(1_000);
        assert!(!index.is_held(1, 1));
        assert_eq!(index.take(), Some(1));
    }

    #[test]
    fn a_group_with_a_backlog_does_not_starve_the_others() {
        let mut index = VisibilityIndex::default();
        for message in 0..1_000 {
            index.add(message, "busy", 0, 0);
        }
        index.add(1_000, "quiet", 0, 0);
        let group_of = |message| if message == 1_000 { "quiet" } else { "busy" };
        let taken: Vec<_> = (0..3).map(|_| take_and_hold(&mut index, group_of)).collect();
        assert!(taken.contains(&1_000), "{taken:?}");
        // Even when the busy group is served first, whoever has less in flight comes next.
        index.add(1_001, "quiet too", 0, 0);
        assert_eq!(index.take(), Some(1_001));
    }

    #[test]
    fn a_message_can_be_removed_in_every_state() {
        let mut index = VisibilityIndex::default();
        index.add(1, "a", 0, 0);
        index.add(2, "a", 0, 0);
        index.add(3, "a", 700, 0);
        assert_eq!(take_and_hold(&mut index, |_| "a"), 1);
        index.remove(1, 0);
        index.remove(2, 0);
        index.remove(3, 700);
        assert_eq!(index.depth(), Depth::default());
        assert_eq!((index.take(), index.next_due()), (None, None));
        assert!(index.groups.is_empty() && index.turns.is_empty() && index.deleted.is_empty());
    }

    #[test]
    fn visibility_can_be_prolonged_and_given_up() {
        let mut index = VisibilityIndex::default();
        index.add(1, "a", 0, 0);
        assert!(!index.change(1, 100, 0), "nobody holds it");
        take_and_hold(&mut index, |_| "a");
        assert!(index.change(1, 5_000, 0));
        index.release_due(1_000);
        assert_eq!(index.take(), None);
        assert!(index.change(1, 0, 0));
        assert_eq!(index.take(), Some(1));
    }

    #[test]
    fn two_hundred_thousand_messages_are_no_work() {
        let mut index = VisibilityIndex::default();
        let name = |message: i64| format!("group {}", message % 1_000);
        for message in 0..200_000 {
            index.add(message, &name(message), 0, 0);
        }
        let mut seen = HashSet::new();
        while let Some(message) = index.take() {
            index.hold(message, &name(message), 1_000, 1);
            assert!(seen.insert(message));
            index.remove(message, 0);
        }
        assert_eq!(seen.len(), 200_000);
        assert!(index.groups.is_empty());
    }
}
