//! The places that a port has for connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// The turn of a connection that does not wait for its client.
const NONE: u64 = 0;
/// How often the log says that all places are taken, at most.
const PAUSE: Duration = Duration::from_secs(60);

/// Places for so many connections. When all are taken, the connection that has waited for its client
/// the longest ends, and makes room for a new one. While none waits, the new one does.
pub struct Room {
    max: usize,
    state: Mutex<State>,
    /// A place is free, or there is a connection that may end.
    changed: Notify,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// The connections that wait for their clients, the longest first: by turn, how to tell them.
    waiting: BTreeMap<u64, Arc<Notify>>,
    /// Those that were told to end, and wait still.
    ending: BTreeSet<u64>,
    last_turn: u64,
    told_at: Option<Instant>,
}

/// A connection's place, free again when dropped.
pub struct Place {
    room: Arc<Room>,
    turn: AtomicU64,
    told: Arc<Notify>,
}

impl Room {
    /// With places for so many.
    pub fn new(max: usize) -> Self {
        Self { max, state: Mutex::default(), changed: Notify::new() }
    }

    /// A place for a new connection, once there is one. For one caller at a time.
    pub async fn enter(self: &Arc<Self>) -> Place {
        while !self.take() {
            self.changed.notified().await;
        }
        Place { room: Arc::clone(self), turn: AtomicU64::new(NONE), told: Arc::default() }
    }

    /// Takes a place. If there is none, tells a connection to end, one at a time.
    fn take(&self) -> bool {
        let mut state = self.lock();
        if state.taken < self.max {
            state.taken += 1;
            return true;
        }
        if state.told_at.is_none_or(|at| at.elapsed() > PAUSE) {
            state.told_at = Some(Instant::now());
            let connections = self.max;
            tracing::warn!(connections, "all connections are taken; silent ones are closed");
        }
        if state.ending.is_empty()
            && let Some((turn, told)) = state.waiting.pop_first()
        {
            state.ending.insert(turn);
            told.notify_one();
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// From now on the connection waits for its client, and may have to end.
    pub fn wait(&self) {
        let mut state = self.room.lock();
        state.last_turn += 1;
        let turn = state.last_turn;
        self.turn.store(turn, Ordering::Relaxed);
        state.waiting.insert(turn, Arc::clone(&self.told));
        if state.taken >= self.room.max {
            self.room.changed.notify_one();
        }
    }

    /// From now on it works, and stays.
    pub fn work(&self) {
        let turn = self.turn.swap(NONE, Ordering::Relaxed);
        let mut state = self.room.lock();
        state.waiting.remove(&turn);
        if state.ending.remove(&turn) {
            // The request came just before it ended: another one has to.
            self.room.changed.notify_one();
        }
    }

    /// Returns when the connection has to end.
    pub async fn must_end(&self) {
        loop {
            self.told.notified().await;
            let turn = self.turn.load(Ordering::Relaxed);
            if self.room.lock().ending.contains(&turn) {
                return;
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let turn = *self.turn.get_mut();
        let mut state = self.room.lock();
        state.taken -= 1;
        state.waiting.remove(&turn);
        state.ending.remove(&turn);
        drop(state);
        self.room.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn enter(room: &Arc<Room>) -> Option<Place> {
        room.enter().now_or_never()
    }

    fn is_told(place: &Place) -> bool {
        place.must_end().now_or_never().is_some()
    }

    #[test]
    fn the_longest_silence_makes_room() {
        let room = Arc::new(Room::new(3));
        let places: Vec<Place> = (0..3).map(|_| enter(&room).expect("a place")).collect();
        places[1].wait();
        places[0].wait();
        assert!(enter(&room).is_none());
        assert!(is_told(&places[1]));
        assert!(!is_told(&places[0]) && !is_told(&places[2]));
        // One is enough, whoever asks.
        assert!(enter(&room).is_none());
        assert!(!is_told(&places[0]));
        drop(places);
        assert!(enter(&room).is_some());
    }

    #[test]
    fn one_that_works_again_stays_and_another_ends() {
        let room = Arc::new(Room::new(2));
        let (first, second) = (enter(&room).expect("a place"), enter(&room).expect("a place"));
        first.wait();
        second.wait();
        assert!(enter(&room).is_none());
        first.work();
        assert!(!is_told(&first));
        assert!(enter(&room).is_none());
        assert!(is_told(&second) && !is_told(&first));
        drop(second);
        assert!(enter(&room).is_some());
    }

    #[tokio::test]
    async fn while_all_work_a_new_one_waits() {
        let room = Arc::new(Room::new(1));
        let first = enter(&room).expect("a place");
        let entering = tokio::spawn({
            let room = Arc::clone(&room);
            async move { drop(room.enter().await) }
        });
        tokio::task::yield_now().await;
        assert!(!is_told(&first) && !entering.is_finished());
        first.wait();
        first.must_end().await;
        drop(first);
        entering.await.expect("it has entered");
    }
}
