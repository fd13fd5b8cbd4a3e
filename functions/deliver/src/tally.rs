//! Statistics of endpoints, gathered over batches. They are for looking at: what can't be written is
//! left out, and no message comes back for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::stats::{Counters, Hour};
use posthorn_shared::store::{Store, StoreError};

use crate::failing::Failing;
use crate::target::Target;

/// Writes per batch, taken over many: a fifth of a write unit per delivery is what the budget has
/// left.
const WRITES_PER_BATCH: usize = 2;
/// How long counters gather while batch follows batch.
const GATHERING: Duration = Duration::from_secs(1);
const CONCURRENCY: usize = 8;

/// An endpoint's hour: whoever it is, and what it counts.
type Entry<T> = ((EndpointId, Hour), (T, Counters));

/// Counters that wait to be written. Clones share them.
#[derive(Clone)]
pub struct Tally {
    store: Store,
    failing: Failing,
    waiting: Arc<Mutex<Waiting<Arc<Target>>>>,
}

struct Waiting<T> {
    counters: HashMap<(EndpointId, Hour), (T, Counters)>,
    /// Writes that the batches so far have not used.
    allowance: usize,
    batches: u64,
    /// Whether somebody will come and look.
    awaited: bool,
}

impl Tally {
    pub fn new(store: Store, failing: Failing) -> Self {
        Self { store, failing, waiting: Arc::new(Mutex::new(Waiting::new())) }
    }

    /// Adds a batch's. While batches are full they gather; one that is not was the last for now,
    /// and a function may sleep for long after it, so that one writes.
    pub async fn count(
        &self,
        batch: impl Iterator<Item = (Arc<Target>, Counters)>,
        full: bool,
        now: Timestamp,
    ) {
        let batch = batch.map(|(target, counters)| (target.endpoint.id.clone(), target, counters));
        let (due, nobody_comes) = {
            let mut waiting = self.lock();
            waiting.add(batch, Hour::of(now));
            let due = if full { Vec::new() } else { waiting.take(WRITES_PER_BATCH) };
            let nobody_comes = !waiting.counters.is_empty() && !waiting.awaited;
            waiting.awaited |= nobody_comes;
            (due, nobody_comes)
        };
        if nobody_comes {
            tokio::spawn(self.clone().look_after(now));
        }
        self.write(due, now).await;
    }

    /// Writes what has gathered, as far as the batches allow; all of it once they have stopped.
    async fn look_after(self, mut now: Timestamp) {
        loop {
            let seen = self.lock().batches;
            tokio::time::sleep(GATHERING).await;
            now = now.saturating_add(GATHERING).unwrap_or(now);
            let (due, done) = {
                let mut waiting = self.lock();
                let quiet = waiting.batches == seen;
                let most = if quiet { usize::MAX } else { waiting.allowance };
                let due = waiting.take(most);
                waiting.awaited = !waiting.counters.is_empty();
                (due, !waiting.awaited)
            };
            self.write(due, now).await;
            if done {
                return;
            }
        }
    }

    async fn write(&self, due: Vec<Entry<Arc<Target>>>, now: Timestamp) {
        futures::stream::iter(due)
            .for_each_concurrent(CONCURRENCY, async |entry| {
                let endpoint = entry.0.0.clone();
                if let Err(error) = self.write_one(entry, now).await {
                    tracing::warn!(%endpoint, %error, "statistics not written");
                }
            })
            .await;
    }

    async fn write_one(&self, entry: Entry<Arc<Target>>, now: Timestamp) -> Result<(), StoreError> {
        let ((endpoint, hour), (target, counters)) = entry;
        let first_failure = self.store.count(&endpoint, hour, &counters).await?;
        if counters.failed_attempts == 0 {
            return Ok(());
        }
        let noted = match first_failure {
            true => self.failing.note(&target, hour).await,
            false => Ok(()),
        };
        // Whether it could be noted or not.
        self.failing.judge(&target, now).await.and(noted)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<Arc<Target>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Waiting<T> {
    fn new() -> Self {
        Self { counters: HashMap::new(), allowance: 0, batches: 0, awaited: false }
    }

    fn add(&mut self, batch: impl Iterator<Item = (EndpointId, T, Counters)>, hour: Hour) {
        for (endpoint, who, counters) in batch {
            let (latest, sum) = self
                .counters
                .entry((endpoint, hour))
                .or_insert_with(|| (who.clone(), Counters::default()));
            // As it was read last.
            *latest = who;
            sum.add(&counters);
        }
        self.batches += 1;
        self.allowance += WRITES_PER_BATCH;
    }

    /// Takes so many, those with the most attempts first.
    fn take(&mut self, most: usize) -> Vec<Entry<T>> {
        let mut all: Vec<Entry<T>> = self.counters.drain().collect();
        all.sort_by_key(|(_, (_, counters))| std::cmp::Reverse(counters.attempts));
        self.counters.extend(all.split_off(all.len().min(most)));
        self.allowance = self.allowance.saturating_sub(all.len());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_go_first_and_nothing_is_forgotten() {
        let ids: Vec<EndpointId> =
            (0..5).map(|n| EndpointId::new(Timestamp::UNIX_EPOCH, n)).collect();
        let one = Counters { attempts: 1, ..Counters::default() };
        let mut waiting = Waiting::new();
        waiting.add(ids.iter().chain(&ids[..1]).map(|id| (id.clone(), (), one)), Hour(1));
        assert_eq!(waiting.allowance, WRITES_PER_BATCH);
        let first = waiting.take(waiting.allowance);
        assert_eq!((first.len(), waiting.allowance), (2, 0));
        assert_eq!((&first[0].0.0, first[0].1.1.attempts), (&ids[0], 2));
        assert!(waiting.take(waiting.allowance).is_empty());
        let rest: u64 = waiting.take(usize::MAX).iter().map(|(_, (_, c))| c.attempts).sum();
        assert_eq!(rest, 3);
        assert!(waiting.counters.is_empty());
    }
}
