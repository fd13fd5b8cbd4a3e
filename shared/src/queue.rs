//! Sending to SQS in batches.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use futures::StreamExt;

use crate::aws_error::causes;
use crate::sent::Sent;

/// Entries of one SendMessageBatch (an SQS limit).
const MAX_ENTRIES: usize = 10;
/// Bytes of one message with its attributes (an SQS limit).
const MAX_MESSAGE: usize = 1_048_576;
/// Bytes of one SendMessageBatch, a little under SQS's 1 MiB since attribute names count too.
const MAX_BYTES: usize = 1_000_000;
/// Batches under way at once.
const CONCURRENCY: usize = 8;

/// Why a message was moved to a dead-letter queue by us, and the id that it came with.
pub const REASON_ATTRIBUTE: &str = "reason";
pub const MESSAGE_ID_ATTRIBUTE: &str = "message-id";

/// How many times a message has been received, by the attributes that SQS gives it.
pub fn receive_count(attributes: &HashMap<String, String>) -> u32 {
    let count = attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    count.unwrap_or(1)
}

/// A message to send.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    pub body: String,
    /// Fair-queue group; messages without one share none.
    pub group: Option<String>,
    /// At most 900 s; fractions are rounded up.
    pub delay: Duration,
    /// String attributes.
    pub attributes: Vec<(&'static str, String)>,
}

/// A message that SQS did not take.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not sent: {0}")]
pub struct NotSent(pub String);

impl Outgoing {
    /// A message on its way to a dead-letter queue, as it was, with attributes, the most important
    /// first: those that SQS would not take beside so large a body are left out.
    pub fn dead_letter(body: String, attributes: Vec<(&'static str, String)>) -> Self {
        // SQS refuses an empty body, though it never delivers one either.
        let body = if body.is_empty() { "(empty)".to_owned() } else { body };
        let mut letter = Self { body, attributes, ..Self::default() };
        while letter.size() > MAX_MESSAGE && letter.attributes.pop().is_some() {}
        letter
    }

    /// As SQS counts it.
    fn size(&self) -> usize {
        let attributes: usize = self.attributes.iter().map(|(n, v)| n.len() + v.len() + 6).sum();
        self.body.len() + attributes
    }

    fn entry(self, index: usize) -> Result<SendMessageBatchRequestEntry, NotSent> {
        let attributes = self.attributes.into_iter().map(|(name, value)| {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|e| NotSent(e.to_string()))?;
            Ok((name.to_owned(), value))
        });
        let attributes: HashMap<_, _> = attributes.collect::<Result<_, NotSent>>()?;
        let delay = self.delay.as_secs_f64().ceil().min(900.0) as i32;
        SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(self.body)
            .set_message_group_id(self.group)
            .set_message_attributes((!attributes.is_empty()).then_some(attributes))
            .set_delay_seconds((delay > 0).then_some(delay))
            .build()
            .map_err(|e| NotSent(e.to_string()))
    }
}

/// Sends messages in as few batches as the limits allow, several batches at once. Answers one
/// result per message, in order.
pub async fn send_all(
    sqs: &aws_sdk_sqs::Client,
    queue_url: &str,
    messages: Vec<Outgoing>,
) -> Vec<Result<(), NotSent>> {
    let batches = split(messages);
    let results: Vec<Vec<Result<(), NotSent>>> = futures::stream::iter(batches)
        .map(|batch| send_batch(sqs, queue_url, batch))
        .buffered(CONCURRENCY)
        .collect()
        .await;
    results.into_iter().flatten().collect()
}

fn split(messages: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let mut batches: Vec<Vec<Outgoing>> = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let size = message.size();
        match batches.last_mut() {
            Some(batch) if batch.len() < MAX_ENTRIES && bytes + size <= MAX_BYTES => {
                bytes += size;
                batch.push(message);
            }
            _ => {
                bytes = size;
                batches.push(vec![message]);
            }
        }
    }
    batches
}

async fn send_batch(
    sqs: &aws_sdk_sqs::Client,
    queue_url: &str,
    batch: Vec<Outgoing>,
) -> Vec<Result<(), NotSent>> {
    let count = batch.len();
    let entries: Result<Vec<_>, _> =
        batch.into_iter().enumerate().map(|(index, message)| message.entry(index)).collect();
    let entries = match entries {
        Ok(entries) => entries,
        Err(error) => return vec![Err(error); count],
    };
    let sent =
        sqs.send_message_batch().queue_url(queue_url).set_entries(Some(entries)).sent().await;
    let mut results = vec![Err(NotSent("no word from SQS about this message".to_owned())); count];
    match sent {
        Ok(answer) => {
            let index = |id: &str| id.parse::<usize>().ok().filter(|index| *index < count);
            for entry in answer.successful {
                if let Some(index) = index(&entry.id) {
                    results[index] = Ok(());
                }
            }
            for entry in answer.failed {
                if let Some(index) = index(&entry.id) {
                    let message = entry.message.unwrap_or_default();
                    results[index] = Err(NotSent(format!("{}: {message}", entry.code)));
                }
            }
        }
        Err(error) => results.fill(Err(NotSent(causes(&error)))),
    }
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_is_never_too_large() {
        let letter = |bytes: usize| {
            let attributes = vec![("posthorn-key", "k".to_owned()), ("reason", "r".repeat(100))];
            let letter = Outgoing::dead_letter("x".repeat(bytes), attributes);
            assert_eq!(letter.body.len(), bytes);
            letter.attributes.len()
        };
        assert_eq!(letter(1_000), 2);
        assert_eq!(letter(MAX_MESSAGE - 100), 1);
        assert_eq!(letter(MAX_MESSAGE), 0);
        assert_eq!(Outgoing::dead_letter(String::new(), vec![]).body, "(empty)");
    }

    #[test]
    fn batches_hold_ten_messages_and_a_megabyte() {
        let message = |bytes: usize| Outgoing { body: "x".repeat(bytes), ..Outgoing::default() };
        let sizes =
            |messages: Vec<Outgoing>| split(messages).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(vec![message(10); 23]), [10, 10, 3]);
        assert_eq!(sizes(vec![message(300_000); 4]), [3, 1]);
        assert_eq!(sizes(vec![message(1_048_576), message(1)]), [1, 1]);
        assert_eq!(sizes(vec![]), [0usize; 0]);
    }
}
