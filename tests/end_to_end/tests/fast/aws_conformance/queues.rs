//! Queues: SQS API reference.

use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_sqs::types::QueueAttributeName;

use super::endpoint::Endpoint;

const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";

/// The code of a failed call.
macro_rules! code {
    ($call:expr) => {{
        let error = $call.await.expect_err("an error");
        let code = error.code().map(str::to_owned);
        code.unwrap_or_else(|| format!("no code: {}", DisplayErrorContext(&error)))
    }};
}

async fn attribute(endpoint: &Endpoint, queue: &str, name: QueueAttributeName) -> String {
    let request = endpoint.sqs.get_queue_attributes().queue_url(queue);
    let answer = request.attribute_names(name.clone()).send().await.expect("attributes");
    answer.attributes.unwrap_or_default().remove(&name).unwrap_or_default()
}

pub async fn creating_a_queue_again_is_fine_with_the_same_attributes(endpoint: Endpoint) {
    let name = endpoint.name("again");
    let create = |delay: &str| {
        let request = endpoint.sqs.create_queue().queue_name(&name);
        request.attributes(QueueAttributeName::DelaySeconds, delay).send()
    };
    let first = create("5").await.expect("a queue");
    let second = create("5").await.expect("the same queue");
    assert_eq!(first.queue_url(), second.queue_url());
    let error = create("6").await.expect_err("another attribute");
    assert!(
        error.as_service_error().is_some_and(|error| error.is_queue_name_exists()),
        "{error:?}"
    );
    let found = endpoint.sqs.get_queue_url().queue_name(&name).send().await.expect("its URL");
    assert_eq!(found.queue_url(), first.queue_url());
}

pub async fn an_unknown_queue_is_an_error(endpoint: Endpoint) {
    let url = endpoint.queue().await + "-missing";
    let send = endpoint.sqs.send_message().queue_url(&url).message_body("m").send();
    assert_eq!(code!(send), NO_QUEUE);
    assert_eq!(code!(endpoint.sqs.receive_message().queue_url(&url).send()), NO_QUEUE);
    let name = endpoint.name("missing");
    let error = endpoint.sqs.get_queue_url().queue_name(name).send().await.expect_err("an error");
    let is_missing = error.as_service_error().is_some_and(|e| e.is_queue_does_not_exist());
    assert!(is_missing, "{}", DisplayErrorContext(&error));
}

pub async fn attributes_can_be_set_and_read(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    assert_eq!(attribute(&endpoint, &queue, QueueAttributeName::VisibilityTimeout).await, "30");
    let set = endpoint
        .sqs
        .set_queue_attributes()
        .queue_url(&queue)
        .attributes(QueueAttributeName::VisibilityTimeout, "45")
        .attributes(QueueAttributeName::MessageRetentionPeriod, "1209600")
        .send()
        .await;
    set.expect("attributes set");
    for (name, value) in [
        (QueueAttributeName::VisibilityTimeout, "45"),
        (QueueAttributeName::MessageRetentionPeriod, "1209600"),
        (QueueAttributeName::DelaySeconds, "0"),
    ] {
        assert_eq!(attribute(&endpoint, &queue, name).await, value);
    }
    let arn = attribute(&endpoint, &queue, QueueAttributeName::QueueArn).await;
    let name = queue.rsplit('/').next().unwrap_or_default();
    assert_eq!(arn, format!("arn:aws:sqs:us-east-1:{}:{name}", account(&queue)));
}

/// The account is the segment of the URL before the name.
fn account(url: &str) -> &str {
    url.rsplit('/').nth(1).unwrap_or_default()
}

pub async fn invalid_attributes_are_refused(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    for (name, value, expected) in [
        ("VisibilityTimeout", "43201", "InvalidAttributeValue"),
        ("DelaySeconds", "901", "InvalidAttributeValue"),
        ("Nonsense", "1", "InvalidAttributeName"),
    ] {
        let set = endpoint.sqs.set_queue_attributes().queue_url(&queue);
        let set = set.attributes(QueueAttributeName::from(name), value);
        assert_eq!(code!(set.send()), expected, "{name}={value}");
    }
    let bad_name = endpoint.sqs.create_queue().queue_name("not a name").send();
    assert_eq!(code!(bad_name), "InvalidParameterValue");
}

pub async fn messages_are_counted_by_state(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    for delay in [0, 0, 0, 600] {
        let send = endpoint.sqs.send_message().queue_url(&queue).message_body("m");
        send.delay_seconds(delay).send().await.expect("a send");
    }
    let receive = endpoint.sqs.receive_message().queue_url(&queue).wait_time_seconds(20);
    assert_eq!(receive.send().await.expect("one").messages().len(), 1);
    for (name, count) in [
        (QueueAttributeName::ApproximateNumberOfMessages, "2"),
        (QueueAttributeName::ApproximateNumberOfMessagesNotVisible, "1"),
        (QueueAttributeName::ApproximateNumberOfMessagesDelayed, "1"),
    ] {
        assert_eq!(attribute(&endpoint, &queue, name.clone()).await, count, "{name}");
    }
}

pub async fn queues_are_listed_by_prefix(endpoint: Endpoint) {
    let prefix = endpoint.name("list");
    for number in 0..3 {
        let create = endpoint.sqs.create_queue().queue_name(format!("{prefix}-{number}"));
        create.send().await.expect("a queue");
    }
    let list = endpoint.sqs.list_queues().queue_name_prefix(&prefix).send().await;
    assert_eq!(list.expect("a list").queue_urls().len(), 3);
}

pub async fn a_purged_queue_is_empty(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let send = endpoint.sqs.send_message().queue_url(&queue).message_body("m");
    send.send().await.expect("a send");
    endpoint.sqs.purge_queue().queue_url(&queue).send().await.expect("a purge");
    let receive = endpoint.sqs.receive_message().queue_url(&queue).send().await;
    assert!(receive.expect("a receive").messages().is_empty());
}
