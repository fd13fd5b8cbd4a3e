//! Rate limits: which attempts may be made now, and which wait for a slot.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use posthorn_shared::clock::Clock;
use posthorn_shared::delivery::Trigger;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::rate_limit::RateLimit;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::store::Store;

use crate::plan::{self, Next, Time};
use crate::target::Target;

/// A message that comes so much later than its slot, in production's time, has missed it: after an
/// outage all the slots that were missed would be used at once.
const MISSED: Duration = Duration::from_secs(300);
/// How long a message waits at the most when no slot could be had, because the table does not
/// answer or too many want one.
const MAX_REST: Duration = Duration::from_secs(5);

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
}

impl Pace {
    pub fn new(runtime: &Runtime, store: Store) -> Self {
        Self { store, clock: runtime.clock.clone(), scale: runtime.settings.time_scale }
    }

    /// The turns of a batch's messages. Reserves slots with one call for each endpoint whose rate is
    /// limited; the oldest event goes first.
    pub async fn turns(&self, ready: &[Ready]) -> Vec<Turn> {
        let mut turns: Vec<Option<Turn>> = ready.iter().map(|ready| self.turn(ready)).collect();
        let mut waiting: HashMap<&EndpointId, Vec<usize>> = HashMap::new();
        for (index, _) in turns.iter().enumerate().filter(|(_, turn)| turn.is_none()) {
            waiting.entry(&ready[index].message.endpoint).or_default().push(index);
        }
        let reserved = waiting.into_iter().map(|(endpoint, mut members)| async move {
            members.sort_by(|a, b| ready[*a].message.key.cmp(&ready[*b].message.key));
            let limit = limit(&ready[members[0]]);
            let slots = self.store.reserve_slots(endpoint, limit, members.len(), self.scale).await;
            (members, slots)
        });
        for (members, slots) in join_all(reserved).await {
            match slots {
                Ok(slots) => {
                    for (index, slot) in members.into_iter().zip(slots) {
                        turns[index] = Some(self.at(&ready[index].message, slot));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "no slots; the messages come again");
                    for index in members {
                        turns[index] = Some(self.rest(&ready[index].message));
                    }
                }
            }
        }
        turns.into_iter().map(|turn| turn.unwrap_or(Turn::Now(Duration::ZERO))).collect()
    }

    /// The turn of a message that needs no slot, or has one.
    fn turn(&self, ready: &Ready) -> Option<Turn> {
        let message = &ready.message;
        // Somebody looks on while a test is sent.
        if message.trigger == Trigger::Test || limit(ready).is_none() {
            return Some(Turn::Now(Duration::ZERO));
        }
        let slot = message.slot()?;
        let missed = SignedDuration::try_from(MISSED.div_f64(self.scale)).unwrap_or_default();
        let too_late = self.clock.now().duration_since(slot) > missed;
        (!too_late).then(|| self.at(message, slot))
    }

    fn at(&self, message: &DeliveryMessage, slot: Timestamp) -> Turn {
        let now = self.clock.now();
        let ahead = Duration::try_from(slot.duration_since(now)).unwrap_or_default();
        if ahead < Duration::from_secs(1) {
            return Turn::Now(ahead);
        }
        Turn::Later(plan::wait(message, slot, Time { now, scale: self.scale }))
    }

    fn rest(&self, message: &DeliveryMessage) -> Turn {
        let rest = MAX_REST.mul_f64(self.clock.random_unit()).div_f64(self.scale);
        let at = self.clock.now().checked_add(rest).unwrap_or(Timestamp::MAX);
        Turn::Later(Next::Queue(message.postponed(), at))
    }
}

fn limit(ready: &Ready) -> RateLimit {
    ready.target.endpoint.rate_limit(&ready.target.dialect)
}
