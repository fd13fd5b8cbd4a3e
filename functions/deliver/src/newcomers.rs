//! Endpoints at which no delivery has succeeded yet: nobody knows whether their host wants any.
//!
//! They get deliveries as all others do, until one fails. From then on the new endpoints of an account get
//! a few a second, all of them together, so that who registers somebody else's host many times over
//! makes no flood of it. What is over that comes again, the later the longer it has waited. A
//! success is written down with its endpoint, once, and ends this; failures are remembered in the
//! process, as by the gate, so that an endpoint that is well costs nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use moka::sync::Cache;
use posthorn_shared::clock::Clock;
use posthorn_shared::delivery::Trigger;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::due::MAX_QUEUE_DELAY;
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::rate_limit::RateLimit;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::store::Store;
use posthorn_shared::tenant::Tenant;

use crate::pace::{Ready, Turn};
use crate::plan::Next;
use crate::target::{Target, Targets};

/// How long a process remembers that a host refused a delivery to a new endpoint.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How long it remembers that one succeeded: endpoints are read again long before.
const KNOWN: Duration = Duration::from_secs(60);
/// What finds no room rests for about as long as its event has waited, from this to that.
const SHORT_REST: Duration = Duration::from_secs(5);
const LONG_REST: Duration = Duration::from_secs(600);

/// Lets through what new endpoints get.
pub struct Newcomers {
    store: Store,
    targets: Targets,
    clock: Clock,
    scale: f64,
    /// Deliveries per second; `None`: as many as there are.
    per_second: Option<u32>,
    /// Hosts that refused something.
    refused: Cache<(Tenant, String), ()>,
    /// Endpoints, with their hosts, that took something.
    took: Cache<(EndpointId, String), ()>,
}

impl Newcomers {
    pub fn new(runtime: &Runtime, store: Store, targets: Targets) -> Self {
        Self {
            store,
            targets,
            clock: runtime.clock.clone(),
            scale: runtime.settings.time_scale,
            per_second: runtime.settings.unproven_per_second,
            refused: Cache::builder().max_capacity(10_000).time_to_live(REMEMBERED).build(),
            took: Cache::builder().max_capacity(10_000).time_to_live(KNOWN).build(),
        }
    }

    /// Lets through what goes to endpoints that are not limited, and as much of the rest as there is
    /// room for in this second, the oldest events first.
    pub async fn pass(&self, ready: Vec<Ready>) -> (Vec<Ready>, Vec<(Ready, Turn)>) {
        let Some(per_second) = self.per_second else {
            return (ready, Vec::new());
        };
        let mut limited: HashMap<Tenant, Vec<Ready>> = HashMap::new();
        let mut passed = Vec::with_capacity(ready.len());
        for ready in ready {
            if self.is_limited(&ready) {
                limited.entry(ready.target.endpoint.account.clone()).or_default().push(ready);
            } else {
                passed.push(ready);
            }
        }
        let mut postponed = Vec::new();
        for (account, mut waiting) in limited {
            waiting.sort_by(|a, b| a.message.key.cmp(&b.message.key));
            let room = self.room(&account, per_second, waiting.len()).await;
            let rest = waiting.split_off(room.min(waiting.len()));
            passed.extend(waiting);
            postponed.extend(rest.into_iter().map(|ready| {
                let turn = self.later(&ready.message);
                (ready, turn)
            }));
        }
        (passed, postponed)
    }

    fn is_limited(&self, ready: &Ready) -> bool {
        let endpoint = &ready.target.endpoint;
        // Somebody looks on while a test is sent; and of those whose circuit is open, the gate lets but a
        // probe through.
        endpoint.unproven
            && ready.message.trigger != Trigger::Test
            && endpoint.health.open.is_none()
            && self.refused.contains_key(&(endpoint.account.clone(), endpoint.host()))
            && !self.took.contains_key(&(endpoint.id.clone(), endpoint.host()))
    }

    /// How many of an account's deliveries may go now, of so many.
    async fn room(&self, account: &Tenant, per_second: u32, wanted: usize) -> usize {
        let rate = RateLimit { per_second: Some(per_second), per_hour: None };
        let of = format!("new#{account}#{}", account.generation());
        match self.store.take_slots(&of, rate, wanted).await {
            Ok(room) => room,
            Err(error) => {
                tracing::warn!(%error, %account, "no room for new endpoints; the messages come again");
                0
            }
        }
    }

    /// Later, by about as long as the event has waited: where many wait, few ask at a time.
    fn later(&self, message: &DeliveryMessage) -> Turn {
        let now = self.clock.now();
        let waited = Duration::try_from(now.duration_since(message.key.received_at()));
        let waited = waited.unwrap_or_default().mul_f64(self.scale);
        let rest = waited.clamp(SHORT_REST, LONG_REST).mul_f64(0.5 + self.clock.random_unit());
        let rest = rest.min(MAX_QUEUE_DELAY).div_f64(self.scale);
        Turn::Later(Next::Queue(message.later(), now.checked_add(rest).unwrap_or(now)))
    }

    /// What became of a request to an endpoint. Answers whether that is to be written down
    /// ([`Self::prove`]).
    pub fn note(&self, endpoint: &Endpoint, delivered: bool) -> bool {
        if !endpoint.unproven {
            return false;
        }
        if !delivered {
            self.refused.insert((endpoint.account.clone(), endpoint.host()), ());
            return false;
        }
        let key = (endpoint.id.clone(), endpoint.host());
        let new = !self.took.contains_key(&key);
        self.took.insert(key, ());
        new
    }

    /// Writes down where deliveries have succeeded. What can't be written, the next success writes.
    pub async fn prove(&self, targets: Vec<Arc<Target>>) {
        join_all(targets.iter().map(|target| self.prove_one(&target.endpoint))).await;
    }

    async fn prove_one(&self, endpoint: &Endpoint) {
        if !self.targets.prove(endpoint).await {
            self.took.invalidate(&(endpoint.id.clone(), endpoint.host()));
        }
    }
}
