//! Deliveries of an event.

use std::collections::HashSet;

use posthorn_shared::delivery::{Delivery, Status};
use posthorn_shared::endpoint::{Endpoint, Interest};
use posthorn_shared::filter::MAX_STEPS;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::matching::Matchers;
use posthorn_shared::stored_event::StoredEvent;
use posthorn_shared::tenant::Tenant;

use crate::operations::endpoints;
use crate::problem::Refusal;
use crate::state::ApiState;

/// Endpoints whose deliveries are read at once. One has at most 400 KB.
const AT_ONCE: usize = 50;

/// Shows the event's deliveries to the account's endpoints, those on record and those that are on
/// their way to their first attempt; newest endpoints first, from `after` on, for as long as they are
/// taken. Answers whether all were.
pub async fn of_event(
    state: &ApiState,
    account: &Tenant,
    event: &StoredEvent,
    after: Option<&EndpointId>,
    mut takes: impl FnMut(Delivery) -> bool,
) -> Result<bool, Refusal> {
    let mut endpoints = endpoints::all(state, account).await?;
    endpoints.retain(|endpoint| after.is_none_or(|after| endpoint.id < *after));
    let mut steps = MAX_STEPS;
    while !endpoints.is_empty() {
        let rest = endpoints.split_off(endpoints.len().min(AT_ONCE));
        for delivery in to_some(state, event, endpoints, &mut steps).await? {
            if !takes(delivery) {
                return Ok(false);
            }
        }
        endpoints = rest;
    }
    Ok(true)
}

/// The event's deliveries to these endpoints.
pub async fn to_endpoints(
    state: &ApiState,
    event: &StoredEvent,
    endpoints: Vec<Endpoint>,
) -> Result<Vec<Delivery>, Refusal> {
    to_some(state, event, endpoints, &mut MAX_STEPS.clone()).await
}

/// The same; their filters may take so many steps, which are counted down.
async fn to_some(
    state: &ApiState,
    event: &StoredEvent,
    endpoints: Vec<Endpoint>,
    steps: &mut u64,
) -> Result<Vec<Delivery>, Refusal> {
    let subject = |id: &EndpointId| (id.clone(), event.key.clone());
    let wanted = endpoints.iter().map(|endpoint| subject(&endpoint.id));
    let mut on_record = state.store.deliveries(wanted).await?;
    let all: Vec<EndpointId> = endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
    let not_on_record = endpoints.into_iter().filter(|endpoint| {
        // A test goes to one endpoint alone: who that was is not known until it has been there.
        let too_late = endpoint.created_at > event.key.received_at();
        !event.test && !too_late && !on_record.contains_key(&subject(&endpoint.id))
    });
    let matchers: Matchers = not_on_record.map(Interest::from).collect();
    let matched = matchers.matched(event, *steps).await;
    *steps = steps.saturating_sub(matched.steps);
    // What is undecided is on its way to be on record as such.
    let on_the_way = matched.wanted.iter().chain(&matched.undecided);
    let on_the_way: HashSet<&EndpointId> = on_the_way.map(|it| &it.interest.id).collect();
    let deliveries = all.into_iter().filter_map(|endpoint| {
        let recorded = on_record.remove(&subject(&endpoint));
        recorded.or_else(|| on_the_way.contains(&endpoint).then(|| pending(event, endpoint)))
    });
    Ok(deliveries.collect())
}

/// A delivery whose first attempt is still to come: nothing is written of it yet, but it follows
/// from the event and the subscription.
fn pending(event: &StoredEvent, endpoint: EndpointId) -> Delivery {
    Delivery {
        endpoint,
        key: event.key.clone(),
        event_id: event.id.clone(),
        event_type: event.event_type.clone(),
        status: Status::Pending,
        next_attempt_at: None,
        attempts: Vec::new(),
    }
}
