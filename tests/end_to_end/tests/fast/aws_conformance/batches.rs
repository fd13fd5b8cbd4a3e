//! Batches: SQS API reference.

use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, SendMessageBatchRequestEntry};

use super::endpoint::Endpoint;
use super::messages::{LONG, receive};

/// The code of a failed call.
macro_rules! code {
    ($call:expr) => {{
        let error = $call.await.expect_err("an error");
        let code = error.code().map(str::to_owned);
        code.unwrap_or_else(|| format!("no code: {}", DisplayErrorContext(&error)))
    }};
}

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().expect("an entry")
}

pub async fn a_batch_fails_entry_by_entry(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let mut late = entry("late", "m");
    late.delay_seconds = Some(901);
    let batch = endpoint.sqs.send_message_batch().queue_url(&queue);
    let sent = batch.entries(entry("good", "m")).entries(late).send().await.expect("a batch");
    assert_eq!(sent.successful().len(), 1);
    assert_eq!(sent.successful()[0].id(), "good");
    let failed = &sent.failed()[0];
    assert_eq!((failed.id(), failed.sender_fault()), ("late", true));
    assert_eq!(failed.code(), "InvalidParameterValue");

    let message = receive(&endpoint, &queue, LONG).await.remove(0);
    let handle = |id: &str, handle: &str| {
        DeleteMessageBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle)
            .build()
            .expect("one")
    };
    let deleted = endpoint
        .sqs
        .delete_message_batch()
        .queue_url(&queue)
        .entries(handle("good", message.receipt_handle().unwrap_or_default()))
        .entries(handle("bad", "no receipt handle"))
        .send()
        .await
        .expect("a batch");
    assert_eq!(deleted.successful()[0].id(), "good");
    assert_eq!(
        (deleted.failed()[0].id(), deleted.failed()[0].code()),
        ("bad", "ReceiptHandleIsInvalid")
    );
}

pub async fn a_batch_has_limits(endpoint: Endpoint) {
    let queue = endpoint.queue().await;
    let prefix = "AWS.SimpleQueueService.";
    let batch = |entries: Vec<SendMessageBatchRequestEntry>| {
        endpoint.sqs.send_message_batch().queue_url(&queue).set_entries(Some(entries))
    };
    assert_eq!(code!(batch(vec![]).send()), format!("{prefix}EmptyBatchRequest"));
    let eleven = (0..11).map(|id| entry(&id.to_string(), "m")).collect();
    assert_eq!(code!(batch(eleven).send()), format!("{prefix}TooManyEntriesInBatchRequest"));
    let twice = vec![entry("a", "m"), entry("a", "m")];
    assert_eq!(code!(batch(twice).send()), format!("{prefix}BatchEntryIdsNotDistinct"));
    let spaced = vec![entry("a b", "m")];
    assert_eq!(code!(batch(spaced).send()), format!("{prefix}InvalidBatchEntryId"));
    let half = "x".repeat(600 * 1024);
    let long = vec![entry("a", &half), entry("b", &half)];
    assert_eq!(code!(batch(long).send()), format!("{prefix}BatchRequestTooLong"));
}
