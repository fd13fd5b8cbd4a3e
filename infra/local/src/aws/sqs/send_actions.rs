//! Sending: `SendMessage` and `SendMessageBatch`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Sqs;
use super::batch::{Batch, BatchAnswer, check_batch, failed};
use super::error::SqsError;
use super::message::{
    MessageAttribute, NewMessage, WireAttribute, attributes_size, check_attribute_name,
    check_characters, md5_of, md5_of_attributes,
};
use super::protocol::{parse, render};
use super::queue::Queue;
use super::worker::Job;

/// Bytes of all messages of a batch together.
const MAX_BATCH_SIZE: usize = 1024 * 1024;
/// Seconds.
const MAX_DELAY: i64 = 900;

/// `SendMessage`, and an entry of `SendMessageBatch`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: Option<String>,
    id: Option<String>,
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, WireAttribute>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, WireAttribute>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_system_attributes: Option<String>,
}

impl Sqs {
    pub(super) async fn send_message(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: SendMessage = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?;
        let (message, sent) = accept(request, &queue)?;
        self.inner.meter.sqs("SendMessage", size_of(&message));
        let (queue, messages) = (queue.id, vec![message]);
        self.ask(|reply| Job::Send { queue, messages, reply }).await?;
        render(&sent)
    }

    pub(super) async fn send_message_batch(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: Batch<SendMessage> = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?;
        check_batch("SendMessageBatchRequestEntry", request.entries.iter().map(|e| &e.id))?;
        let mut messages = Vec::with_capacity(request.entries.len());
        let mut answer = BatchAnswer { successful: Vec::new(), failed: Vec::new() };
        let size = request.entries.iter().map(SendMessage::size).sum();
        if size > MAX_BATCH_SIZE {
            return Err(SqsError::BatchRequestTooLong(size));
        }
        for mut entry in request.entries {
            let id = entry.id.take().unwrap_or_default();
            match accept(entry, &queue) {
                Ok((message, sent)) => {
                    messages.push(message);
                    answer.successful.push(Sent { id: Some(id), ..sent });
                }
                Err(error) => answer.failed.push(failed(id, &error)),
            }
        }
        self.inner.meter.sqs("SendMessageBatch", size);
        if !messages.is_empty() {
            let queue = queue.id;
            self.ask(|reply| Job::Send { queue, messages, reply }).await?;
        }
        render(&answer)
    }
}

impl SendMessage {
    /// Bytes that count for the batch limit.
    fn size(&self) -> usize {
        let attributes = self.message_attributes.iter().map(|(name, attribute)| {
            let text = |value: &Option<String>| value.as_ref().map_or(0, String::len);
            // Four characters of base64 are three bytes.
            let binary = text(&attribute.binary_value) / 4 * 3;
            name.len() + text(&attribute.data_type) + text(&attribute.string_value) + binary
        });
        self.message_body.as_ref().map_or(0, String::len) + attributes.sum::<usize>()
    }
}

/// Checks a message at the door.
fn accept(request: SendMessage, queue: &Queue) -> Result<(NewMessage, Sent), SqsError> {
    let body = request.message_body.unwrap_or_default();
    if body.is_empty() {
        return Err(SqsError::MissingParameter("MessageBody".to_owned()));
    }
    check_characters(&body)?;
    if request.message_deduplication_id.is_some() {
        return Err(SqsError::InvalidParameterValue(
            "The request includes a parameter that is not valid for this queue type: \
             MessageDeduplicationId."
                .to_owned(),
        ));
    }
    let delay = match request.delay_seconds {
        Some(seconds) if !(0..=MAX_DELAY).contains(&seconds) => {
            return Err(SqsError::InvalidParameterValue(format!(
                "Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds \
                 must be >= 0 and <= {MAX_DELAY}."
            )));
        }
        seconds => seconds.map(|seconds| seconds * 1_000),
    };
    if request.message_attributes.len() > 10 {
        return Err(SqsError::InvalidParameterValue(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [10].",
            request.message_attributes.len()
        )));
    }
    let group = request.message_group_id.unwrap_or_default();
    if group.len() > 128 || !group.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SqsError::InvalidParameterValue(format!(
            "Value {group} for parameter MessageGroupId is invalid. Reason: MessageGroupId can \
             only include alphanumeric and punctuation characters. 1 to 128 in length."
        )));
    }
    let attributes = read_attributes(request.message_attributes)?;
    let system = read_attributes(request.message_system_attributes)?;
    let message = NewMessage {
        id: random_uuid()?,
        body,
        delay,
        group,
        trace: trace_header(&system)?,
        attributes,
    };
    let (size, limit) = (size_of(&message), queue.spec.max_message_size);
    if size > usize::try_from(limit).unwrap_or(usize::MAX) {
        return Err(SqsError::InvalidParameterValue(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {limit} \
             bytes."
        )));
    }
    let sent = Sent {
        id: None,
        message_id: message.id.clone(),
        md5_of_body: md5_of(message.body.as_bytes()),
        md5_of_attributes: md5_of_attributes(&message.attributes),
        md5_of_system_attributes: md5_of_attributes(&system),
    };
    Ok((message, sent))
}

fn read_attributes(
    wire: BTreeMap<String, WireAttribute>,
) -> Result<BTreeMap<String, MessageAttribute>, SqsError> {
    wire.into_iter()
        .map(|(name, attribute)| {
            check_attribute_name(&name)?;
            let attribute = MessageAttribute::from_wire(&name, attribute)?;
            Ok((name, attribute))
        })
        .collect()
}

/// The only system attribute there is to send.
fn trace_header(system: &BTreeMap<String, MessageAttribute>) -> Result<Option<String>, SqsError> {
    let mut trace = None;
    for (name, attribute) in system {
        match (name.as_str(), attribute.to_wire().string_value) {
            ("AWSTraceHeader", Some(value)) => trace = Some(value),
            _ => {
                return Err(SqsError::InvalidParameterValue(format!(
                    "The message system attribute '{name}' is invalid."
                )));
            }
        }
    }
    Ok(trace)
}

fn size_of(message: &NewMessage) -> usize {
    message.body.len() + attributes_size(&message.attributes)
}

fn random_uuid() -> Result<String, SqsError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| SqsError::Internal(format!("no randomness: {error}")))?;
    // Version 4, variant 1.
    let random = u128::from_be_bytes(bytes);
    let random = random & !(0xF << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
    let hex = format!("{random:032x}");
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}
