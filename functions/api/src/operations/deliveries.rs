//! Deliveries of an event.

use std::collections::HashSet;

use posthorn_shared::delivery::{Delivery, Status};
use posthorn_shared::endpoint::{Endpoint, Interest};
use posthorn_shared::filter::MAX_STEPS;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::matching::Matchers;
use posthorn_shared::stored_event::StoredEvent;
use posthorn_shared::tenant::Tenant;

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
    let view = state.accounts.of(account).await?.ok_or(Refusal::Unknown("account"))?;
    let interests = view.endpoints.iter().map(|matcher| &matcher.interest);
    let mut endpoints: Vec<_> = interests.map(|interest| interest.id.clone()).collect();
    endpoints.retain(|id| after.is_none_or(|after| id < after));
    endpoints.sort_by(|a, b| b.cmp(a));
    let on_the_way = on_the_way(event, &view.endpoints).await;
    for endpoints in endpoints.chunks(AT_ONCE) {
        let subject = |id: &EndpointId| (id.clone(), event.key.clone());
        let mut on_record = state.store.deliveries(endpoints.iter().map(subject)).await?;
        for id in endpoints {
            let recorded = on_record.remove(&subject(id));
            let is_on_the_way = || on_the_way.contains(id).then(|| pending(event, id.clone()));
            if let Some(delivery) = recorded.or_else(is_on_the_way)
                && !takes(delivery)
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The endpoints that an event goes to, whether or not it has been there.
async fn on_the_way(event: &StoredEvent, matchers: &Matchers) -> HashSet<EndpointId> {
    // A test goes to one endpoint alone: who that was is not known until it has been there.
    if event.test {
        return HashSet::new();
    }
    let matched = matchers.matched(event, MAX_STEPS).await;
    // What is undecided is on its way to be on record as such.
    let all = matched.wanted.iter().chain(&matched.undecided).map(|it| &it.interest);
    let in_time = all.filter(|interest| interest.created_at <= event.key.received_at());
    in_time.map(|interest| interest.id.clone()).collect()
}

/// The event's deliveries to these endpoints.
pub async fn to_endpoints(
    state: &ApiState,
    event: &StoredEvent,
    endpoints: Vec<Endpoint>,
) -> Result<Vec<Delivery>, Refusal> {
    let subject = |id: &EndpointId| (id.clone(), event.key.clone());
    let wanted = endpoints.iter().map(|endpoint| subject(&endpoint.id));
    let mut on_record = state.store.deliveries(wanted).await?;
    let all: Vec<EndpointId> = endpoints.iter().map(|endpoint| endpoint.id.clone()).collect();
    let is_recorded = |id: &EndpointId| on_record.contains_key(&subject(id));
    let not_on_record = endpoints.into_iter().filter(|endpoint| !is_recorded(&endpoint.id));
    let matchers: Matchers = not_on_record.map(Interest::from).collect();
    let on_the_way = on_the_way(event, &matchers).await;
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
