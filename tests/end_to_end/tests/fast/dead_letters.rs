//! What lies in a dead-letter queue can be seen, understood, and sent back.

use posthorn_end_to_end::{Receiver, Stack, eventually};
use serde_json::json;

async fn push(stack: &Stack, queue: &str, body: &str) {
    let sent = stack.sqs().await.send_message().queue_url(stack.queue_url(queue));
    sent.message_body(body).send().await.expect("sent");
}

async fn wait_for_depth(stack: &Stack, queue: &str, wanted: usize) {
    eventually("a depth", async || match stack.queue_depth(queue).await {
        depth if depth == wanted => Ok(()),
        depth => Err(format!("{depth} on {queue}")),
    })
    .await;
}

async fn run(stack: &Stack, arguments: &[&str]) -> String {
    stack.command(arguments).await.expect("success")
}

#[tokio::test]
async fn events_come_back_when_what_was_wrong_is_mended() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    for number in 0..12 {
        let data = json!({ "n": number, "text": "\u{1b}[2J" });
        let event = json!({ "account": "late", "type": "a.b", "data": data });
        push(&stack, "events", &event.to_string()).await;
    }
    push(&stack, "events", "no JSON at all").await;
    wait_for_depth(&stack, "events-dlq", 13).await;

    let list = run(&stack, &["dlq", "list"]).await;
    let events = list.lines().find(|line| line.starts_with("events")).expect("a line");
    assert!(events.contains(" 13 "), "{list}");
    let shown = run(&stack, &["dlq", "show", "events", "--max", "20"]).await;
    assert_eq!(shown.matches("reason: /account: there is no account late").count(), 12, "{shown}");
    assert!(shown.contains("13 of about 13 messages"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "nothing that a terminal obeys");
    // Looking changes nothing.
    wait_for_depth(&stack, "events-dlq", 13).await;

    let account = stack.account("late").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    assert!(run(&stack, &["dlq", "redrive", "events", "--max", "2"]).await.contains("2 sent back"));
    run(&stack, &["dlq", "redrive", "events"]).await;
    let requests = receiver.wait_for("/hook", 12).await;
    let mut numbers: Vec<_> =
        requests.iter().map(|request| request.json()["data"]["n"].as_u64()).collect();
    numbers.sort();
    assert_eq!(numbers, (0..12).map(Some).collect::<Vec<_>>());
    // What can't be mended by anybody is back where it was.
    wait_for_depth(&stack, "events-dlq", 1).await;
}

#[tokio::test]
async fn an_event_keeps_its_id_on_its_way_through_the_dead_letter_queue() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let key = "evt_01m7zqbqpqfkwsyd9dce2yehv1";
    let attribute = aws_sdk_sqs::types::MessageAttributeValue::builder()
        .data_type("String")
        .string_value(key)
        .build()
        .expect("an attribute");
    let event = json!({ "account": "late", "type": "a.b", "data": {} });
    let send = stack.sqs().await.send_message().queue_url(stack.events_queue_url());
    let send = send.message_body(event.to_string());
    send.message_attributes("posthorn-key", attribute).send().await.expect("sent");
    wait_for_depth(&stack, "events-dlq", 1).await;
    let account = stack.account("late").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    run(&stack, &["dlq", "redrive", "events"]).await;
    assert_eq!(receiver.wait_for("/hook", 1).await[0].header("webhook-id"), key);
}

#[tokio::test]
async fn what_is_no_delivery_stays_and_says_why() {
    let stack = Stack::start().await;
    push(&stack, "deliveries", "garbage").await;
    push(&stack, "deliveries", r#"{"v":99}"#).await;
    wait_for_depth(&stack, "deliveries-dlq", 2).await;
    let redriven = run(&stack, &["dlq", "redrive", "deliveries"]).await;
    assert!(redriven.contains("0 sent back"), "{redriven}");
    assert_eq!(redriven.matches(" stays: ").count(), 2, "{redriven}");
    assert!(run(&stack, &["dlq", "show", "deliveries"]).await.contains("2 of about 2"));
    assert!(run(&stack, &["dlq", "redrive", "tasks"]).await.contains("0 sent back"));
}

#[tokio::test]
async fn it_says_what_is_wrong_when_there_is_no_stack() {
    let mut stack = Stack::start().await;
    stack.kill9().await;
    let failure = stack.command(&["dlq", "list"]).await.expect_err("nobody answers");
    assert!(failure.stderr.contains("the stack on this machine"), "{}", failure.stderr);
    assert!(stack.command(&["dlq", "show", "nonsense"]).await.is_err());
}
