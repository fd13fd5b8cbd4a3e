//! Messages: SQS Developer Guide and API reference.

use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
};

use super::endpoint::Endpoint;

/// Seconds; the longest poll there is. Reached only when something is broken.
pub const LONG: i32 = 20;

/// Receives once, with every attribute.
pub async fn receive(endpoint: &Endpoint, queue: &str, wait: i32) -> Vec<Message> {
    let received = endpoint
        .sqs
        .receive_message()
        .queue_url(queue)
        .max_number_of_messages(10)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All")
        .wait_time_seconds(wait)
        .send()
        .await;
    received.expect("a receive").messages.unwrap_or_default()
}

async fn send(endpoint: &Endpoint, queue: &str, body: &str) {
    let sent = endpoint.sqs.send_message().queue_url(queue).message_body(body).send().await;
    sent.expect("a send");
}

fn system(message: &Message, name: MessageSystemAttributeName) -> &str {
    let attributes = message.attributes.as_ref().expect("system attributes");
    attributes.get(&name).map_or("", String::as_str)
}

/// The code of a failed call.
macro_rules! code {
    ($call:expr) => {{
        let error = $call.await.expect_err("an error");
        let code = error.code().map(str::to_owned);
        code.unwrap_or_else(|| format!("no code: {}", DisplayErrorContext(&error)))
    }};
}

pub async fn a_message_arrives_as_it_was_sent(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let body = "{\"text\": \"Ünïcode 🦀\\n\", \"n\": 1.50}\n\ttab";
    let sent = endpoint.sqs.send_message().queue_url(&queue).message_body(body).send().await;
    let sent = sent.expect("a send");
    let message = receive(&endpoint, &queue, LONG).await.remove(0);
    assert_eq!(message.body(), Some(body));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    assert_eq!(system(&message, MessageSystemAttributeName::ApproximateReceiveCount), "1");
    let sent_at = system(&message, MessageSystemAttributeName::SentTimestamp);
    let first = system(&message, MessageSystemAttributeName::ApproximateFirstReceiveTimestamp);
    let millis = |text: &str| text.parse::<u64>().expect("milliseconds");
    assert!(millis(sent_at) <= millis(first), "{sent_at} {first}");
}

pub async fn attributes_come_as_asked_for(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let text = |kind: &str, value: &str| {
        MessageAttributeValue::builder().data_type(kind).string_value(value).build().expect("one")
    };
    let binary = MessageAttributeValue::builder()
        .data_type("Binary.png")
        .binary_value(Blob::new([0, 1, 255]))
        .build()
        .expect("one");
    let sent = endpoint
        .sqs
        .send_message()
        .queue_url(&queue)
        .message_body("b")
        .message_attributes("posthorn.reason", text("String", "no JSON"))
        .message_attributes("posthorn.number", text("Number", "12.5"))
        .message_attributes("other", binary.clone())
        .send()
        .await
        .expect("a send");
    let asked = endpoint
        .sqs
        .receive_message()
        .queue_url(&queue)
        .message_attribute_names("posthorn.*")
        .visibility_timeout(0)
        .wait_time_seconds(LONG)
        .send()
        .await
        .expect("a receive");
    let some = asked.messages.unwrap_or_default().remove(0).message_attributes;
    let mut names: Vec<_> = some.unwrap_or_default().into_keys().collect();
    names.sort();
    assert_eq!(names, ["posthorn.number", "posthorn.reason"]);

    let message = receive(&endpoint, &queue, LONG).await.remove(0);
    let all = message.message_attributes().expect("attributes");
    assert_eq!(all["other"].binary_value(), binary.binary_value());
    assert_eq!(all["posthorn.number"].string_value(), Some("12.5"));
    assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
}

pub async fn a_group_is_kept_on_a_standard_queue(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let sent = endpoint
        .sqs
        .send_message()
        .queue_url(&queue)
        .message_body("m")
        .message_group_id("ep_1")
        .send()
        .await;
    sent.expect("fair queues are standard queues with groups");
    let message = receive(&endpoint, &queue, LONG).await.remove(0);
    assert_eq!(system(&message, MessageSystemAttributeName::MessageGroupId), "ep_1");
}

pub async fn a_delayed_message_comes_later(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let delayed = endpoint.sqs.send_message().queue_url(&queue).message_body("m").delay_seconds(2);
    delayed.send().await.expect("a send");
    assert!(receive(&endpoint, &queue, 0).await.is_empty());
    assert_eq!(receive(&endpoint, &queue, LONG).await.len(), 1);
}

pub async fn a_delay_has_a_limit(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let too_long = endpoint.sqs.send_message().queue_url(&queue).message_body("m");
    assert_eq!(code!(too_long.delay_seconds(901).send()), "InvalidParameterValue");
}

pub async fn a_message_comes_back_after_its_visibility_timeout(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    send(&endpoint, &queue, "m").await;
    let received = endpoint
        .sqs
        .receive_message()
        .queue_url(&queue)
        .visibility_timeout(1)
        .wait_time_seconds(LONG)
        .send()
        .await
        .expect("a receive");
    let first = received.messages.unwrap_or_default().remove(0);
    let second = receive(&endpoint, &queue, LONG).await.remove(0);
    assert_eq!(system(&second, MessageSystemAttributeName::ApproximateReceiveCount), "2");
    assert_eq!(first.message_id(), second.message_id());
    assert_ne!(first.receipt_handle(), second.receipt_handle());
}

pub async fn visibility_can_be_given_up(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    send(&endpoint, &queue, "m").await;
    let message = receive(&endpoint, &queue, LONG).await.remove(0);
    assert!(receive(&endpoint, &queue, 0).await.is_empty());
    let changed = endpoint
        .sqs
        .change_message_visibility()
        .queue_url(&queue)
        .receipt_handle(message.receipt_handle().unwrap_or_default())
        .visibility_timeout(0)
        .send()
        .await;
    changed.expect("a change");
    assert_eq!(receive(&endpoint, &queue, LONG).await.len(), 1);
}

pub async fn visibility_of_a_deleted_message_cannot_be_changed(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    send(&endpoint, &queue, "m").await;
    let message = receive(&endpoint, &queue, LONG).await.remove(0);
    let handle = message.receipt_handle().unwrap_or_default();
    let delete = endpoint.sqs.delete_message().queue_url(&queue).receipt_handle(handle);
    delete.send().await.expect("a delete");
    let change = endpoint.sqs.change_message_visibility().queue_url(&queue);
    let change = change.receipt_handle(handle).visibility_timeout(10);
    assert_eq!(code!(change.send()), "InvalidParameterValue");
}

pub async fn a_long_poll_ends_when_a_message_comes(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let (waiting, _) =
        tokio::join!(receive(&endpoint, &queue, LONG), send(&endpoint, &queue, "hello"));
    assert_eq!(waiting.len(), 1);
}

pub async fn a_deleted_message_is_gone(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    send(&endpoint, &queue, "m").await;
    let message = receive(&endpoint, &queue, LONG).await.remove(0);
    let handle = message.receipt_handle().unwrap_or_default();
    for _ in 0..2 {
        let delete = endpoint.sqs.delete_message().queue_url(&queue).receipt_handle(handle);
        delete.send().await.expect("deleting twice is fine");
    }
    assert!(receive(&endpoint, &queue, 0).await.is_empty());
}

pub async fn a_mebibyte_fits_and_more_does_not(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let body = "x".repeat(1024 * 1024);
    send(&endpoint, &queue, &body).await;
    let message = receive(&endpoint, &queue, LONG).await.remove(0);
    assert_eq!(message.body().map(str::len), Some(body.len()));
    let more = endpoint.sqs.send_message().queue_url(&queue).message_body(format!("{body}x"));
    assert_eq!(code!(more.send()), "InvalidParameterValue");
}

pub async fn characters_outside_xml_are_refused(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let bad = endpoint.sqs.send_message().queue_url(&queue).message_body("null \u{0}");
    assert_eq!(code!(bad.send()), "InvalidMessageContents");
}

pub async fn a_bad_receipt_handle_is_refused(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let delete = endpoint.sqs.delete_message().queue_url(&queue).receipt_handle("nonsense");
    assert_eq!(code!(delete.send()), "ReceiptHandleIsInvalid");
}

pub async fn a_poison_message_moves_to_the_dead_letter_queue(endpoint: Endpoint) {
    let dead = endpoint.queue().await;
    let attributes = endpoint
        .sqs
        .get_queue_attributes()
        .queue_url(&dead)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .expect("attributes");
    let arn = &attributes.attributes.expect("some")[&QueueAttributeName::QueueArn];
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"2"}}"#);
    let queue = endpoint
        .sqs
        .create_queue()
        .queue_name(endpoint.name("redrive"))
        .attributes(QueueAttributeName::RedrivePolicy, policy)
        .attributes(QueueAttributeName::VisibilityTimeout, "0")
        .send()
        .await
        .expect("a queue")
        .queue_url
        .expect("its URL");
    let sent = endpoint.sqs.send_message().queue_url(&queue).message_body("poison").send().await;
    for count in ["1", "2"] {
        let message = receive(&endpoint, &queue, LONG).await.remove(0);
        assert_eq!(system(&message, MessageSystemAttributeName::ApproximateReceiveCount), count);
    }
    assert!(receive(&endpoint, &queue, 1).await.is_empty());
    let message = receive(&endpoint, &dead, LONG).await.remove(0);
    assert_eq!(message.body(), Some("poison"));
    assert_eq!(message.message_id(), sent.expect("a send").message_id());
}
