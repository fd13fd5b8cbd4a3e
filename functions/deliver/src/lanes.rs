//! How many attempts of one process may be under way to one endpoint.
//!
//! As in TCP's slow start: few at first, one more with every quick answer, half as many after a slow
//! one or none. An endpoint that never answers holds a few places and no more, whatever is queued for
//! it; one that answers quickly is not held back. A Lambda function's process has ten attempts under
//! way at the most, so this is for the one-machine stack, where all batches share a process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use posthorn_shared::ids::EndpointId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Attempts at the start, and at the least: no fewer than a batch may hold, so that a Lambda
/// function is never held back.
const FIRST: usize = 16;
/// At this many nobody counts any more.
const MOST: usize = 1_024;
/// An answer within this time is a quick one.
const QUICK: Duration = Duration::from_secs(1);
/// How long an attempt waits for a place, before its message goes back to the queue; where nobody
/// has answered quickly of late, not at all.
const PATIENCE: Duration = Duration::from_millis(500);

/// What finds no place rests: where answers are quick for a moment, where they are slow for about as
/// long as a slow one takes.
const SHORT_REST: Duration = Duration::from_secs(5);
const LONG_REST: Duration = Duration::from_secs(60);

/// The lanes of all endpoints.
pub struct Lanes(Cache<EndpointId, Arc<Lane>>);

struct Lane {
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    count: usize,
    /// When somebody last answered quickly, or the first attempt began.
    quick_at: Instant,
}

/// A place in a lane, held while an attempt is under way.
pub struct Place {
    lane: Arc<Lane>,
    _permit: OwnedSemaphorePermit,
}

impl Lanes {
    pub fn new() -> Self {
        Self(Cache::builder().max_capacity(10_000).build())
    }

    /// A place, if there is one soon; or for how long to rest, at the most, before asking again.
    pub async fn place(&self, endpoint: &EndpointId) -> Result<Place, Duration> {
        let lane = self.0.get_with_by_ref(endpoint, || Arc::new(Lane::new()));
        let places = Arc::clone(&lane.places);
        let permit = match Arc::clone(&places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) if lane.lock().quick_at.elapsed() > QUICK => return Err(LONG_REST),
            Err(_) => match tokio::time::timeout(PATIENCE, places.acquire_owned()).await {
                Ok(Ok(permit)) => permit,
                _ => return Err(SHORT_REST),
            },
        };
        Ok(Place { lane, _permit: permit })
    }
}

impl Place {
    /// The attempt has ended.
    pub fn leave(self, took: Duration, answered: bool) {
        let mut state = self.lane.lock();
        if answered && took < QUICK {
            state.quick_at = Instant::now();
            if state.count < MOST {
                state.count += 1;
                self.lane.places.add_permits(1);
            }
        } else if state.count > FIRST {
            let less = (state.count / 2).max(FIRST);
            // Places that are taken are given up when they come free.
            state.count -= self.lane.places.forget_permits(state.count - less);
        }
    }
}

impl Lane {
    fn new() -> Self {
        let state = State { count: FIRST, quick_at: Instant::now() };
        Self { places: Arc::new(Semaphore::new(FIRST)), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[tokio::test]
    async fn quick_answers_widen_a_lane_and_slow_ones_narrow_it() {
        let lanes = Lanes::new();
        let endpoint = EndpointId::new(Timestamp::UNIX_EPOCH, 7);
        let mut places = Vec::new();
        for _ in 0..FIRST {
            places.push(lanes.place(&endpoint).await.expect("a place"));
        }
        assert!(lanes.place(&endpoint).await.is_err(), "it is full");
        let other = EndpointId::new(Timestamp::UNIX_EPOCH, 8);
        assert!(lanes.place(&other).await.is_ok(), "and is nobody else's");
        places.drain(..).for_each(|place| place.leave(Duration::from_millis(5), true));
        for _ in 0..2 * FIRST {
            places.push(lanes.place(&endpoint).await.expect("a place"));
        }
        assert!(lanes.place(&endpoint).await.is_err());
        // Nobody answers: it goes back to where it began, and not below.
        for place in places.drain(..) {
            place.leave(Duration::from_secs(30), false);
        }
        for _ in 0..FIRST {
            places.push(lanes.place(&endpoint).await.expect("a place"));
        }
        assert!(lanes.place(&endpoint).await.is_err());
    }
}
