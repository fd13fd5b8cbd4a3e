//! What the queues promise, through their in-process road; the wire is tested by the
//! conformance tests, against other implementations too.

use std::path::Path;

use super::*;

const NOW: Duration = Duration::ZERO;
/// Longer than any test takes: reached only when something is broken.
const LONG: Duration = Duration::from_secs(20);

fn open(directory: &Path) -> Sqs {
    Sqs::open(&DataDir::Path(directory.to_owned()), Meter::default(), Clock::system()).unwrap()
}

async fn in_memory(specs: &[QueueSpec]) -> Sqs {
    let sqs = Sqs::open(&DataDir::Memory, Meter::default(), Clock::system()).unwrap();
    for spec in specs {
        sqs.create_queue(spec).await.unwrap();
    }
    sqs
}

async fn send(sqs: &Sqs, body: &str, more: serde_json::Value) {
    let mut request = serde_json::json!({"QueueUrl": sqs.queue_url("q"), "MessageBody": body});
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    sqs.send_message(request.to_string().as_bytes()).await.unwrap();
}

fn bodies(messages: &[ReceivedMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

/// A copy of the files as they are now: what a process that is killed now would leave.
fn killed(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        // The index of the log is shared memory of the living process; SQLite rebuilds it.
        if !file.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
    }
    copy
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_killed_process() {
    let directory = tempfile::tempdir().unwrap();
    let sqs = open(directory.path());
    sqs.create_queue(&QueueSpec::named("q")).await.unwrap();
    for number in 0..30 {
        send(&sqs, &format!("message {number}"), serde_json::json!({})).await;
    }
    let first = sqs.receive("q", 10, None, NOW).await.unwrap();
    let receipts: Vec<_> = first.iter().map(|message| message.receipt_handle.clone()).collect();
    sqs.delete_batch("q", &receipts).await.unwrap();
    let second = sqs.receive("q", 10, None, NOW).await.unwrap();
    assert_eq!(sqs.depth("q").await.unwrap(), Depth { visible: 10, in_flight: 10, delayed: 0 });

    let copy = killed(directory.path());
    let again = open(copy.path());
    // The receiver of the second ten died with the process, so they are visible again.
    assert_eq!(again.depth("q").await.unwrap(), Depth { visible: 20, in_flight: 0, delayed: 0 });
    let redelivered = again.receive("q", 10, None, NOW).await.unwrap();
    assert_eq!(bodies(&redelivered), bodies(&second));
    assert_eq!(redelivered[0].attributes["ApproximateReceiveCount"], "2");
    assert_eq!(redelivered[0].message_id, second[0].message_id);
}

#[tokio::test]
async fn a_wire_receiver_keeps_its_messages_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let sqs = open(directory.path());
    sqs.create_queue(&QueueSpec::named("q")).await.unwrap();
    send(&sqs, "held", serde_json::json!({})).await;
    let request = serde_json::json!({"QueueUrl": "q"}).to_string();
    let answer = sqs.receive_message(request.as_bytes()).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    let receipt = answer["Messages"][0]["ReceiptHandle"].as_str().unwrap().to_owned();

    let copy = killed(directory.path());
    let again = open(copy.path());
    assert_eq!(again.depth("q").await.unwrap().in_flight, 1);
    again.delete_batch("q", &[receipt]).await.unwrap();
    assert_eq!(again.depth("q").await.unwrap(), Depth::default());
}

#[tokio::test]
async fn many_senders_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let sqs = open(directory.path());
    sqs.create_queue(&QueueSpec::named("q")).await.unwrap();
    let sends = (0..500).map(|number| {
        let sqs = sqs.clone();
        async move { send(&sqs, &number.to_string(), serde_json::json!({})).await }
    });
    futures::future::join_all(sends).await;
    let copy = killed(directory.path());
    assert_eq!(open(copy.path()).depth("q").await.unwrap().visible, 500);
}

#[tokio::test]
async fn a_waiting_receive_wakes_when_a_message_comes() {
    let sqs = in_memory(&[QueueSpec::named("q")]).await;
    let receiver = sqs.clone();
    let waiting = tokio::spawn(async move { receiver.receive("q", 10, None, LONG).await });
    send(&sqs, "hello", serde_json::json!({})).await;
    assert_eq!(bodies(&waiting.await.unwrap().unwrap()), ["hello"]);
    send(&sqs, "later", serde_json::json!({"DelaySeconds": 1})).await;
    assert_eq!(sqs.depth("q").await.unwrap().delayed, 1);
    assert_eq!(bodies(&sqs.receive("q", 10, None, LONG).await.unwrap()), ["later"]);
}

#[tokio::test]
async fn a_receiver_that_left_takes_no_message() {
    let sqs = in_memory(&[QueueSpec::named("q")]).await;
    let receiver = sqs.clone();
    let gone = tokio::spawn(async move { receiver.receive("q", 10, None, LONG).await });
    tokio::task::yield_now().await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    send(&sqs, "for the next", serde_json::json!({})).await;
    assert_eq!(bodies(&sqs.receive("q", 1, None, NOW).await.unwrap()), ["for the next"]);
}

#[tokio::test]
async fn a_message_received_too_often_moves_to_the_dead_letter_queue() {
    let redrive = Redrive { dead_letter_queue: "dead".to_owned(), max_receive_count: 2 };
    let spec = QueueSpec { redrive: Some(redrive), ..QueueSpec::named("q") };
    let sqs = in_memory(&[QueueSpec::named("dead"), spec]).await;
    send(&sqs, "poison", serde_json::json!({"MessageGroupId": "g"})).await;
    for _ in 0..2 {
        assert_eq!(sqs.receive("q", 1, Some(NOW), LONG).await.unwrap().len(), 1);
    }
    assert_eq!(sqs.receive("q", 1, Some(NOW), NOW).await.unwrap(), []);
    let dead = sqs.receive("dead", 1, None, NOW).await.unwrap();
    assert_eq!(bodies(&dead), ["poison"]);
    assert_eq!(dead[0].attributes["DeadLetterQueueSourceArn"], sqs.queue_arn("q"));
    assert_eq!(dead[0].attributes["MessageGroupId"], "g");
    assert_eq!(sqs.depth("q").await.unwrap(), Depth::default());
}

#[tokio::test]
async fn one_busy_group_leaves_room_for_the_others() {
    let sqs = in_memory(&[QueueSpec::named("q")]).await;
    for _ in 0..50 {
        send(&sqs, "busy", serde_json::json!({"MessageGroupId": "busy"})).await;
    }
    sqs.receive("q", 10, None, NOW).await.unwrap();
    send(&sqs, "quiet", serde_json::json!({"MessageGroupId": "quiet"})).await;
    let next = sqs.receive("q", 1, None, NOW).await.unwrap();
    assert_eq!(bodies(&next), ["quiet"], "the group with fewer messages in flight is first");
}

#[tokio::test]
async fn visibility_is_given_up_and_prolonged_by_handle() {
    let sqs = in_memory(&[QueueSpec::named("q")]).await;
    send(&sqs, "m", serde_json::json!({})).await;
    let old = sqs.receive("q", 1, None, NOW).await.unwrap().remove(0).receipt_handle;
    sqs.change_visibility("q", &old, NOW).await.unwrap();
    let new = sqs.receive("q", 1, None, NOW).await.unwrap().remove(0).receipt_handle;
    assert_ne!(old, new);
    sqs.delete_batch("q", std::slice::from_ref(&old)).await.unwrap();
    assert_eq!(sqs.depth("q").await.unwrap().in_flight, 1, "an old handle deletes nothing");
    assert_eq!(sqs.change_visibility("q", &old, LONG).await, Err(SqsError::MessageNotInflight));
    sqs.delete_batch("q", &[new]).await.unwrap();
    assert_eq!(sqs.depth("q").await.unwrap(), Depth::default());
}

#[tokio::test]
async fn calls_are_metered_under_their_names_on_aws() {
    let sqs = in_memory(&[QueueSpec::named("q")]).await;
    send(&sqs, &"x".repeat(65 * 1024), serde_json::json!({})).await;
    sqs.receive("q", 10, None, NOW).await.unwrap();
    sqs.receive("q", 10, None, NOW).await.unwrap();
    let calls = &sqs.inner.meter.read().calls["sqs"];
    assert_eq!(calls["SendMessage"].requests_billed, 2);
    let receives = calls["ReceiveMessage"];
    assert_eq!((receives.calls, receives.requests_billed, receives.empty), (1, 2, 1));
}
