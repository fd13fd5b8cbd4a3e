//! Flowcode: "How to set up webhooks".

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use posthorn_end_to_end::{Reply, Request, python, verdicts};
use posthorn_shared::signing::hmac_sha256;
use serde_json::{Value, json};

use crate::{Stage, catalog, promise};

/// A delivery as the page's procedure takes it.
fn as_received(secret: &str, request: &Request) -> Value {
    json!({
        "dialect": "flowcode", "secret": secret,
        "id": request.header("webhook-id"),
        "timestamp": request.header("webhook-timestamp"),
        "signature": request.header("webhook-signature"),
        "body": String::from_utf8(request.body.to_vec()).expect("text"),
    })
}

#[tokio::test]
async fn only_https() {
    promise!("flowcode:30", "All endpoints must be https");
    let stage = Stage::of("flowcode").await;
    let answer = stage.account.post("/v1/webhooks", json!({ "url": "http://example.com/" })).await;
    assert_eq!(answer.status, 422);
}

#[tokio::test]
async fn the_catalogs_schema_is_what_payloads_reflect() {
    promise!("flowcode:32", "The event catalog's schema is what the payload reflects");
    let stage = Stage::of("flowcode").await;
    let schema = json!({ "type": "object", "required": ["scans"], "properties": { "scans": { "type": "integer" } } });
    let event_type = json!({ "name": "code.scanned", "schema": schema, "example": { "scans": 3 } });
    assert_eq!(stage.account.post("/v1/event-types", event_type).await.status, 201);
    assert_eq!(catalog(&stage.account).await, [("code.scanned".to_owned(), json!({ "scans": 3 }))]);
    stage.endpoint().await;
    let wrong = json!({ "type": "code.scanned", "data": { "scans": "three" } });
    posthorn_end_to_end::eventually("a refusal by the schema", async || {
        match stage.account.post("/v1/events", wrong.clone()).await {
            answer if answer.status == 422 => Ok(()),
            answer => Err(answer.text),
        }
    })
    .await;
    let id = stage.event("code.scanned", json!({ "scans": 7 })).await;
    posthorn_end_to_end::eventually("the payload", async || {
        let requests = stage.receiver.requests("/hook");
        let came = requests.iter().find(|request| request.header("webhook-id") == id);
        came.map(|request| assert_eq!(request.json(), json!({ "scans": 7 }))).ok_or(String::new())
    })
    .await;
}

#[tokio::test]
async fn endpoints_get_what_they_subscribe_to() {
    promise!("flowcode:37", "Subscribe to events by checking them");
    let stage = Stage::of("flowcode").await;
    stage.webhook(json!({ "url": stage.hook(), "events": ["page.viewed"] })).await;
    stage.event("code.scanned", json!({})).await;
    let id = stage.event("page.viewed", json!({})).await;
    assert_eq!(stage.delivery().await.header("webhook-id"), id);
    assert_eq!(stage.receiver.count("/hook"), 1);
}

#[tokio::test]
async fn a_rate_limit_holds_for_every_second() {
    promise!("flowcode:43-45", "Optional limit of messages per second, edited at any time");
    let stage = Stage::of("flowcode").await;
    let webhook = stage.webhook(json!({ "url": stage.hook() })).await;
    assert_eq!(webhook["rate_limit"], Value::Null);
    let id = webhook["id"].as_str().expect("an id");
    let path = format!("/v1/webhooks/{id}");
    let limit = json!({ "per_second": 5 });
    let changed = stage.send("PATCH", &path, json!({ "rate_limit": limit })).await;
    assert_eq!(changed.json["rate_limit"], limit);
    // Its change takes effect within a second.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let one = json!({ "type": "code.scanned", "data": {} });
    let posted = stage.account.post("/v1/events", json!({ "events": vec![one; 40] })).await;
    assert_eq!(posted.status, 202);
    // None is lost, and 40 at 5 a second take seven seconds at the least.
    let requests = stage.receiver.wait_for("/hook", 40).await;
    let took = requests[39].at.duration_since(requests[0].at);
    assert!(took.as_secs_f64() > 6.0, "{took:?}");
    assert_eq!(requests.len(), 40);
}

#[tokio::test]
async fn headers_are_added_after_the_creation() {
    promise!("flowcode:51", "Custom headers, added to an existing endpoint");
    let stage = Stage::of("flowcode").await;
    let id = stage.endpoint().await;
    let headers = json!({ "headers": { "X-Team": "growth" } });
    stage.send("PATCH", &format!("/v1/webhooks/{id}"), headers).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    stage.event("code.scanned", json!({})).await;
    assert_eq!(stage.delivery().await.header("x-team"), "growth");
}

#[tokio::test]
async fn authorization_is_sent_and_never_shown() {
    promise!("flowcode:56", "Authorization is redacted and non-revealable");
    let stage = Stage::of("flowcode").await;
    let headers = json!({ "Authorization": "Basic c2VjcmV0OnNlY3JldA==" });
    let webhook = stage.webhook(json!({ "url": stage.hook(), "headers": headers })).await;
    let id = webhook["id"].as_str().expect("an id");
    let event = stage.event("code.scanned", json!({})).await;
    assert_eq!(stage.delivery().await.header("authorization"), "Basic c2VjcmV0OnNlY3JldA==");
    let delivery = stage.account.delivery(&event, id, "delivered").await;
    let log = stage.account.get(&format!("/v1/webhooks/{id}/logs")).await;
    let native = stage.account.get(&format!("/v1/endpoints/{id}")).await;
    for shown in [&webhook, &delivery, &log, &native] {
        assert!(!shown.to_string().contains("c2VjcmV0"), "{shown}");
    }
    assert_eq!(webhook["headers"]["Authorization"], "***");
}

#[tokio::test]
async fn the_id_stays_when_a_message_is_sent_again() {
    promise!("flowcode:63", "webhook-id: unique, and the same when resent");
    let stage = Stage::of("flowcode").await;
    let endpoint = stage.endpoint().await;
    let (one, two) = (stage.event("a.b", json!({})).await, stage.event("a.b", json!({})).await);
    assert_ne!(one, two);
    stage.account.delivery(&one, &endpoint, "delivered").await;
    let replay = format!("/v1/events/{one}/deliveries/{endpoint}/replay");
    assert_eq!(stage.account.post(&replay, json!({})).await.status, 202);
    let requests = stage.receiver.wait_for("/hook", 3).await;
    let ids: Vec<&str> = requests.iter().map(|request| request.header("webhook-id")).collect();
    assert_eq!(ids.iter().filter(|id| **id == one).count(), 2, "{ids:?}");
}

#[tokio::test]
async fn the_timestamp_is_in_seconds() {
    promise!("flowcode:65", "webhook-timestamp: seconds since epoch");
    let stage = Stage::of("flowcode").await;
    stage.endpoint().await;
    stage.event("a.b", json!({})).await;
    let seconds: i64 = stage.delivery().await.header("webhook-timestamp").parse().expect("seconds");
    let now = jiff::Timestamp::now().as_second();
    assert!((now - 300..=now + 1).contains(&seconds));
}

#[tokio::test]
async fn secrets_are_shown_and_rotated() {
    promise!("flowcode:72-81", "The secret can be viewed, and rotated");
    let stage = Stage::of("flowcode").await;
    let webhook = stage.webhook(json!({ "url": stage.hook() })).await;
    let id = webhook["id"].as_str().expect("an id");
    let shown = stage.account.get(&format!("/v1/endpoints/{id}/secret")).await;
    assert_eq!(shown["secret"], webhook["secret"]);
    let rotated = stage.account.post(&format!("/v1/webhooks/{id}/rotate-secret"), json!({})).await;
    let secret = rotated.json["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("whsec_") && json!(secret) != webhook["secret"]);
    stage.event("a.b", json!({})).await;
    let request = stage.delivery().await;
    let both = [secret, webhook["secret"].as_str().expect("a secret")]
        .map(|secret| as_received(secret, &request));
    // The new one signs first, as the page's procedure takes the first; the old one still signs.
    let verdicts = verdicts(&python(), "dialects.py", &both).await;
    assert_eq!(verdicts, ["accepted", "refused"]);
    assert_eq!(request.header("webhook-signature").split(' ').count(), 2);
}

#[tokio::test]
async fn the_pages_procedure_verifies_deliveries_and_refuses_forgeries() {
    promise!("flowcode:83-119", "The six steps verify every delivery");
    let stage = Stage::of("flowcode").await;
    let secret = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";
    stage.webhook(json!({ "url": stage.hook(), "secret": secret })).await;
    stage.event("a.b", json!({ "name": "Zürich" })).await;
    let genuine = as_received(secret, &stage.delivery().await);
    let text = |name: &str| genuine[name].as_str().expect("a text").to_owned();
    let mut flipped = genuine.clone();
    flipped["body"] = json!(text("body").replace('Z', "z"));
    let mut stranger = genuine.clone();
    stranger["secret"] = json!("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    // Properly signed, but six minutes ago: somebody sends again what was overheard.
    let mut old = genuine.clone();
    let then = text("timestamp").parse::<i64>().expect("seconds") - 360;
    let content = format!("{}.{then}.{}", text("id"), text("body"));
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    let signature = STANDARD.encode(hmac_sha256(&key, content.as_bytes()));
    old["timestamp"] = json!(then.to_string());
    old["signature"] = json!(format!("v1,{signature}"));
    let all = [genuine, flipped, stranger, old];
    for (program, script) in [(python().as_str(), "dialects.py"), ("node", "dialects.mjs")] {
        let verdicts = verdicts(program, script, &all).await;
        assert_eq!(verdicts, ["accepted", "refused", "refused", "refused"], "{script}");
    }
}

#[tokio::test]
async fn the_catalogs_example_is_sent_as_a_test() {
    promise!("flowcode:131-133", "Test sends: the body is the catalog's example");
    let stage = Stage::of("flowcode").await;
    let event_type = json!({ "name": "code.scanned", "example": { "scans": 3 } });
    stage.account.post("/v1/event-types", event_type).await;
    let id = stage.endpoint().await;
    let test = json!({ "event_type": "code.scanned" });
    let sent = stage.account.post(&format!("/v1/endpoints/{id}/test"), test).await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    assert_eq!(stage.delivery().await.json(), json!({ "scans": 3 }));
}

#[tokio::test]
async fn single_events_are_replayed() {
    promise!("flowcode:141-143", "Replay a single event");
    let stage = Stage::of("flowcode").await;
    let endpoint = stage.endpoint().await;
    let id = stage.event("a.b", json!({})).await;
    stage.account.delivery(&id, &endpoint, "delivered").await;
    let resend = format!("/v1/webhooks/{endpoint}/resend");
    let resent = stage.account.post(&resend, json!({ "event_id": id })).await;
    assert_eq!(resent.status, 202, "{}", resent.text);
    stage.receiver.wait_for("/hook", 2).await;
}

#[tokio::test]
async fn failures_of_a_window_are_recovered() {
    promise!("flowcode:146-151", "Recover failed messages of a time window");
    let stage = Stage::of("flowcode").await;
    let webhook = json!({ "url": stage.hook(), "retry": { "schedule": [] } });
    let webhook = stage.webhook(webhook).await;
    let id = webhook["id"].as_str().expect("an id");
    let since = jiff::Timestamp::now();
    stage.receiver.replies("/hook", vec![Reply::status(500), Reply::status(500)]);
    let mut failed = Vec::new();
    for _ in 0..2 {
        let event = stage.event("a.b", json!({})).await;
        stage.account.delivery(&event, id, "failed").await;
        failed.push(event);
    }
    let window = json!({ "since": since });
    let started = stage.account.post(&format!("/v1/endpoints/{id}/recover"), window).await;
    assert_eq!(started.status, 202, "{}", started.text);
    for event in failed {
        stage.account.delivery(&event, id, "delivered").await;
    }
}

#[tokio::test]
async fn disabled_endpoints_come_back_as_they_were_and_deleted_ones_do_not() {
    promise!("flowcode:157-161,187", "Disabling and deleting stop attempts; messages stay");
    let stage = Stage::of("flowcode").await;
    let webhook = json!({
        "url": stage.hook(), "events": ["a.*"], "rate_limit": { "per_second": 100 },
        "headers": { "X-Team": "growth" },
    });
    let webhook = stage.webhook(webhook).await;
    let id = webhook["id"].as_str().expect("an id");
    let path = format!("/v1/webhooks/{id}");
    stage.receiver.replies("/hook", vec![Reply::status(500)]);
    let waiting = stage.event("a.b", json!({})).await;
    stage.account.delivery(&waiting, id, "retrying").await;
    stage.send("PATCH", &path, json!({ "active": false })).await;
    // Its retry, due in 5 s, is not made.
    stage.account.delivery(&waiting, id, "cancelled").await;
    let on = stage.send("PATCH", &path, json!({ "active": true })).await.json;
    for name in ["url", "events", "rate_limit", "headers", "active"] {
        assert_eq!(on[name], webhook[name]);
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let event = stage.event("a.b", json!({})).await;
    stage.account.delivery(&event, id, "delivered").await;
    assert_eq!(stage.receiver.count("/hook"), 2);
    stage.account.delete(&path).await;
    let log = stage.account.request("GET", &format!("{path}/logs"), &[], "").await;
    assert_eq!(log.status, 404);
    assert_eq!(stage.account.get(&format!("/v1/events/{event}")).await["id"], json!(event));
}

#[tokio::test]
async fn the_schedule_is_the_pages() {
    promise!("flowcode:165-183", "At once, then 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h");
    let stage = Stage::at("flowcode", 3600.0).await;
    stage.receiver.reply("/hook", Reply::status(500));
    let endpoint = stage.endpoint().await;
    let id = stage.event("a.b", json!({})).await;
    let delivery = stage.account.delivery(&id, &endpoint, "failed").await;
    let schedule = [5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0];
    crate::assert_not_earlier(&delivery, &schedule, 3600.0);
}
