//! SQS's wire protocol, AWS JSON 1.0: `X-Amz-Target: AmazonSQS.<action>`.
//!
//! SDKs and CLIs have spoken it since 2023; the older query protocol (forms and XML) is not
//! served.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::SqsError;
use super::{Sqs, queue::Queue};
use crate::aws::http::Answer;

/// The prefix of the header `X-Amz-Target`.
pub const TARGET: &str = "AmazonSQS.";

const ACTIONS: [&str; 14] = [
    "SendMessage",
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CreateQueue",
    "DeleteQueue",
    "GetQueueUrl",
    "ListQueues",
    "GetQueueAttributes",
    "SetQueueAttributes",
    "PurgeQueue",
];

impl Sqs {
    /// Does one action and answers as SQS does. `endpoint` is the base of queue URLs, as the
    /// caller reached us.
    pub async fn answer(&self, action: &str, body: Bytes, endpoint: &str) -> Answer {
        let result = match action {
            "SendMessage" => self.send_message(&body).await,
            "SendMessageBatch" => self.send_message_batch(&body).await,
            "ReceiveMessage" => self.receive_message(&body).await,
            "DeleteMessage" => self.delete_message(&body).await,
            "DeleteMessageBatch" => self.delete_message_batch(&body).await,
            "ChangeMessageVisibility" => self.change_message_visibility(&body).await,
            "ChangeMessageVisibilityBatch" => self.change_message_visibility_batch(&body).await,
            "CreateQueue" => self.create_queue_action(&body, endpoint).await,
            "DeleteQueue" => self.delete_queue(&body).await,
            "GetQueueUrl" => self.get_queue_url(&body, endpoint),
            "ListQueues" => self.list_queues(&body, endpoint),
            "GetQueueAttributes" => self.get_queue_attributes(&body).await,
            "SetQueueAttributes" => self.set_queue_attributes(&body).await,
            "PurgeQueue" => self.purge_queue(&body).await,
            other => Err(SqsError::UnknownOperation(other.to_owned())),
        };
        match result {
            Ok(body) => Answer::json(200, body),
            Err(error) => {
                self.inner.meter.error("sqs", known(action));
                failure(&error)
            }
        }
    }

    /// The queue that a URL names: its last segment is the name.
    pub(super) fn queue_at(&self, url: Option<&str>) -> Result<std::sync::Arc<Queue>, SqsError> {
        let url = url.ok_or_else(|| SqsError::MissingParameter("QueueUrl".to_owned()))?;
        self.queue(url.rsplit('/').next().unwrap_or(url))
    }
}

/// The names that the meter counts are few, whatever callers send.
fn known(action: &str) -> &str {
    if ACTIONS.contains(&action) { action } else { "Unknown" }
}

/// # Errors
/// `Malformed` for what is no JSON object of this action.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body)
        .map_err(|error| SqsError::Malformed(format!("The request can't be read: {error}")))
}

/// # Errors
/// Never, for the types of this module; the signature suits the actions.
pub fn render<T: Serialize>(answer: &T) -> Result<Vec<u8>, SqsError> {
    serde_json::to_vec(answer).map_err(|error| SqsError::Internal(error.to_string()))
}

/// # Errors
/// `InvalidParameterValue` outside of the limits.
pub fn in_range(name: &str, value: i64, min: i64, max: i64) -> Result<u64, SqsError> {
    if (min..=max).contains(&value) {
        return Ok(value.unsigned_abs());
    }
    Err(SqsError::InvalidParameterValue(format!(
        "Value {value} for parameter {name} is invalid. Reason: Must be between {min} and {max}, \
         if provided."
    )))
}

fn failure(error: &SqsError) -> Answer {
    let status = if error.is_senders_fault() { 400 } else { 500 };
    let body = serde_json::json!({"__type": error.json_type(), "message": error.to_string()});
    let mut answer = Answer::json(status, body.to_string().into_bytes());
    let side = if error.is_senders_fault() { "Sender" } else { "Receiver" };
    answer.query_error = Some(format!("{};{side}", error.query_code()));
    answer
}
