//! Tasks: recovers and replays of what is missing. A message of the tasks queue makes one page of
//! one task, writes down how far it came, and sends the message of the next page.
//!
//! Killed anywhere, it goes on where it was: what was sent but not written down is sent again, and
//! the deliver function drops what is on record.

mod recover;
mod replay_missing;

use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::{BoxFuture, FutureExt as _};
use posthorn_shared::aws_error::causes;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::endpoint::Interest;
use posthorn_shared::ids::EventKey;
use posthorn_shared::queue;
use posthorn_shared::store::{Change, StoreError};
use posthorn_shared::task::{Task, TaskKind, TaskMessage, TaskStatus};
use posthorn_shared::tenant::Tenant;

use crate::Retry;

/// Deliveries of a page while the deliveries queue keeps up.
const PAGE: usize = 500;
/// Deliveries of a page while it does not: the task goes on, but new events go first.
const SMALL_PAGE: usize = 10;
/// Messages waiting on the deliveries queue above which it does not keep up.
const BUSY: usize = 500;
/// Until the next page, when the queue is busy.
const PAUSE: Duration = Duration::from_secs(1);

/// What a page came to.
struct Page {
    messages: Vec<DeliveryMessage>,
    examined: usize,
    /// Where the next one begins; `None`: this was the last.
    next: Option<EventKey>,
}

/// Why a page has to be made again.
#[derive(Debug, thiserror::Error)]
enum TaskError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Queue(String),
    #[error("its task is not written down yet")]
    Unknown,
}

impl Retry {
    /// Handles messages of the tasks queue, and answers which have to come back.
    /// Boxed, so that it is compiled here once, not again in each program that awaits it.
    pub fn handle_tasks(&self, batch: SqsEvent) -> BoxFuture<'_, SqsBatchResponse> {
        self.make_pages(batch).boxed()
    }

    async fn make_pages(&self, batch: SqsEvent) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for record in batch.records {
            let body = record.body.as_deref().unwrap_or_default();
            let outcome = match serde_json::from_str::<TaskMessage>(body) {
                Ok(message) => {
                    let again = queue::receive_count(&record.attributes) > 1;
                    self.page(&message, again).await.map_err(|error| error.to_string())
                }
                // It comes back until it is moved to the dead-letter queue.
                Err(error) => Err(format!("no task message: {error}")),
            };
            if let Err(reason) = outcome {
                tracing::warn!(message_id = record.message_id, reason, "page not made");
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = record.message_id.unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        self.runtime.invocation_ends().await;
        response
    }

    /// One page's story: is there still something to do, how much may be sent, send it, write
    /// down how far that was, wake up the next page.
    async fn page(&self, message: &TaskMessage, again: bool) -> Result<(), TaskError> {
        let Some(task) = self.store.task(&message.account, &message.task).await? else {
            // Its message is sent first. If it is not there the next time either, it was refused, or
            // the request died; or it has expired.
            return if again { Ok(()) } else { Err(TaskError::Unknown) };
        };
        if !task.is_running() {
            return Ok(());
        }
        let found = self.store.interest(&task.account, &task.endpoint).await?;
        let found = found.filter(|(_, interest)| interest.disabled_reason.is_none());
        let Some((account, interest)) = found else {
            tracing::warn!(task = %task.id, "stopped: the endpoint is switched off or deleted");
            return self.write_down(&task, None, TaskStatus::Stopped).await.map(drop);
        };
        let busy = self.waiting().await? > BUSY;
        let size = if busy { SMALL_PAGE } else { PAGE };
        let page = self.make(&task, &account.tenant(), interest, size).await?;
        self.send_messages(&page.messages).await?;

        let more = page.next.is_some();
        let status = if more { TaskStatus::Running } else { TaskStatus::Completed };
        let written = self.write_down(&task, Some(page), status).await?;
        if more && written {
            let pause = if busy { PAUSE } else { Duration::ZERO };
            self.send_to(&self.runtime.settings.tasks_queue_url, vec![message.outgoing(pause)])
                .await?;
        }
        Ok(())
    }

    async fn make(
        &self,
        task: &Task,
        account: &Tenant,
        interest: Interest,
        size: usize,
    ) -> Result<Page, TaskError> {
        match task.kind {
            TaskKind::Recover => recover::page(&self.store, task, interest, size).await,
            TaskKind::ReplayMissing => {
                let now = self.runtime.clock.now();
                replay_missing::page(&self.store, task, account, interest, size, now).await
            }
        }
    }

    /// Answers whether the task was still as it was read: if not, another message is at it.
    async fn write_down(
        &self,
        before: &Task,
        page: Option<Page>,
        status: TaskStatus,
    ) -> Result<bool, TaskError> {
        let now = self.runtime.clock.now();
        let changed = self
            .store
            .change_task(before, |mut task| {
                if task.after != before.after || !task.is_running() {
                    return Err(());
                }
                if let Some(page) = &page {
                    task.examined += page.examined as u64;
                    task.sent += page.messages.len() as u64;
                    task.after.clone_from(&page.next);
                }
                task.status = status;
                task.updated_at = now;
                Ok(task)
            })
            .await?;
        if let Change::Done(task) = &changed
            && !task.is_running()
        {
            let Task { id, status, examined, sent, .. } = task;
            tracing::info!(task = %id, ?status, examined, sent, "task ended");
        }
        Ok(matches!(changed, Change::Done(_)))
    }

    /// Messages that wait on the deliveries queue.
    async fn waiting(&self) -> Result<usize, TaskError> {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let answer = self
            .runtime
            .sqs
            .get_queue_attributes()
            .queue_url(&self.runtime.settings.deliveries_queue_url)
            .attribute_names(name.clone())
            .send()
            .await
            .map_err(|error| TaskError::Queue(causes(&error)))?;
        let count = answer.attributes.as_ref().and_then(|attributes| attributes.get(&name));
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    async fn send_messages(&self, messages: &[DeliveryMessage]) -> Result<(), TaskError> {
        let outgoing = messages.iter().map(|message| message.outgoing(Duration::ZERO)).collect();
        self.send_to(&self.runtime.settings.deliveries_queue_url, outgoing).await
    }

    async fn send_to(
        &self,
        queue_url: &str,
        messages: Vec<queue::Outgoing>,
    ) -> Result<(), TaskError> {
        let sent = queue::send_all(&self.runtime.sqs, queue_url, messages).await;
        sent.into_iter()
            .collect::<Result<(), _>>()
            .map_err(|error| TaskError::Queue(error.to_string()))
    }
}
