//! What receivers may say beside the status.

use posthorn_end_to_end::{Receiver, Reply, Stack};
use serde_json::{Value, json};

#[tokio::test]
async fn a_receiver_ends_a_delivery_by_a_header() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let abort = Reply::status(500).header("webhook-delivery", "abort-message");
    receiver.replies("/hook", vec![abort]);
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    let failed = account.delivery(&event, &endpoint, "failed").await;
    assert_eq!((&failed["attempt_count"], &failed["next_attempt_at"]), (&json!(1), &Value::Null));
    let shown = account.get(&format!("/v1/endpoints/{endpoint}")).await;
    assert_eq!(shown["active"], true);
}

#[tokio::test]
async fn a_receiver_switches_its_endpoint_off_by_a_header() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    receiver.reply("/hook", Reply::status(200).header("Webhook-Delivery", "Disable"));
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&event, &endpoint, "delivered").await;
    let path = format!("/v1/endpoints/{endpoint}");
    let off = account.wait_until(&path, |endpoint| endpoint["active"] == json!(false)).await;
    assert_eq!(off["disabled_reason"], "requested");
}

#[tokio::test]
async fn too_many_requests_slow_the_whole_endpoint_down() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    for (status, path) in [(429, "/429"), (502, "/502"), (504, "/504")] {
        let endpoint = json!({ "url": receiver.url(path), "event_types": [format!("t{status}")] });
        let endpoint = account.endpoint(endpoint).await;
        receiver.replies(path, vec![Reply::status(status)]);
        let event = json!({ "type": format!("t{status}"), "data": {} });
        let event = account.post_event(event).await;
        let path = format!("/v1/endpoints/{endpoint}");
        let slowed = account.wait_until(&path, |endpoint| endpoint["health"].is_object()).await;
        assert_eq!(slowed["health"]["pace"]["per_second"], json!(16.0), "{slowed}");
        account.delivery(&event, &endpoint, "delivered").await;
    }
}
