//! Replay of what is missing: events of the window that the endpoint subscribes to and never got,
//! because it was created later, was switched off, or subscribed to less.

use jiff::Timestamp;
use posthorn_shared::delivery::Status;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::endpoint::Interest;
use posthorn_shared::filter::MAX_STEPS;
use posthorn_shared::matching::Matchers;
use posthorn_shared::store::{EventFilter, Store};
use posthorn_shared::task::Task;
use posthorn_shared::tenant::Tenant;

use super::{Page, TaskError};

/// Steps of the filter after which a page ends: a tenth of a second of a core.
const PAGE_STEPS: u64 = 10 * MAX_STEPS;

/// The next events, newest first: the order in which they are listed.
pub(super) async fn page(
    store: &Store,
    task: &Task,
    account: &Tenant,
    interest: Interest,
    size: usize,
    now: Timestamp,
) -> Result<Page, TaskError> {
    let matchers = Matchers::from_iter([interest]);
    if matchers.is_empty() {
        return Ok(Page { messages: Vec::new(), examined: 0, next: None });
    }
    let window = EventFilter { event_type: None, since: Some(task.since), until: Some(task.until) };
    let mut found = store.event_log(account, &window, size, task.after.as_ref(), now).await?;
    let (mut candidates, mut steps, mut examined) = (Vec::new(), 0, 0);
    for event in found.events {
        examined += 1;
        let key = event.key.clone();
        if !event.test {
            let matched = matchers.matched(&event, MAX_STEPS).await;
            steps += matched.steps;
            let undecided = !matched.undecided.is_empty();
            if undecided || !matched.wanted.is_empty() {
                candidates.push((event, undecided));
            }
        }
        if steps >= PAGE_STEPS {
            found.next = Some(key);
            break;
        }
    }
    let endpoint = &task.endpoint;
    let subjects = candidates.iter().map(|(event, _)| (endpoint.clone(), event.key.clone()));
    let mut deliveries = store.deliveries(subjects).await?;
    let missing = candidates.into_iter().filter_map(|(event, undecided)| {
        let mut message = match deliveries.remove(&(endpoint.clone(), event.key.clone())) {
            None => DeliveryMessage::missing(&event, endpoint.clone()),
            Some(delivery) if delivery.status == Status::Cancelled => {
                DeliveryMessage::again(task.account.clone(), delivery)
            }
            Some(_) => return None,
        };
        message.undecided = undecided;
        Some(message)
    });
    Ok(Page { messages: missing.collect(), examined, next: found.next })
}
