//! Receiving: `ReceiveMessage`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::SqsError;
use super::message::{ReceivedMessage, WireAttribute, md5_of_attributes};
use super::protocol::{in_range, parse, render};
use super::{MAX_VISIBILITY, ReceiveOptions, Sqs};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Received<'a> {
    message_id: &'a str,
    receipt_handle: &'a str,
    body: &'a str,
    #[serde(rename = "MD5OfBody")]
    md5_of_body: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, &'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<&'a str, WireAttribute>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
}

impl Sqs {
    pub(super) async fn receive_message(&self, body: &[u8]) -> Result<Vec<u8>, SqsError> {
        let request: ReceiveMessage = parse(body)?;
        let queue = self.queue_at(request.queue_url.as_deref())?;
        let max = request.max_number_of_messages.unwrap_or(1);
        let max = in_range("MaxNumberOfMessages", max, 1, 10)?;
        let default_wait = i64::try_from(queue.extras.receive_wait).unwrap_or(0);
        let wait = request.wait_time_seconds.unwrap_or(default_wait);
        let wait = in_range("WaitTimeSeconds", wait, 0, 20)?;
        let visibility = match request.visibility_timeout {
            Some(seconds) => Some(Duration::from_secs(in_range(
                "VisibilityTimeout",
                seconds,
                0,
                MAX_VISIBILITY,
            )?)),
            None => None,
        };
        let options = ReceiveOptions {
            max: usize::try_from(max).unwrap_or(1),
            visibility,
            wait: Duration::from_secs(wait),
            in_process: false,
        };
        let messages = self.receive_from(&queue, options).await?;
        if messages.is_empty() {
            return Ok(b"{}".to_vec());
        }
        let shown: Vec<_> = messages.iter().map(|message| show(message, &request)).collect();
        render(&BTreeMap::from([("Messages", shown)]))
    }
}

/// The parts of a message that the receiver asked for.
fn show<'a>(message: &'a ReceivedMessage, request: &ReceiveMessage) -> Received<'a> {
    let system: Vec<&str> = request
        .attribute_names
        .iter()
        .chain(&request.message_system_attribute_names)
        .map(String::as_str)
        .collect();
    let attributes = message
        .attributes
        .iter()
        .filter(|(name, _)| system.iter().any(|asked| *asked == "All" || asked == *name))
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let wanted = |name: &str| {
        request.message_attribute_names.iter().any(|asked| {
            asked == "All"
                || asked == name
                || asked.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix))
        })
    };
    let shown: Vec<_> =
        message.message_attributes.iter().filter(|(name, _)| wanted(name)).collect();
    Received {
        message_id: &message.message_id,
        receipt_handle: &message.receipt_handle,
        body: &message.body,
        md5_of_body: &message.md5_of_body,
        attributes,
        // The checksum covers what is shown, so that the receiver can check it.
        md5_of_attributes: md5_of_attributes(shown.iter().copied()),
        message_attributes: shown
            .into_iter()
            .map(|(name, attribute)| (name.as_str(), attribute.to_wire()))
            .collect(),
    }
}
