//! Replay of what is missing: events of the window that the endpoint subscribes to and never got,
//! because it was created later, was switched off, or subscribed to less.

use jiff::Timestamp;
use posthorn_shared::delivery::Status;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::endpoint::{Interest, Matcher};
use posthorn_shared::store::{EventFilter, Store};
use posthorn_shared::stored_event::StoredEvent;
use posthorn_shared::task::Task;
use posthorn_shared::tenant::Tenant;
use serde_json::Value;

use super::{Page, TaskError};

/// The next events, newest first: the order in which they are listed.
pub(super) async fn page(
    store: &Store,
    task: &Task,
    account: &Tenant,
    interest: Interest,
    size: usize,
    now: Timestamp,
) -> Result<Page, TaskError> {
    let Some(matcher) = Matcher::new(interest) else {
        return Ok(Page { messages: Vec::new(), examined: 0, next: None });
    };
    let window = EventFilter { event_type: None, since: Some(task.since), until: Some(task.until) };
    let found = store.event_log(account, &window, size, task.after.as_ref(), now).await?;
    let examined = found.events.len();
    let wanted: Vec<StoredEvent> =
        found.events.into_iter().filter(|event| wants(&matcher, event)).collect();
    let endpoint = &task.endpoint;
    let subjects = wanted.iter().map(|event| (endpoint.clone(), event.key.clone()));
    let mut deliveries = store.deliveries(subjects).await?;
    let missing = wanted.into_iter().filter_map(|event| {
        match deliveries.remove(&(endpoint.clone(), event.key.clone())) {
            None => Some(DeliveryMessage::missing(&event, endpoint.clone())),
            Some(delivery) if delivery.status == Status::Cancelled => {
                Some(DeliveryMessage::again(task.account.clone(), delivery))
            }
            Some(_) => None,
        }
    });
    Ok(Page { messages: missing.collect(), examined, next: found.next })
}

fn wants(matcher: &Matcher, event: &StoredEvent) -> bool {
    let content: Value = serde_json::from_str(&event.to_json()).unwrap_or_default();
    !event.test && matcher.wants(&event.event_type, || &content)
}
