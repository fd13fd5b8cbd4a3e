//! Event source mappings: what Lambda's pollers do. They receive from a queue, call a function, and
//! delete what it did not report as failed; the rest comes back after its visibility timeout.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lambda_events::encodings::Base64Data;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage, SqsMessageAttribute};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::aws::sqs::{AttributeValue, ReceivedMessage};
use crate::aws::{LocalAws, REGION};
use crate::template::{EventSource, Function};

/// Receives under way at once: Lambda, too, polls a queue with five at the least. One alone would
/// be as slow as the queue's commits are.
const POLLERS: usize = 5;
/// How long a receive waits for the first message.
const WAIT: Duration = Duration::from_secs(20);
/// How long a poller rests after a receive that failed.
const REST: Duration = Duration::from_secs(1);

/// A function that takes batches.
pub type Handler = Arc<dyn Fn(SqsEvent) -> BoxFuture<'static, SqsBatchResponse> + Send + Sync>;

/// One queue that feeds one function.
#[derive(Clone)]
pub struct Mapping {
    pub aws: LocalAws,
    pub source: EventSource,
    pub function: Function,
    /// Invocations at once, at the most: Lambda's maximum concurrency.
    pub concurrency: usize,
    pub handler: Handler,
}

impl Mapping {
    /// Polls until told to stop, then waits for the invocations under way.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let permits = Arc::new(Semaphore::new(self.concurrency));
        let pollers = (0..POLLERS).map(|_| self.clone().poll(Arc::clone(&permits), stop.clone()));
        pollers.collect::<JoinSet<()>>().join_all().await;
    }

    async fn poll(self, permits: Arc<Semaphore>, mut stop: watch::Receiver<bool>) {
        let mut invocations = JoinSet::new();
        loop {
            // The permit first: a message that is received while nobody can take it would wait
            // out its visibility timeout.
            let permit = tokio::select! {
                permit = Arc::clone(&permits).acquire_owned() => permit,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Ok(permit) = permit else { break };
            let received = tokio::select! {
                received = self.receive() => received,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            while invocations.try_join_next().is_some() {}
            if received.is_empty() {
                continue;
            }
            let mapping = self.clone();
            invocations.spawn(async move {
                mapping.invoke(received).await;
                drop(permit);
            });
        }
        invocations.join_all().await;
    }

    async fn receive(&self) -> Vec<ReceivedMessage> {
        let EventSource { queue, batch_size } = &self.source;
        match self.aws.sqs.receive(queue, *batch_size, None, WAIT).await {
            Ok(received) => received,
            Err(error) => {
                tracing::error!(queue, %error, "receive");
                tokio::time::sleep(REST).await;
                Vec::new()
            }
        }
    }

    async fn invoke(&self, received: Vec<ReceivedMessage>) {
        let receipts: Vec<(String, String)> =
            received.iter().map(|m| (m.message_id.clone(), m.receipt_handle.clone())).collect();
        let event = batch(received, &self.aws.sqs.queue_arn(&self.source.queue));
        let function = &self.function;
        let started = Instant::now();
        let invocation = AssertUnwindSafe((self.handler)(event)).catch_unwind();
        let outcome = tokio::time::timeout(function.timeout, invocation).await;
        self.aws.meter.lambda(&function.name, started.elapsed());
        let failed: Vec<String> = match outcome {
            Ok(Ok(response)) => {
                response.batch_item_failures.into_iter().map(|f| f.item_identifier).collect()
            }
            // An invocation that fails as a whole fails all its messages.
            Ok(Err(_)) => {
                tracing::error!(function = function.name, "the handler panicked");
                return;
            }
            Err(_) => {
                tracing::error!(function = function.name, "timed out");
                return;
            }
        };
        let done: Vec<String> = receipts
            .into_iter()
            .filter(|(id, _)| !failed.contains(id))
            .map(|(_, receipt)| receipt)
            .collect();
        if done.is_empty() {
            return;
        }
        if let Err(error) = self.aws.sqs.delete_batch(&self.source.queue, &done).await {
            tracing::error!(queue = self.source.queue, %error, "delete");
        }
    }
}

/// Messages of the queue with this ARN, in the form that Lambda gives them to a function.
pub fn batch(received: Vec<ReceivedMessage>, arn: &str) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = received.into_iter().map(|message| record(message, arn)).collect();
    event
}

fn record(message: ReceivedMessage, arn: &str) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(message.message_id);
    record.receipt_handle = Some(message.receipt_handle);
    record.body = Some(message.body);
    record.md5_of_body = Some(message.md5_of_body);
    record.md5_of_message_attributes = message.md5_of_message_attributes;
    record.attributes =
        message.attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    record.message_attributes = message
        .message_attributes
        .into_iter()
        .map(|(name, attribute)| {
            let mut event = SqsMessageAttribute::default();
            event.data_type = Some(attribute.data_type);
            match attribute.value {
                AttributeValue::String(text) => event.string_value = Some(text),
                AttributeValue::Binary(bytes) => {
                    let mut data = Base64Data::default();
                    *data = bytes;
                    event.binary_value = Some(data);
                }
            }
            (name, event)
        })
        .collect();
    record.event_source_arn = Some(arn.to_owned());
    record.event_source = Some("aws:sqs".to_owned());
    record.aws_region = Some(REGION.to_owned());
    record
}
