//! What happens when a receiver does not take an event.

use std::time::Duration;

use posthorn_end_to_end::{Receiver, Reply, Stack, closed_port_url};
use serde_json::json;

/// Makes the 27 hours of the standard schedule half a minute.
const HALF_A_MINUTE: f64 = 3600.0;

#[tokio::test]
async fn the_standard_schedule_is_kept_over_both_roads_until_it_has_failed() {
    let stack = Stack::with_time_scale(HALF_A_MINUTE).await;
    let receiver = Receiver::start().await;
    receiver.reply("/hook", Reply::status(500));
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let id = account.post_event(json!({ "type": "a.b", "data": {} })).await;

    let delivery = account.delivery(&id, &endpoint, "failed").await;
    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 8);
    let numbers: Vec<u64> = attempts.iter().map(|a| a["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    let times: Vec<jiff::Timestamp> =
        attempts.iter().map(|a| a["started_at"].as_str().unwrap().parse().unwrap()).collect();
    let pauses = [5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0];
    for (index, pause) in pauses.iter().enumerate() {
        let passed = times[index + 1].duration_since(times[index]).as_secs_f64();
        let planned = pause / HALF_A_MINUTE;
        // Never earlier than planned less its jitter; how much later is the machine's business.
        assert!(passed >= planned * 0.9 - 0.01, "pause {index}: {passed} s of {planned} s");
    }
    let ids: Vec<_> =
        receiver.requests("/hook").iter().map(|r| r.header("webhook-id").to_owned()).collect();
    assert_eq!(ids, vec![id.clone(); 8]);

    let log = account.get(&format!("/v1/endpoints/{endpoint}/deliveries?status=failed")).await;
    assert_eq!(log["data"][0]["event_id"], json!(id));
    assert_eq!(log["data"][0]["last_status_code"], 500);
}

#[tokio::test]
async fn a_receiver_that_recovers_gets_the_event_with_the_same_id() {
    let stack = Stack::with_time_scale(100.0).await;
    let receiver = Receiver::start().await;
    receiver.replies("/hook", vec![Reply::status(503), Reply::status(302), Reply::status(204)]);
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let id = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    let delivery = account.delivery(&id, &endpoint, "delivered").await;
    let codes: Vec<_> =
        delivery["attempts"].as_array().unwrap().iter().map(|a| a["status_code"].clone()).collect();
    assert_eq!(codes, [json!(503), json!(302), json!(204)]);
    let requests = receiver.requests("/hook");
    assert!(requests.iter().all(|request| request.header("webhook-id") == id));
    assert!(requests.iter().all(|request| request.body == requests[0].body));
}

#[tokio::test]
async fn switching_off_or_deleting_an_endpoint_stops_its_retries() {
    let stack = Stack::with_time_scale(200.0).await;
    let receiver = Receiver::start().await;
    receiver.reply("/off", Reply::status(500));
    receiver.reply("/deleted", Reply::status(500));
    let account = stack.account("acme").await;
    let off = account.endpoint(json!({ "url": receiver.url("/off") })).await;
    let deleted = account.endpoint(json!({ "url": receiver.url("/deleted") })).await;
    let id = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    receiver.wait_for("/off", 1).await;
    receiver.wait_for("/deleted", 1).await;
    account.patch(&format!("/v1/endpoints/{off}"), json!({ "active": false })).await;
    account.delete(&format!("/v1/endpoints/{deleted}")).await;
    account.delivery(&id, &off, "cancelled").await;
    let seen = (receiver.count("/off"), receiver.count("/deleted"));
    stack.wait_until_idle().await;
    assert_eq!((receiver.count("/off"), receiver.count("/deleted")), seen);
    // Back on with everything as it was: the next event arrives.
    receiver.reply("/off", Reply::status(200));
    account.patch(&format!("/v1/endpoints/{off}"), json!({ "active": true })).await;
    let id = account.post_until_known(json!({ "type": "a.b", "data": {} }), &off).await;
    assert!(receiver.requests("/off").iter().any(|request| request.header("webhook-id") == id));
}

#[tokio::test]
async fn gone_switches_the_endpoint_off() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    receiver.reply("/hook", Reply::status(410));
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let id = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&id, &endpoint, "failed").await;
    let shown = account
        .wait_until(&format!("/v1/endpoints/{endpoint}"), |endpoint| endpoint["active"] == false)
        .await;
    assert_eq!(shown["disabled_reason"], "gone");
}

#[tokio::test]
async fn a_receiver_that_hangs_is_left_after_the_time_out() {
    let stack = Stack::with_time_scale(3600.0).await;
    let receiver = Receiver::start().await;
    receiver.reply("/hook", Reply::after(Duration::from_secs(20), 200));
    let account = stack.account("acme").await;
    let endpoint = account
        .endpoint(json!({
            "url": receiver.url("/hook"),
            "timeout_seconds": 1,
            "retry": { "schedule": ["5s"] },
        }))
        .await;
    let id = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    let delivery = account.delivery(&id, &endpoint, "failed").await;
    assert_eq!(delivery["attempt_count"], 2);
    assert_eq!(delivery["last_error"]["kind"], "timeout");
}

#[tokio::test]
async fn a_closed_port_is_told_apart() {
    let stack = Stack::with_time_scale(3600.0).await;
    let account = stack.account("acme").await;
    let endpoint = account
        .endpoint(json!({ "url": closed_port_url(), "retry": { "schedule": ["5s"] } }))
        .await;
    let id = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    let delivery = account.delivery(&id, &endpoint, "failed").await;
    assert_eq!(delivery["last_error"]["kind"], "connect");
}
