//! The retry function: moves to the deliveries queue what is to be attempted again. Retries whose
//! time has come, called by one schedule per minute and shard, and by the recurring sweep, which
//! looks after what those missed; and the pages of tasks, called by their queue.

mod rotation;
mod sweep;
mod tasks;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::due::{Bucket, DueRetry};
use posthorn_shared::queue::{self, Outgoing};
use posthorn_shared::runtime::Runtime;
use posthorn_shared::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

/// Rows sent before the next ones are made into messages: bounds the memory of a bucket with a
/// million rows.
const CHUNK: usize = 1_000;

/// What EventBridge Scheduler calls the function with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum RetryEvent {
    /// `{"bucket": "20261121T101500Z", "shard": 2}`: this bucket's time has come.
    Bucket { bucket: String, shard: u8 },
    /// `{"sweep": true}`: look for buckets that are overdue.
    Sweep { sweep: bool },
    /// `{"rotation": true}`: look for secrets that should be replaced.
    Rotation { rotation: bool },
}

/// Everything that the function is called with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Call {
    Due(RetryEvent),
    /// Messages of the tasks queue.
    Tasks(SqsEvent),
}

/// What it answers.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    Due(RetryOutcome),
    Tasks(SqsBatchResponse),
}

/// What a call did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RetryOutcome {
    /// Messages sent to the deliveries queue.
    pub sent: usize,
    /// Buckets' shards finished.
    pub buckets: usize,
}

/// Why a call failed: Scheduler tries again, and the sweep after it.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    #[error("bucket {0} is no time like 20261121T101500Z")]
    Bucket(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{missing} of {all} retries could not be sent: {reason}")]
    NotSent { missing: usize, all: usize, reason: String },
}

/// The function's state.
pub struct Retry {
    runtime: Runtime,
    store: Store,
}

impl Retry {
    pub fn new(runtime: Runtime) -> Self {
        Self { store: Store::new(&runtime), runtime }
    }

    /// Handles whatever comes.
    ///
    /// # Errors
    /// As [`Self::handle`].
    pub async fn call(&self, call: Call) -> Result<Answer, RetryError> {
        Ok(match call {
            Call::Due(event) => Answer::Due(self.handle(event).await?),
            Call::Tasks(batch) => Answer::Tasks(self.handle_tasks(batch).await),
        })
    }

    /// Handles what Scheduler calls with. Boxed, so that it is compiled here once, not again in each
    /// program that awaits it.
    ///
    /// # Errors
    /// When something has to be tried again; what was sent already is sent twice then, and dropped
    /// by the deliver function.
    pub fn handle(&self, event: RetryEvent) -> BoxFuture<'_, Result<RetryOutcome, RetryError>> {
        self.wake_due(event).boxed()
    }

    async fn wake_due(&self, event: RetryEvent) -> Result<RetryOutcome, RetryError> {
        let outcome = match event {
            RetryEvent::Bucket { bucket, shard } => self.wake_named(bucket, shard).await,
            RetryEvent::Sweep { .. } => self.sweep().await,
            RetryEvent::Rotation { .. } => self.remind().await,
        };
        self.runtime.invocation_ends().await;
        outcome
    }

    async fn wake_named(&self, bucket: String, shard: u8) -> Result<RetryOutcome, RetryError> {
        let bucket = bucket.parse().map_err(|_| RetryError::Bucket(bucket))?;
        let sent = self.wake(bucket, shard).await?;
        Ok(RetryOutcome { sent, buckets: 1 })
    }

    /// Sends the retries of a bucket's shard, each delayed to its second, then marks it done.
    async fn wake(&self, bucket: Bucket, shard: u8) -> Result<usize, RetryError> {
        let mut rows = self.store.due_rows(bucket, shard).await?;
        let count = rows.len();
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(CHUNK));
            self.send(rows).await?;
            rows = rest;
        }
        self.store.mark_done(bucket, shard).await?;
        tracing::info!(%bucket, shard, retries = count, "woken");
        Ok(count)
    }

    async fn send(&self, rows: Vec<DueRetry>) -> Result<(), RetryError> {
        let all = rows.len();
        let now = self.runtime.clock.now();
        let outgoing = rows.into_iter().map(|row| message(row, now)).collect();
        let url = &self.runtime.settings.deliveries_queue_url;
        let results = queue::send_all(&self.runtime.sqs, url, outgoing).await;
        let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        match errors.first() {
            None => Ok(()),
            Some(first) => {
                Err(RetryError::NotSent { missing: errors.len(), all, reason: first.0.clone() })
            }
        }
    }
}

fn message(row: DueRetry, now: Timestamp) -> Outgoing {
    let due = row.due;
    let delay = due.duration_since(now).try_into().unwrap_or_default();
    DeliveryMessage::from(row).outgoing(delay)
}
