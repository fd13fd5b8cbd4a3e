//! Endpoints at which nothing has succeeded yet: no flood of somebody else's host is made by them.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use posthorn_end_to_end::{Account, Receiver, Reply, Stack, eventually, tenant};
use serde_json::{Value, json};

/// Deliveries per second of an account's new endpoints, once one has failed.
const PER_SECOND: u64 = 10;
/// Attempts of this machine that may be under way before the first has failed.
const AT_ONCE: u64 = 64 * 10;

/// An endpoint's document, as the table has it.
async fn document(stack: &Stack, endpoint: &str) -> Value {
    let table = aws_sdk_dynamodb::Client::new(&stack.aws_config().await);
    let item = table
        .get_item()
        .table_name("posthorn")
        .key("pk", AttributeValue::S("A#acme".to_owned()))
        .key("sk", AttributeValue::S(format!("EP#{endpoint}")))
        .consistent_read(true)
        .send()
        .await
        .expect("an answer")
        .item
        .expect("the endpoint");
    serde_json::from_str(item["d"].as_s().expect("a text")).expect("JSON")
}

/// Waits until it is on record whether anything has succeeded there.
async fn unproven(stack: &Stack, endpoint: &str, wanted: Value) {
    eventually("what is on record", async || {
        let document = document(stack, endpoint).await;
        if document["unproven"] == wanted { Ok(()) } else { Err(document.to_string()) }
    })
    .await;
}

async fn post(account: &Account, count: usize) {
    let events = json!({ "events": vec![json!({ "type": "a.b", "data": {} }); count] });
    let answer = account.post("/v1/events", events).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
}

#[tokio::test]
async fn many_endpoints_at_a_host_that_refuses_get_a_few_a_second_and_nothing_is_lost() {
    // Rests are pressed, seconds of the limit are not.
    let stack = Stack::with_time_scale(60.0).await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    receiver.reply("/hook", Reply::status(404));
    for number in 0..20 {
        let hook = format!("{}?number={number}", receiver.url("/hook"));
        account.endpoint(json!({ "url": hook, "retry": { "schedule": [] } })).await;
    }
    let began = Instant::now();
    post(&account, 100).await;
    receiver.wait_for("/hook", 1).await;
    while began.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (count, seconds) = (receiver.count("/hook") as u64, began.elapsed().as_secs() + 2);
        let most = AT_ONCE + PER_SECOND * seconds;
        assert!(count <= most, "{count} requests in {seconds} s, of 2,000");
    }
    // Somebody else's account is not concerned, nor is a test that somebody sends.
    receiver.reply("/other", Reply::status(200));
    let other = stack.account("other").await;
    other.endpoint(json!({ "url": receiver.url("/other") })).await;
    post(&other, 100).await;
    receiver.wait_for("/other", 100).await;
    // It takes them: then all of them come.
    receiver.reply("/hook", Reply::status(200));
    receiver.wait_for("/hook", 2_000).await;
    stack.wait_until_idle().await;
    assert_eq!(receiver.count("/hook"), 2_000, "each once");
}

#[tokio::test]
async fn an_endpoint_that_takes_its_first_delivery_is_never_slowed_down() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    assert_eq!(document(&stack, &endpoint).await["unproven"], true);
    for _ in 0..5 {
        post(&account, 100).await;
    }
    receiver.wait_for("/hook", 500).await;
    unproven(&stack, &endpoint, Value::Null).await;
    // Nobody has asked for room, so that there is none on record.
    let table = aws_sdk_dynamodb::Client::new(&stack.aws_config().await);
    let generation = tenant(&stack, "acme").await.generation();
    let room = table
        .get_item()
        .table_name("posthorn")
        .key("pk", AttributeValue::S(format!("RL#new#acme#{generation}")))
        .key("sk", AttributeValue::S("SLOTS".to_owned()));
    assert_eq!(room.send().await.expect("an answer").item, None);
    // It fails later on: that is another matter.
    receiver.reply("/hook", Reply::status(500));
    post(&account, 100).await;
    receiver.wait_for("/hook", 600).await;
    unproven(&stack, &endpoint, Value::Null).await;
}

#[tokio::test]
async fn what_one_host_has_taken_says_nothing_of_another() {
    let stack = Stack::start().await;
    let (mine, theirs) = (Receiver::start().await, Receiver::start().await);
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": mine.url("/hook") })).await;
    post(&account, 1).await;
    mine.wait_for("/hook", 1).await;
    unproven(&stack, &endpoint, Value::Null).await;
    let path = format!("/v1/endpoints/{endpoint}");
    account.patch(&path, json!({ "url": mine.url("/elsewhere") })).await;
    unproven(&stack, &endpoint, Value::Null).await;
    account.patch(&path, json!({ "url": theirs.url("/hook") })).await;
    unproven(&stack, &endpoint, json!(true)).await;
    // A test that succeeds is as good as an event.
    let test = json!({ "event_type": "a.b", "data": {} });
    let sent = account.post(&format!("{path}/test"), test).await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    theirs.wait_for("/hook", 1).await;
    unproven(&stack, &endpoint, Value::Null).await;
}
