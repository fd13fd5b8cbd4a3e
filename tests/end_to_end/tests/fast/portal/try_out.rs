//! The tab that sends a test.

use posthorn_end_to_end::{Browser, Receiver, Stack};
use serde_json::json;

#[tokio::test]
async fn a_test_arrives_as_it_was_typed() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let acme = stack.account("acme").await;
    acme.post("/v1/event-types", json!({ "name": "order.paid" })).await;
    let endpoint = acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let browser = Browser::of(&stack, "acme").await;
    let typed = "{\n  \"price\": 1.50,\n  \"order\": 12345678901234567890123\n}";
    let path = format!("/portal/endpoints/{endpoint}/test");
    let sent = browser.post(&path, &[("event_type", "order.paid"), ("data", typed)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let requests = receiver.wait_for("/hook", 1).await;
    let body = requests[0].text();
    assert!(body.contains(&format!("\"data\":{typed}")), "{body}");
}
