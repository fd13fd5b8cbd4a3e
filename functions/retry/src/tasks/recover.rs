//! Recover: every failed delivery of the window is attempted once more, oldest first. Those that were
//! not sent because the account's filters took too many steps are matched again, with the endpoint's
//! filter alone.

use std::collections::HashMap;

use posthorn_shared::delivery::{Delivery, Status};
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::endpoint::Interest;
use posthorn_shared::filter::MAX_STEPS;
use posthorn_shared::ids::EventKey;
use posthorn_shared::matching::Matchers;
use posthorn_shared::store::{FailedRange, Store};
use posthorn_shared::task::Task;

use super::{Page, TaskError};

/// Deliveries of a page that are matched again. Their events are read, up to 256 KiB each.
const MAX_MATCHED: usize = 10;

/// The next failed deliveries. One that fails again stays failed and lies before the page's end, so
/// that the task comes to one.
pub(super) async fn page(
    store: &Store,
    task: &Task,
    interest: Interest,
    size: usize,
) -> Result<Page, TaskError> {
    let Task { account, endpoint, since, until, after, .. } = task;
    let range = FailedRange {
        endpoint,
        since: *since,
        until: Some(*until),
        after: after.as_ref(),
        newest_first: false,
    };
    let mut keys = store.failed_deliveries(range, size).await?;
    let subjects = keys.iter().map(|key| (endpoint.clone(), key.clone()));
    let mut deliveries = store.deliveries(subjects).await?;
    let mut more = keys.len() == size;
    let (mut failed, mut undecided) = (Vec::new(), Vec::new());
    for (index, key) in keys.iter().enumerate() {
        let delivery = deliveries.remove(&(endpoint.clone(), key.clone()));
        // The index lags a little behind; and nobody waits for a test.
        let is_failed = |it: &Delivery| it.status == Status::Failed && !it.is_test();
        match delivery.filter(is_failed) {
            None => {}
            Some(delivery) if !delivery.is_undecided() => failed.push(delivery),
            Some(delivery) if undecided.len() < MAX_MATCHED => undecided.push(delivery),
            Some(_) => {
                keys.truncate(index);
                more = true;
                break;
            }
        }
    }
    failed.extend(wanted(store, task, interest, undecided).await?);
    let again = |delivery| DeliveryMessage::again(account.clone(), delivery);
    Ok(Page {
        messages: failed.into_iter().map(again).collect(),
        examined: keys.len(),
        next: if more { keys.pop() } else { None },
    })
}

/// Those whose events the endpoint's filter matches.
async fn wanted(
    store: &Store,
    task: &Task,
    interest: Interest,
    mut deliveries: Vec<Delivery>,
) -> Result<Vec<Delivery>, TaskError> {
    if deliveries.is_empty() {
        return Ok(deliveries);
    }
    let keys = deliveries.iter().map(|delivery| (task.account.clone(), delivery.key.clone()));
    let events = store.events(&keys.collect::<Vec<_>>()).await?;
    let matchers = Matchers::from_iter([interest]);
    let mut matches: HashMap<EventKey, bool> = HashMap::with_capacity(events.len());
    for (key, event) in events {
        let matched = matchers.matched(&event, MAX_STEPS).await;
        matches.insert(key, !matched.wanted.is_empty());
    }
    deliveries.retain(|delivery| matches.get(&delivery.key).is_some_and(|matches| *matches));
    Ok(deliveries)
}
