//! Endpoints that don't answer.

use std::time::Duration;

use posthorn_end_to_end::{Receiver, Reply, Stack, eventually};
use serde_json::{Value, json};

fn attempts(log: &Value) -> u64 {
    let log = log["data"].as_array().expect("a list");
    log.iter().map(|delivery| delivery["attempt_count"].as_u64().expect("a number")).sum()
}

/// A port on which nobody listens yet.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_left_alone_until_it_does() {
    let stack = Stack::with_time_scale(8.0).await;
    let account = stack.account("acme").await;
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/hook");
    // One of the first may be each of the probes, too.
    let retry = json!({ "schedule": ["1m", "1m", "1m", "1m", "1m"] });
    let endpoint = account.endpoint(json!({ "url": url, "retry": retry })).await;
    let path = format!("/v1/endpoints/{endpoint}");
    assert_eq!(account.get(&path).await["health"], Value::Null);
    let one = json!({ "type": "a.b", "data": {} });
    let send = async |count: usize| {
        let events = json!({ "events": vec![one.clone(); count] });
        let sent = account.post("/v1/events", events).await;
        assert_eq!(sent.status, 202, "{}", sent.text);
        sent.json["ids"].as_array().expect("ids").clone()
    };
    let mut ids = send(5).await;
    let open = |endpoint: &Value| endpoint["health"]["open"]["probe_at"].is_string();
    account.wait_until(&path, open).await;
    // What comes now is not attempted, but for a probe now and then.
    ids.extend(send(60).await);
    let probed = |endpoint: &Value| endpoint["health"]["open"]["failed_probes"] == json!(2);
    let shown = account.wait_until(&path, probed).await;
    let log = account.get(&format!("{path}/deliveries?limit=250")).await;
    // The first, and the probes.
    let most = 5 + 3;
    assert!(attempts(&log) <= most, "{} attempts: {shown}", attempts(&log));

    // Somebody mends it.
    let receiver = Receiver::on(port).await;
    let mut made = 0;
    for id in &ids {
        let id = id.as_str().expect("an id");
        let delivery = account.delivery(id, &endpoint, "delivered").await;
        made += delivery["attempt_count"].as_u64().expect("a number");
    }
    // Waiting used up no attempt: one for each event, but for the first and the probes.
    assert!(made <= ids.len() as u64 + most, "{made} attempts");
    assert_eq!(receiver.count("/hook"), ids.len());
    let closed = account.wait_until(&path, |endpoint| !open(endpoint)).await;
    // What had piled up came at a pace.
    assert!(closed["health"]["pace"]["per_second"].is_number(), "{closed}");
}

#[tokio::test]
async fn a_new_url_is_tried_at_once() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let url = format!("http://127.0.0.1:{}/hook", free_port());
    let endpoint = account.endpoint(json!({ "url": url, "retry": { "schedule": [] } })).await;
    let path = format!("/v1/endpoints/{endpoint}");
    for _ in 0..6 {
        account.post_event(json!({ "type": "a.b", "data": {} })).await;
    }
    account.wait_until(&path, |endpoint| endpoint["health"]["open"].is_object()).await;
    let patched = account.patch(&path, json!({ "url": receiver.url("/hook") })).await;
    assert_eq!(patched["health"], Value::Null);
    account.post_until_known(json!({ "type": "a.b", "data": {} }), &endpoint).await;
    receiver.wait_for("/hook", 1).await;
}

/// One that answers slowly holds few places, and the others don't notice.
#[tokio::test]
async fn a_slow_endpoint_delays_nobody_else() {
    use posthorn_end_to_end::Reply;
    use std::time::Duration;

    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    receiver.reply("/slow", Reply::after(Duration::from_secs(60), 200));
    let slow =
        json!({ "url": receiver.url("/slow"), "event_types": ["slow"], "timeout_seconds": 30 });
    account.endpoint(slow).await;
    account.endpoint(json!({ "url": receiver.url("/quick"), "event_types": ["quick"] })).await;
    let one = json!({ "type": "slow", "data": {} });
    for _ in 0..10 {
        let sent = account.post("/v1/events", json!({ "events": vec![one.clone(); 100] })).await;
        assert_eq!(sent.status, 202);
    }
    receiver.wait_for("/slow", 1).await;
    for number in 1..=20 {
        account.post_event(json!({ "type": "quick", "data": {} })).await;
        receiver.wait_for("/quick", number).await;
    }
    // All of that while the first of the slow ones were still under way.
    eventually("no more than their places", async || match receiver.count("/slow") {
        count if count <= 64 => Ok(()),
        count => Err(count.to_string()),
    })
    .await;
}

#[tokio::test]
async fn an_attempt_is_on_record_before_slower_ones_of_its_batch_end() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    receiver.reply("/slow", Reply::after(Duration::from_secs(10), 200));
    let slow = account.endpoint(json!({ "url": receiver.url("/slow") })).await;
    let quick = account.endpoint(json!({ "url": receiver.url("/quick") })).await;
    // One event's deliveries are sent together, and so received together.
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&event, &quick, "delivered").await;
    receiver.wait_for("/slow", 1).await;
    let waits = account.get(&format!("/v1/endpoints/{slow}/deliveries")).await;
    assert_eq!(attempts(&waits), 0, "it waits for its answer: {waits}");
    account.delivery(&event, &slow, "delivered").await;
    for path in ["/quick", "/slow"] {
        assert_eq!(receiver.count(path), 1, "{path}");
    }
}
