//! What a receipt handle is good for: `DeleteMessage`, `ChangeMessageVisibility`, their batches.

use serde::{Deserialize, Serialize};

use super::batch::{Batch, BatchAnswer, check_batch, failed};
use super::error::SqsError;
use super::protocol::{in_range, parse, render};
use super::queue::Queue;
use super::receipt::Receipt;
use super::{MAX_VISIBILITY, Sqs};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SuccessfulEntry {
    id: String,
}

/// `DeleteMessage`, `ChangeMessageVisibility`, and the entries of their batches.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OneReceipt {
    queue_url: Option<String>,
    id: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

impl Sqs {
    pub(super) async fn delete_message(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: OneReceipt = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?;
        let receipt = request.receipt(&queue)?;
        self.inner.meter.sqs("DeleteMessage", 0);
        self.delete(&queue, vec![receipt]).await?;
        Ok(b"{}".to_vec())
    }

    pub(super) async fn delete_message_batch(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: Batch<OneReceipt> = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?;
        check_batch("DeleteMessageBatchRequestEntry", request.entries.iter().map(|e| &e.id))?;
        let mut receipts = Vec::with_capacity(request.entries.len());
        let mut answer = BatchAnswer { successful: Vec::new(), failed: Vec::new() };
        for mut entry in request.entries {
            let id = entry.id.take().unwrap_or_default();
            match entry.receipt(&queue) {
                Ok(receipt) => {
                    receipts.push(receipt);
                    answer.successful.push(SuccessfulEntry { id });
                }
                Err(error) => answer.failed.push(failed(id, &error)),
            }
        }
        self.inner.meter.sqs("DeleteMessageBatch", 0);
        self.delete(&queue, receipts).await?;
        render(&answer)
    }

    pub(super) async fn change_message_visibility(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: OneReceipt = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?;
        let change = request.change(&queue)?;
        self.inner.meter.sqs("ChangeMessageVisibility", 0);
        self.change(&queue, vec![change]).await?.into_iter().collect::<Result<(), _>>()?;
        Ok(b"{}".to_vec())
    }

    pub(super) async fn change_message_visibility_batch(
        &self,
        body: &[u8],
    ) -> Result<Vec<u8>, SqsError> {
        let request: Batch<OneReceipt> = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?;
        let ids = request.entries.iter().map(|entry| &entry.id);
        check_batch("ChangeMessageVisibilityBatchRequestEntry", ids)?;
        let (mut ids, mut changes) = (Vec::new(), Vec::new());
        let mut answer = BatchAnswer { successful: Vec::new(), failed: Vec::new() };
        for mut entry in request.entries {
            let id = entry.id.take().unwrap_or_default();
            match entry.change(&queue) {
                Ok(change) => {
                    ids.push(id);
                    changes.push(change);
                }
                Err(error) => answer.failed.push(failed(id, &error)),
            }
        }
        self.inner.meter.sqs("ChangeMessageVisibilityBatch", 0);
        for (id, result) in ids.into_iter().zip(self.change(&queue, changes).await?) {
            match result {
                Ok(()) => answer.successful.push(SuccessfulEntry { id }),
                Err(error) => answer.failed.push(failed(id, &error)),
            }
        }
        render(&answer)
    }
}

impl OneReceipt {
    fn receipt(&self, queue: &Queue) -> Result<Receipt, SqsError> {
        let handle = self.receipt_handle.as_deref();
        let handle =
            handle.ok_or_else(|| SqsError::MissingParameter("ReceiptHandle".to_owned()))?;
        Receipt::decode(handle, queue.id)
    }

    /// The receipt and milliseconds from now.
    fn change(&self, queue: &Queue) -> Result<(Receipt, i64), SqsError> {
        let timeout = self.visibility_timeout;
        let timeout =
            timeout.ok_or_else(|| SqsError::MissingParameter("VisibilityTimeout".to_owned()))?;
        in_range("VisibilityTimeout", timeout, 0, MAX_VISIBILITY)?;
        Ok((self.receipt(queue)?, timeout * 1_000))
    }
}
