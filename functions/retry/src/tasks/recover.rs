//! Recover: every failed delivery of the window is attempted once more, oldest first.

use posthorn_shared::delivery::Status;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::store::{FailedRange, Store};
use posthorn_shared::task::Task;

use super::{Page, TaskError};

/// The next failed deliveries. One that fails again stays failed and lies before the page's end, so
/// that the task comes to one.
pub(super) async fn page(store: &Store, task: &Task, size: usize) -> Result<Page, TaskError> {
    let Task { account, endpoint, since, until, after, .. } = task;
    let range = FailedRange {
        endpoint,
        since: *since,
        until: Some(*until),
        after: after.as_ref(),
        newest_first: false,
    };
    let keys = store.failed_deliveries(range, size).await?;
    let subjects = keys.iter().map(|key| (endpoint.clone(), key.clone()));
    let mut deliveries = store.deliveries(subjects).await?;
    let failed = keys.iter().filter_map(|key| {
        let delivery = deliveries.remove(&(endpoint.clone(), key.clone()))?;
        // The index lags a little behind; and nobody waits for a test.
        (delivery.status == Status::Failed && !delivery.is_test())
            .then(|| DeliveryMessage::again(account.clone(), delivery))
    });
    Ok(Page {
        messages: failed.collect(),
        examined: keys.len(),
        next: if keys.len() == size { keys.last().cloned() } else { None },
    })
}
