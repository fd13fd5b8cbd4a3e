//! Rate limits: which attempts may be made now, and which wait for a slot.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use posthorn_shared::clock::Clock;
use posthorn_shared::delivery::Trigger;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::rate_limit::RateLimit;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::store::Store;
use tokio::sync::Mutex;

use crate::plan::{self, Next, Time};
use crate::target::Target;

/// A message that comes so much later than its slot, in production's time, has missed it: after an
/// outage all the slots that were missed would be used at once.
const MISSED: Duration = Duration::from_secs(300);
/// How long a message waits at the most when no slot could be had, because the table does not
/// answer or too many want one.
const RESTS: Duration = Duration::from_secs(5);

/// A message whose attempt is to be made.
pub struct Ready {
    pub message_id: String,
    pub message: DeliveryMessage,
    pub target: Arc<Target>,
}

/// When it is its turn.
pub enum Turn {
    /// After this pause, below a second.
    Now(Duration),
    Later(Next),
}

/// Gives turns.
pub struct Pace {
    store: Store,
    clock: Clock,
    scale: f64,
    /// Batches of one process take turns at an endpoint's slots: they would only get in each
    /// other's way in the table.
    lines: Cache<EndpointId, Arc<Mutex<()>>>,
}

impl Pace {
    pub fn new(runtime: &Runtime, store: Store) -> Self {
        let lines = Cache::builder().max_capacity(10_000).build();
        let scale = runtime.settings.time_scale;
        Self { store, clock: runtime.clock.clone(), scale, lines }
    }

    /// The turn of a message that needs no slot, or has one.
    pub fn turn(&self, ready: &Ready) -> Option<Turn> {
        let message = &ready.message;
        // Somebody looks on while a test is sent.
        if message.trigger == Trigger::Test || self.limit(ready).is_none() {
            return Some(Turn::Now(Duration::ZERO));
        }
        let slot = message.slot()?;
        let missed = SignedDuration::try_from(MISSED.div_f64(self.scale)).unwrap_or_default();
        let too_late = self.clock.now().duration_since(slot) > missed;
        (!too_late).then(|| self.at(message, slot))
    }

    /// The turns of messages to one endpoint that need slots. Reserves them with one call; the
    /// oldest event goes first.
    pub async fn reserve(&self, mut ready: Vec<Ready>) -> Vec<(Ready, Turn)> {
        ready.sort_by(|a, b| a.message.key.cmp(&b.message.key));
        let Some(first) = ready.first() else {
            return Vec::new();
        };
        let (endpoint, limit) = (first.message.endpoint.clone(), self.limit(first));
        let line = self.lines.get_with_by_ref(&endpoint, Arc::default);
        let reserved = {
            let _mine = line.lock().await;
            self.store.reserve_slots(&endpoint, limit, ready.len(), self.scale).await
        };
        match reserved {
            Ok(slots) => {
                let slots = ready.into_iter().zip(slots);
                slots
                    .map(|(ready, slot)| {
                        let turn = self.at(&ready.message, slot);
                        (ready, turn)
                    })
                    .collect()
            }
            Err(error) => {
                tracing::warn!(%error, %endpoint, "no slots; the messages come again");
                let resting = ready.into_iter();
                resting
                    .map(|ready| {
                        let turn = self.rest(&ready.message, RESTS);
                        (ready, turn)
                    })
                    .collect()
            }
        }
    }

    fn at(&self, message: &DeliveryMessage, slot: Timestamp) -> Turn {
        let now = self.clock.now();
        let ahead = Duration::try_from(slot.duration_since(now)).unwrap_or_default();
        if ahead < Duration::from_secs(1) {
            return Turn::Now(ahead);
        }
        Turn::Later(plan::wait(message, slot, Time { now, scale: self.scale }))
    }

    /// Later, for want of a slot or of a place: after some time up to this.
    pub fn rest(&self, message: &DeliveryMessage, up_to: Duration) -> Turn {
        let rest = up_to.mul_f64(self.clock.random_unit()).div_f64(self.scale);
        let at = self.clock.now().checked_add(rest).unwrap_or(Timestamp::MAX);
        Turn::Later(Next::Queue(message.later(), at))
    }

    /// What the endpoint takes: its limit and its account's, and what it can bear at the moment.
    fn limit(&self, ready: &Ready) -> RateLimit {
        let endpoint = &ready.target.endpoint;
        let per_second = endpoint.health.per_second(self.clock.now(), self.scale);
        let bears = RateLimit { per_second, per_hour: None };
        endpoint.rate_limit(&ready.target.dialect).and(bears)
    }
}
