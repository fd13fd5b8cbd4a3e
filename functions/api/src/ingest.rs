//! The road from an accepted event to the events queue.
//!
//! Requests that arrive while a batch is on its way ride in the next one: alone, a request waits
//! for nobody; under load, ten share one call to SQS.

use std::sync::Arc;

use posthorn_shared::queue::{self, NotSent, Outgoing};
use posthorn_shared::runtime::Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::problem::Refusal;

const BATCH: usize = 10;
/// Batches on their way at once.
const IN_FLIGHT: usize = 4;
/// Events waiting for a batch, above which requests wait to be let in.
const WAITING: usize = 1_000;

struct Waiting {
    message: Outgoing,
    answer: oneshot::Sender<Result<(), NotSent>>,
}

/// Sends to the events queue. Clones share one sender.
#[derive(Clone)]
pub struct Ingest {
    waiting: mpsc::Sender<Waiting>,
    sqs: aws_sdk_sqs::Client,
    queue_url: Arc<str>,
}

impl Ingest {
    /// Starts the sender. Needs a Tokio runtime.
    pub fn start(runtime: &Runtime) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let ingest = Self {
            waiting: sender,
            sqs: runtime.sqs.clone(),
            queue_url: runtime.settings.events_queue_url.as_str().into(),
        };
        tokio::spawn(send_batches(receiver, ingest.sqs.clone(), ingest.queue_url.clone()));
        ingest
    }

    /// Sends one event. When this returns without error, SQS has it.
    ///
    /// # Errors
    /// 503 when SQS did not take it.
    pub async fn send(&self, message: Outgoing) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        let closed = || Refusal::Unavailable("the service is stopping".to_owned());
        self.waiting.send(Waiting { message, answer }).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?.map_err(unavailable)
    }

    /// Sends several events.
    ///
    /// # Errors
    /// 503 when SQS did not take all of them. Those that it took are delivered; events with ids of
    /// their own can be sent again without becoming two.
    pub async fn send_all(&self, messages: Vec<Outgoing>) -> Result<(), Refusal> {
        let results = queue::send_all(&self.sqs, &self.queue_url, messages).await;
        results.into_iter().collect::<Result<(), NotSent>>().map_err(unavailable)
    }
}

fn unavailable(error: NotSent) -> Refusal {
    tracing::error!(%error, "events queue");
    Refusal::Unavailable("the events queue did not take it".to_owned())
}

async fn send_batches(
    mut waiting: mpsc::Receiver<Waiting>,
    sqs: aws_sdk_sqs::Client,
    queue_url: Arc<str>,
) {
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
    loop {
        // First the permit, then the messages: while all batches are under way, requests gather.
        let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await else {
            return;
        };
        let mut batch = Vec::with_capacity(BATCH);
        if waiting.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        let (sqs, queue_url) = (sqs.clone(), queue_url.clone());
        tokio::spawn(async move {
            let (messages, answers): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|waiting| (waiting.message, waiting.answer)).unzip();
            let results = queue::send_all(&sqs, &queue_url, messages).await;
            for (answer, result) in answers.into_iter().zip(results) {
                // A client that has gone away doesn't want to know.
                let _ = answer.send(result);
            }
            drop(permit);
        });
    }
}
