//! Operational events: what becomes of endpoints and deliveries, as events themselves. They go to
//! the account's endpoints that subscribe to `posthorn.*`, by the same road as any other; and to a
//! queue of the platform team's.

use std::time::Duration;

use jiff::Timestamp;
use moka::sync::Cache;
use serde_json::{Value, json};

use crate::account_view::AccountViews;
use crate::delivery::Delivery;
use crate::endpoint::{DisabledReason, Endpoint};
use crate::event::GENERATION_ATTRIBUTE;
use crate::ids::{EndpointId, EventTypeName};
use crate::masked_url::masked;
use crate::queue::{self, Outgoing};
use crate::runtime::Runtime;
use crate::tenant::Tenant;

/// What their types begin with. Producers have no events of such types.
const PREFIX: &str = "posthorn.";
/// Message attribute of the events queue by which dispatch knows them.
pub const ATTRIBUTE: &str = "posthorn-operational";
/// The platform team hears of the same trouble of an endpoint no more often than this.
const AGAIN: Duration = Duration::from_secs(600);

/// Failed attempts of one delivery after which its endpoint is said to be failing.
pub const FAILING_AFTER: u32 = 4;
/// Days after which a secret should be replaced; a reminder comes every so many days from then on.
const ROTATION_DAYS: i64 = 90;
const REMINDER_DAYS: i64 = 30;

/// Whether a type is one of an operational event.
pub fn is_operational(event_type: &EventTypeName) -> bool {
    event_type.as_str().starts_with(PREFIX)
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationalEvent {
    account: Tenant,
    endpoint: EndpointId,
    event_type: &'static str,
    data: Value,
}

impl OperationalEvent {
    /// `posthorn.endpoint.disabled`
    pub fn endpoint_disabled(endpoint: &Endpoint, reason: DisabledReason) -> Self {
        let url = masked(&endpoint.url);
        let data = json!({ "endpoint_id": endpoint.id, "url": url, "reason": reason });
        Self::new(endpoint, "posthorn.endpoint.disabled", data)
    }

    /// `posthorn.endpoint.failing`
    pub fn endpoint_failing(endpoint: &Endpoint, delivery: &Delivery) -> Self {
        Self::new(endpoint, "posthorn.endpoint.failing", about(endpoint, delivery))
    }

    /// `posthorn.delivery.failed`
    pub fn delivery_failed(endpoint: &Endpoint, delivery: &Delivery) -> Self {
        Self::new(endpoint, "posthorn.delivery.failed", about(endpoint, delivery))
    }

    /// `posthorn.secret.rotation_due`, if this is the day to say so.
    pub fn rotation_due(
        account: &Tenant,
        endpoint: &EndpointId,
        secret_created_at: Timestamp,
        now: Timestamp,
    ) -> Option<Self> {
        let days = now.duration_since(secret_created_at).as_hours() / 24;
        let due = days >= ROTATION_DAYS && (days - ROTATION_DAYS) % REMINDER_DAYS == 0;
        due.then(|| Self {
            account: account.clone(),
            endpoint: endpoint.clone(),
            event_type: "posthorn.secret.rotation_due",
            data: json!({
                "endpoint_id": endpoint,
                "secret_created_at": secret_created_at,
                "age_days": days,
            }),
        })
    }

    fn new(endpoint: &Endpoint, event_type: &'static str, data: Value) -> Self {
        let (account, id) = (endpoint.account.clone(), endpoint.id.clone());
        Self { account, endpoint: id, event_type, data }
    }

    fn outgoing(&self, now: Timestamp) -> Outgoing {
        let body = json!({
            "account": self.account.id, "type": self.event_type, "timestamp": now, "data": self.data,
        });
        let attributes = vec![
            (ATTRIBUTE, "1".to_owned()),
            (GENERATION_ATTRIBUTE, self.account.generation().to_string()),
        ];
        Outgoing { body: body.to_string(), attributes, ..Outgoing::default() }
    }
}

fn about(endpoint: &Endpoint, delivery: &Delivery) -> Value {
    let last = delivery.attempts.last();
    json!({
        "endpoint_id": endpoint.id,
        "url": masked(&endpoint.url),
        "event_id": delivery.public_event_id(),
        "event_type": delivery.event_type,
        "attempt_count": delivery.last_attempt(),
        "last_status_code": last.and_then(|attempt| attempt.status_code),
        "last_error": last.and_then(|attempt| attempt.error.as_ref()),
        "next_attempt_at": delivery.next_attempt_at,
    })
}

/// Tells of what happened.
#[derive(Clone)]
pub struct Reporter {
    runtime: Runtime,
    accounts: AccountViews,
    told: Cache<(EndpointId, &'static str), ()>,
}

impl Reporter {
    pub fn new(runtime: Runtime, accounts: AccountViews) -> Self {
        let told = Cache::builder().max_capacity(10_000).time_to_live(AGAIN).build();
        Self { runtime, accounts, told }
    }

    /// Sends what happened to whoever wants to know. Nothing waits for it: what can't be sent is
    /// logged, and left out.
    pub async fn tell(&self, happened: Vec<OperationalEvent>) {
        if happened.is_empty() {
            return;
        }
        let settings = &self.runtime.settings;
        let now = self.runtime.clock.now();
        let (mut events, mut notices) = (Vec::new(), Vec::new());
        for event in happened {
            let told = (event.endpoint.clone(), event.event_type);
            if !settings.operations_queue_url.is_empty() && !self.told.contains_key(&told) {
                notices.push(event.outgoing(now));
                self.told.insert(told, ());
            }
            match self.accounts.of(&event.account).await {
                Ok(Some(view)) if view.listens_to_operations() => events.push(event.outgoing(now)),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, event.event_type, "not told"),
            }
        }
        for (url, messages) in
            [(&settings.events_queue_url, events), (&settings.operations_queue_url, notices)]
        {
            for error in queue::send_all(&self.runtime.sqs, url, messages).await {
                if let Err(error) = error {
                    tracing::warn!(%error, "an operational event is not told");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reminder_comes_after_90_days_and_every_30_from_then_on() {
        let created: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let due = |days: i64| {
            let now = created + jiff::SignedDuration::from_hours(days * 24 + 5);
            let endpoint = EndpointId::new(created, 7);
            let account = Tenant { id: "acme".parse().unwrap(), created_at: created };
            OperationalEvent::rotation_due(&account, &endpoint, created, now).is_some()
        };
        let days: Vec<i64> = (0..200).filter(|days| due(*days)).collect();
        assert_eq!(days, [90, 120, 150, 180]);
    }
}
