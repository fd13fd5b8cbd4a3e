//! SQS's standard queues on SQLite: durable, fair between message groups, quick.
//!
//! Two roads lead in: the wire protocol ([`Sqs::answer`]) and, for the event source mappings
//! that live in this process, the methods of [`Sqs`]. Both end in the one thread of `worker`.

mod batch;
mod error;
mod index;
mod message;
mod protocol;
mod queue;
mod queue_actions;
mod receipt;
mod receipt_actions;
mod receive_actions;
mod send_actions;
mod store;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::time::Duration;

use anyhow::Context;
use posthorn_shared::clock::Clock;
use tokio::sync::oneshot;

pub use error::SqsError;
pub use message::{AttributeValue, MessageAttribute, ReceivedMessage};
pub(super) use protocol::TARGET;
pub use queue::{QueueSpec, Redrive};

use super::{ACCOUNT, DataDir, Meter};
use queue::{Extras, Queue};
use receipt::Receipt;
use store::Store;
use worker::{Directory, Job, ReceiveJob, Reply, Taken, Worker, now_millis};

/// Seconds: the longest visibility timeout.
const MAX_VISIBILITY: i64 = 43_200;

/// How many messages a queue holds, by their state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    pub visible: usize,
    /// Received, not deleted, visibility timeout not over.
    pub in_flight: usize,
    /// Sent with a delay that is not over.
    pub delayed: usize,
}

/// The queues. Clones share them.
#[derive(Clone)]
pub struct Sqs {
    inner: Arc<Inner>,
}

struct Inner {
    jobs: mpsc::Sender<Job>,
    directory: Directory,
    endpoint: RwLock<String>,
    meter: Meter,
    clock: Clock,
}

impl Sqs {
    /// Opens the queues of the data directory and starts their thread, which ends when the
    /// last clone is dropped.
    ///
    /// # Errors
    /// When the database can't be opened or read.
    pub fn open(data_dir: &DataDir, meter: Meter, clock: Clock) -> anyhow::Result<Self> {
        let directory = Directory::default();
        let store = Store::open(data_dir)?;
        let worker = Worker::new(store, Arc::clone(&directory), clock.clone())
            .context("reading the queues")?;
        let (jobs, inbox) = mpsc::channel();
        std::thread::Builder::new()
            .name("sqs".to_owned())
            .spawn(move || worker.run(&inbox))
            .context("starting the queues' thread")?;
        let endpoint = RwLock::new("http://127.0.0.1:4566".to_owned());
        Ok(Self { inner: Arc::new(Inner { jobs, directory, endpoint, meter, clock }) })
    }

    /// The base of queue URLs without a slash at the end; `http://127.0.0.1:4566` unless set.
    pub fn set_endpoint(&self, endpoint: &str) {
        let mut current = self.inner.endpoint.write().unwrap_or_else(PoisonError::into_inner);
        endpoint.trim_end_matches('/').clone_into(&mut current);
    }

    /// The URL of the queue with this name, whether or not it exists.
    pub fn queue_url(&self, name: &str) -> String {
        let endpoint = self.inner.endpoint.read().unwrap_or_else(PoisonError::into_inner);
        format!("{endpoint}/{ACCOUNT}/{name}")
    }

    /// The ARN of the queue with this name, whether or not it exists.
    pub fn queue_arn(&self, name: &str) -> String {
        queue::arn(name)
    }

    /// Creates a queue, or gives the one with this name these attributes.
    ///
    /// # Errors
    /// An invalid name; a failing database.
    pub async fn create_queue(&self, spec: &QueueSpec) -> Result<(), SqsError> {
        queue::check_name(&spec.name)?;
        let extras = self.queue(&spec.name).map(|queue| queue.extras.clone()).unwrap_or_default();
        self.put_queue(spec.clone(), extras).await
    }

    /// Receives up to `max` (1–10) messages, waiting up to `wait` for the first one; it
    /// returns at once when one becomes visible.
    ///
    /// `visibility` is the queue's own timeout if not given. Messages that this process does
    /// not delete before it ends are visible again when it starts the next time.
    ///
    /// # Errors
    /// An unknown queue; a failing database.
    pub async fn receive(
        &self,
        queue: &str,
        max: usize,
        visibility: Option<Duration>,
        wait: Duration,
    ) -> Result<Vec<ReceivedMessage>, SqsError> {
        let queue = self.queue(queue)?;
        let options = ReceiveOptions { max, visibility, wait, in_process: true };
        self.receive_from(&queue, options).await
    }

    /// Deletes messages by their receipt handles, in requests of ten as AWS allows them.
    ///
    /// # Errors
    /// An unknown queue, or a handle that is none of its; a failing database.
    pub async fn delete_batch(&self, queue: &str, receipts: &[String]) -> Result<(), SqsError> {
        let queue = self.queue(queue)?;
        let receipts: Vec<Receipt> = receipts
            .iter()
            .map(|handle| Receipt::decode(handle, queue.id))
            .collect::<Result<_, _>>()?;
        for _ in receipts.chunks(10) {
            self.inner.meter.sqs("DeleteMessageBatch", 0);
        }
        self.delete(&queue, receipts).await
    }

    /// Makes a message visible after `timeout` from now (0–12 h).
    ///
    /// # Errors
    /// `MessageNotInflight` when the handle holds it no longer; an unknown queue or handle.
    pub async fn change_visibility(
        &self,
        queue: &str,
        receipt: &str,
        timeout: Duration,
    ) -> Result<(), SqsError> {
        let queue = self.queue(queue)?;
        let receipt = Receipt::decode(receipt, queue.id)?;
        self.inner.meter.sqs("ChangeMessageVisibility", 0);
        let changes = vec![(receipt, millis(timeout))];
        self.change(&queue, changes).await?.into_iter().collect()
    }

    /// How many messages the queue holds.
    ///
    /// # Errors
    /// An unknown queue.
    pub async fn depth(&self, queue: &str) -> Result<Depth, SqsError> {
        let queue = self.queue(queue)?.id;
        self.ask(|reply| Job::Depth { queue, reply }).await
    }

    fn queue(&self, name: &str) -> Result<Arc<Queue>, SqsError> {
        let names = self.inner.directory.read().unwrap_or_else(PoisonError::into_inner);
        names.get(name).cloned().ok_or(SqsError::QueueDoesNotExist)
    }

    fn queues(&self) -> BTreeMap<String, Arc<Queue>> {
        self.inner.directory.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn put_queue(&self, spec: QueueSpec, extras: Extras) -> Result<(), SqsError> {
        self.ask(|reply| Job::PutQueue { spec, extras, reply }).await
    }

    async fn receive_from(
        &self,
        queue: &Queue,
        options: ReceiveOptions,
    ) -> Result<Vec<ReceivedMessage>, SqsError> {
        let visibility = millis(options.visibility.unwrap_or(queue.spec.visibility_timeout));
        let taken = self
            .ask(|reply| {
                Job::Receive(ReceiveJob {
                    queue: queue.id,
                    max: options.max.clamp(1, 10),
                    visibility,
                    deadline: now_millis(&self.inner.clock) + millis(options.wait),
                    in_process: options.in_process,
                    reply,
                })
            })
            .await?;
        let messages: Vec<_> = taken.into_iter().map(received).collect::<Result<_, _>>()?;
        match messages.iter().map(ReceivedMessage::size).sum() {
            0 => self.inner.meter.sqs_empty_receive(),
            size => self.inner.meter.sqs("ReceiveMessage", size),
        }
        Ok(messages)
    }

    async fn delete(&self, queue: &Queue, receipts: Vec<Receipt>) -> Result<(), SqsError> {
        let queue = queue.id;
        self.ask(|reply| Job::Delete { queue, receipts, reply }).await
    }

    async fn change(
        &self,
        queue: &Queue,
        changes: Vec<(Receipt, i64)>,
    ) -> Result<Vec<Result<(), SqsError>>, SqsError> {
        let queue = queue.id;
        self.ask(|reply| Job::ChangeVisibility { queue, changes, reply }).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, SqsError> {
        let ended = || SqsError::Internal("the queues' thread has ended".to_owned());
        let (reply, answer) = oneshot::channel();
        self.inner.jobs.send(job(reply)).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

struct ReceiveOptions {
    max: usize,
    visibility: Option<Duration>,
    wait: Duration,
    in_process: bool,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

fn received(taken: Taken) -> Result<ReceivedMessage, SqsError> {
    let Taken { key, receipt, first_at, message } = taken;
    let message_attributes = store::attributes_of(&message)?;
    let mut attributes = BTreeMap::from([
        ("SenderId", ACCOUNT.to_owned()),
        ("SentTimestamp", Store::sent_at(key).to_string()),
        ("ApproximateReceiveCount", receipt.count.to_string()),
        ("ApproximateFirstReceiveTimestamp", first_at.to_string()),
    ]);
    if !message.group.is_empty() {
        attributes.insert("MessageGroupId", message.group);
    }
    if let Some(trace) = message.trace {
        attributes.insert("AWSTraceHeader", trace);
    }
    if let Some(source) = message.source_queue {
        attributes.insert("DeadLetterQueueSourceArn", queue::arn(&source));
    }
    Ok(ReceivedMessage {
        message_id: message.message_id,
        receipt_handle: receipt.encode(),
        md5_of_body: message::md5_of(message.body.as_bytes()),
        body: message.body,
        attributes,
        md5_of_message_attributes: message::md5_of_attributes(&message_attributes),
        message_attributes,
    })
}
