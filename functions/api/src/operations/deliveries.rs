//! Deliveries of an event.

use posthorn_shared::delivery::{Delivery, Status};
use posthorn_shared::endpoint::{Endpoint, Interest, Matcher};
use posthorn_shared::stored_event::StoredEvent;
use posthorn_shared::tenant::Tenant;
use serde_json::Value;

use crate::operations::endpoints;
use crate::problem::Refusal;
use crate::state::ApiState;

/// The event's deliveries to the account's endpoints: those on record, and those that are on their
/// way to their first attempt.
pub async fn of_event(
    state: &ApiState,
    account: &Tenant,
    event: &StoredEvent,
) -> Result<Vec<Delivery>, Refusal> {
    let all = endpoints::all(state, account).await?;
    to_endpoints(state, event, all).await
}

/// The event's deliveries to these endpoints.
pub async fn to_endpoints(
    state: &ApiState,
    event: &StoredEvent,
    endpoints: Vec<Endpoint>,
) -> Result<Vec<Delivery>, Refusal> {
    let wanted = endpoints.iter().map(|endpoint| (endpoint.id.clone(), event.key.clone()));
    let mut on_record = state.store.deliveries(wanted).await?;
    let content: Value = serde_json::from_str(&event.to_json()).unwrap_or_default();
    let deliveries = endpoints.into_iter().filter_map(|endpoint| {
        let subject = (endpoint.id.clone(), event.key.clone());
        on_record.remove(&subject).or_else(|| pending(event, endpoint, &content))
    });
    Ok(deliveries.collect())
}

/// A delivery whose first attempt is still to come: nothing is written of it yet, but it follows
/// from the event and the subscription.
fn pending(event: &StoredEvent, endpoint: Endpoint, content: &Value) -> Option<Delivery> {
    // A test goes to one endpoint alone: who that was is not known until it has been there.
    let interest = Interest::from(endpoint);
    if event.test || interest.created_at > event.key.received_at() {
        return None;
    }
    let matcher = Matcher::new(interest)?;
    if !matcher.wants(&event.event_type, || content) {
        return None;
    }
    Some(Delivery {
        endpoint: matcher.interest.id,
        key: event.key.clone(),
        event_id: event.id.clone(),
        event_type: event.event_type.clone(),
        status: Status::Pending,
        next_attempt_at: None,
        attempts: Vec::new(),
    })
}
