//! Work that takes long enough to be in the way of others: it leaves the executor's threads, few
//! pieces of it are done at once, and one at a time for each owner. So an owner with much of it waits
//! for itself, and others wait for a piece or two.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Turn, Semaphore};

/// Pieces that are done at once: on Lambda a process has part of one core, and 256 MB.
const AT_ONCE: usize = 2;
/// Owners whose turns are remembered, above which those that nobody waits for are forgotten.
const OWNERS: usize = 1_000;

/// Where heavy work is done. Clones share their places.
#[derive(Clone)]
pub struct HeavyWork<O> {
    places: Arc<Semaphore>,
    turns: Arc<Mutex<HashMap<O, Weak<Turn<()>>>>>,
}

impl<O: Clone + Eq + Hash> HeavyWork<O> {
    #[expect(clippy::new_without_default, reason = "nothing about it is a default")]
    pub fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), turns: Arc::default() }
    }

    /// Does a piece of work of this owner. It can't be interrupted, so it has to end by itself. Its
    /// place is taken until then, even if nobody waits for what comes of it any more.
    pub async fn run<T: Send + 'static>(
        &self,
        owner: &O,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let turn = self.turn(owner).lock_owned().await;
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            unreachable!("the places are never closed");
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((turn, place));
            done
        });
        match done.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    fn turn(&self, owner: &O) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(owner).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= OWNERS {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::new(Turn::new(()));
        turns.insert(owner.clone(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    /// Work of an owner that has begun, and ends when the sender is dropped.
    async fn begun(
        heavy: &HeavyWork<&'static str>,
        owner: &'static str,
    ) -> (JoinHandle<()>, mpsc::Sender<()>) {
        let (begun, begins) = oneshot::channel();
        let (go, wait) = mpsc::channel();
        let heavy = heavy.clone();
        let work = move || {
            begun.send(()).unwrap();
            wait.recv().unwrap_err();
        };
        let task = tokio::spawn(async move { heavy.run(&owner, work).await });
        begins.await.unwrap();
        (task, go)
    }

    #[tokio::test]
    async fn an_owner_waits_for_itself_and_nobody_else_does() {
        let heavy = HeavyWork::new();
        let (first, go) = begun(&heavy, "mallory").await;
        let run = |owner: &'static str, number: usize| {
            let heavy = heavy.clone();
            tokio::spawn(async move { heavy.run(&owner, move || number).await })
        };
        let more: Vec<_> = (0..100).map(|number| run("mallory", number)).collect();
        for number in 0..100 {
            assert_eq!(run("acme", number).await.unwrap(), number);
        }
        assert!(!first.is_finished() && !more.iter().any(JoinHandle::is_finished));
        drop(go);
        first.await.unwrap();
        for (number, piece) in more.into_iter().enumerate() {
            assert_eq!(piece.await.unwrap(), number);
        }
    }

    #[tokio::test]
    async fn a_place_is_taken_until_the_work_ends_even_if_nobody_waits_for_it() {
        let heavy = HeavyWork::new();
        let (waiting, go) = begun(&heavy, "mallory").await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert_eq!(heavy.places.available_permits(), AT_ONCE - 1);
        assert!(heavy.turn(&"mallory").try_lock().is_err());
        drop(go);
        assert_eq!(heavy.run(&"mallory", || 7).await, 7);
        assert_eq!(heavy.places.available_permits(), AT_ONCE);
    }

    #[tokio::test]
    async fn a_panic_is_passed_on_and_gives_up_its_place() {
        let heavy = HeavyWork::new();
        for _ in 0..AT_ONCE + 1 {
            let heavy = heavy.clone();
            let panicked =
                tokio::spawn(async move { heavy.run(&(), || panic!("on purpose")).await });
            assert!(panicked.await.unwrap_err().is_panic());
        }
        assert_eq!(heavy.run(&(), || 7).await, 7);
    }

    #[test]
    fn owners_are_forgotten_when_nobody_waits() {
        let heavy = HeavyWork::new();
        let held = heavy.turn(&0);
        for owner in 1..5_000 {
            heavy.turn(&owner);
        }
        assert!(heavy.turns.lock().unwrap().len() <= OWNERS);
        assert!(Arc::ptr_eq(&held, &heavy.turn(&0)));
    }
}
