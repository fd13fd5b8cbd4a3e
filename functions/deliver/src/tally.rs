//! Statistics of endpoints, gathered over a batch. They are for looking at: what can't be written is
//! left out, and no message comes back for it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures::future::join_all;
use jiff::Timestamp;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::stats::{Counters, Hour};
use posthorn_shared::store::Store;

/// Writes per batch: a fifth of a write unit per delivery is what the budget has left. A batch for
/// more endpoints leaves the rest to the next batches.
const MAX_WRITES: usize = 2;

/// Counters that wait to be written.
#[derive(Default)]
pub struct Tally(Mutex<HashMap<(EndpointId, Hour), Counters>>);

impl Tally {
    /// Adds a batch's, and writes what has gathered for the endpoints with the most.
    pub async fn count(
        &self,
        store: &Store,
        batch: impl Iterator<Item = (EndpointId, Counters)>,
        now: Timestamp,
    ) {
        let due = self.gather(batch, Hour::of(now));
        let writes =
            due.iter().map(|((endpoint, hour), counters)| store.count(endpoint, *hour, counters));
        for (written, ((endpoint, _), _)) in join_all(writes).await.into_iter().zip(&due) {
            if let Err(error) = written {
                tracing::warn!(%endpoint, %error, "statistics not written");
            }
        }
    }

    fn gather(
        &self,
        batch: impl Iterator<Item = (EndpointId, Counters)>,
        hour: Hour,
    ) -> Vec<((EndpointId, Hour), Counters)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (endpoint, counters) in batch {
            waiting.entry((endpoint, hour)).or_default().add(&counters);
        }
        let mut all: Vec<_> = waiting.drain().collect();
        all.sort_by_key(|(_, counters)| std::cmp::Reverse(counters.attempts));
        let rest = all.split_off(all.len().min(MAX_WRITES));
        waiting.extend(rest);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_writes_two_at_the_most_and_forgets_nothing() {
        let ids: Vec<EndpointId> =
            (0..5).map(|n| EndpointId::new(Timestamp::UNIX_EPOCH, n)).collect();
        let one = Counters { attempts: 1, ..Counters::default() };
        let tally = Tally::default();
        let batch = ids.iter().chain(&ids[..1]).map(|id| (id.clone(), one));
        let first = tally.gather(batch, Hour(1));
        assert_eq!(first.len(), 2);
        assert_eq!((&first[0].0.0, first[0].1.attempts), (&ids[0], 2));
        let mut written = 3;
        while let Some(more) = Some(tally.gather(std::iter::empty(), Hour(1)))
            && !more.is_empty()
        {
            written += more.iter().map(|(_, counters)| counters.attempts).sum::<u64>();
        }
        assert_eq!(written, 6);
    }
}
