//! Endpoints that fail for days.

use aws_sdk_dynamodb::types::AttributeValue;
use posthorn_end_to_end::{Receiver, Reply, Stack};
use serde_json::json;

#[tokio::test]
async fn five_days_without_a_success_switch_an_endpoint_off() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let table = aws_sdk_dynamodb::Client::new(&stack.aws_config().await);
    let this_hour = jiff::Timestamp::now().as_second() / 3600;
    // As if it had begun so many hours ago, with one success since or none.
    let mut endpoints = Vec::new();
    for (name, began, succeeded) in
        [("long", 5 * 24 + 1, None), ("short", 4 * 24, None), ("mixed", 5 * 24 + 1, Some(30))]
    {
        let (path, event_type) = (format!("/{name}"), format!("t.{name}"));
        receiver.reply(&path, Reply::status(500));
        let endpoint = json!({ "url": receiver.url(&path), "event_types": [event_type] });
        let endpoint = account.endpoint(endpoint).await;
        for ago in (1..=began).rev() {
            let failed = if succeeded == Some(ago) { 2 } else { 3 };
            table
                .put_item()
                .table_name("posthorn")
                .item("pk", AttributeValue::S(format!("ST#{endpoint}")))
                .item("sk", AttributeValue::S(format!("{:06}", this_hour - ago)))
                .item("a", AttributeValue::N("3".to_owned()))
                .item("e", AttributeValue::N(failed.to_string()))
                .send()
                .await
                .expect("it is written");
        }
        account.post_until_known(json!({ "type": event_type, "data": {} }), &endpoint).await;
        endpoints.push(format!("/v1/endpoints/{endpoint}"));
    }
    let off = account.wait_until(&endpoints[0], |shown| shown["active"] == json!(false)).await;
    assert_eq!(off["disabled_reason"], "failing");
    for path in ["/short", "/mixed"] {
        receiver.wait_for(path, 1).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    for path in &endpoints[1..] {
        assert_eq!(account.get(path).await["active"], true, "{path}");
    }
    // Switched on again, its past does not count.
    let on = account.patch(&endpoints[0], json!({ "active": true })).await;
    assert_eq!(on["disabled_reason"], json!(null));
}

#[tokio::test]
async fn an_endpoint_that_can_not_be_read_harms_nobody_else() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let spoiled = account.endpoint(json!({ "url": receiver.url("/spoiled") })).await;
    let whole = account.endpoint(json!({ "url": receiver.url("/whole") })).await;
    let table = aws_sdk_dynamodb::Client::new(&stack.aws_config().await);
    // As if its secret had been sealed with another key.
    table
        .update_item()
        .table_name("posthorn")
        .key("pk", AttributeValue::S("A#acme".to_owned()))
        .key("sk", AttributeValue::S(format!("EP#{spoiled}")))
        .update_expression("SET s = :s")
        .expression_attribute_values(":s", AttributeValue::S("AAAA".to_owned()))
        .send()
        .await
        .expect("it is written");
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&event, &whole, "delivered").await;
    let attempts = account.get(&format!("/v1/events/{event}/deliveries/{whole}")).await;
    assert_eq!(attempts["attempt_count"], 1);
    assert_eq!(receiver.count("/spoiled"), 0);
    // What is for it stays on the queue, and is not lost.
    assert_eq!(stack.queue_depth("deliveries").await, 1);
}
