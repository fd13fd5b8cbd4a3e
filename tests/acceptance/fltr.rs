//! FLTR: <https://www.tryfltr.com>, "Webhooks".

use std::time::Duration;

use posthorn_end_to_end::{Reply, eventually};
use serde_json::{Value, json};

use crate::{Stage, assert_not_earlier, assert_signed, catalog, promise};

#[tokio::test]
async fn events_come_as_http_post_of_json() {
    promise!("fltr:3", "Events come as HTTP POST requests");
    let stage = Stage::of("fltr").await;
    stage.endpoint().await;
    let id = stage.event("document.uploaded", json!({ "document_id": "doc_1" })).await;
    let request = stage.delivery().await;
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), "application/json");
    let body = request.json();
    assert_eq!((&body["id"], &body["type"]), (&json!(id), &json!("document.uploaded")));
    assert_eq!(body["data"], json!({ "document_id": "doc_1" }));
}

#[tokio::test]
async fn the_seven_event_types_are_in_the_catalog() {
    promise!("fltr:17-25", "Seven event types, for documents and datasets");
    let stage = Stage::of("fltr").await;
    let catalog = catalog(&stage.account).await;
    let names: Vec<&str> = catalog.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "dataset.created",
        "dataset.deleted",
        "dataset.updated",
        "document.deleted",
        "document.processed",
        "document.processing_failed",
        "document.uploaded",
    ];
    assert_eq!(names, expected);
    let id = stage.endpoint().await;
    for (index, (name, example)) in catalog.iter().enumerate() {
        let test = json!({ "event_type": name });
        let sent = stage.account.post(&format!("/v1/endpoints/{id}/test"), test).await;
        assert_eq!(sent.status, 202, "{}", sent.text);
        let request = stage.receiver.wait_for("/hook", index + 1).await.remove(index);
        assert_eq!(&request.json()["data"], example);
    }
}

#[tokio::test]
async fn only_https_but_for_localhost() {
    promise!("fltr:31,43", "HTTPS only; HTTP for localhost");
    let stage = Stage::of("fltr").await;
    let status =
        async |url: &str| stage.account.post("/v1/webhooks", json!({ "url": url })).await.status;
    assert_eq!(status("http://example.com/hook").await, 422);
    assert_eq!(status("https://example.com/hook").await, 201);
    assert_eq!(status("http://localhost:3000/hook").await, 201);
}

#[tokio::test]
async fn only_the_selected_events_come() {
    promise!("fltr:32", "Select which events to receive");
    let stage = Stage::of("fltr").await;
    let webhook = json!({ "url": stage.hook(), "events": ["document.processed"] });
    stage.webhook(webhook).await;
    stage.event("document.uploaded", json!({})).await;
    let wanted = stage.event("document.processed", json!({})).await;
    let request = stage.delivery().await;
    assert_eq!(request.json()["id"], json!(wanted));
    assert_eq!(stage.receiver.count("/hook"), 1);
}

#[tokio::test]
async fn a_secret_is_made_and_signs_every_webhook() {
    promise!("fltr:33,40", "An auto-generated secret; HMAC-SHA256 signatures");
    let stage = Stage::of("fltr").await;
    let webhook = stage.webhook(json!({ "url": stage.hook() })).await;
    let secret = webhook["secret"].as_str().expect("a secret");
    stage.event("dataset.created", json!({ "dataset_id": "ds_1" })).await;
    assert_signed("fltr", "x-fltr-signature", secret, &stage.delivery().await).await;
}

#[tokio::test]
async fn webhooks_are_managed_by_the_api() {
    promise!("fltr:35", "Webhooks are created and managed via API");
    let stage = Stage::of("fltr").await;
    let webhook = json!({ "url": "https://example.com/fltr", "events": ["dataset.created"] });
    let created = stage.webhook(webhook).await;
    let path = format!("/v1/webhooks/{}", created["id"].as_str().expect("an id"));
    let shown = stage.account.get(&path).await;
    assert_eq!(shown["events"], json!(["dataset.created"]));
    assert_eq!(shown["secret"], Value::Null);
    let list = stage.account.get("/v1/webhooks").await;
    assert_eq!(list["data"], json!([shown]));
    let changed = stage.send("PATCH", &path, json!({ "active": false })).await;
    assert_eq!((changed.status, &changed.json["active"]), (200, &json!(false)));
    stage.account.delete(&path).await;
    assert_eq!(stage.account.request("GET", &path, &[], "").await.status, 404);
    let wrong = json!({ "url": "https://example.com/", "events": ["no such"], "colour": "red" });
    let refused = stage.account.post("/v1/webhooks", wrong).await;
    assert_eq!(refused.status, 422);
    let mut pointers: Vec<_> =
        refused.json["errors"].as_array().expect("a list").iter().map(|e| &e["pointer"]).collect();
    pointers.sort_by_key(|pointer| pointer.as_str());
    assert_eq!(pointers, [&json!("/colour"), &json!("/events/0")]);
}

#[tokio::test]
async fn secrets_are_rotated() {
    promise!("fltr:49", "Secrets can be rotated");
    let stage = Stage::of("fltr").await;
    let webhook = stage.webhook(json!({ "url": stage.hook() })).await;
    let path = format!("/v1/webhooks/{}/rotate-secret", webhook["id"].as_str().expect("an id"));
    let rotated = stage.account.post(&path, json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let secret = rotated.json["secret"].as_str().expect("a secret");
    assert_ne!(json!(secret), webhook["secret"]);
    stage.event("dataset.created", json!({})).await;
    assert_signed("fltr", "x-fltr-signature", secret, &stage.delivery().await).await;
}

#[tokio::test]
async fn an_answer_after_5_seconds_comes_too_late() {
    promise!("fltr:52,60,68", "5 seconds per request; no response: retried");
    let stage = Stage::at("fltr", 60.0).await;
    stage.receiver.replies("/hook", vec![Reply::after(Duration::from_secs(20), 200)]);
    let endpoint = stage.endpoint().await;
    let id = stage.event("dataset.created", json!({})).await;
    let delivery = stage.account.delivery(&id, &endpoint, "delivered").await;
    let first = &delivery["attempts"][0];
    assert_eq!(first["error"]["kind"], "timeout", "{delivery}");
    let took = first["duration_ms"].as_u64().expect("a number");
    assert!((5_000..20_000).contains(&took), "{took}");
    assert_eq!(delivery["attempt_count"], 2);
}

#[tokio::test]
async fn every_attempt_has_the_same_event_id() {
    promise!("fltr:55", "Event ids tell duplicates");
    let stage = Stage::at("fltr", 60.0).await;
    stage.receiver.replies("/hook", vec![Reply::status(500)]);
    stage.endpoint().await;
    let id = stage.event("dataset.created", json!({})).await;
    for request in stage.receiver.wait_for("/hook", 2).await {
        assert_eq!(request.header("x-fltr-event-id"), id);
        assert_eq!(request.json()["id"], json!(id));
    }
}

#[tokio::test]
async fn three_retries_after_1_5_and_30_minutes_then_it_has_failed() {
    promise!("fltr:58-61,67", "5xx: up to 3 retries after 1, 5 and 30 minutes, then failed");
    let stage = Stage::at("fltr", 120.0).await;
    stage.receiver.reply("/hook", Reply::status(500));
    let endpoint = stage.endpoint().await;
    let id = stage.event("dataset.created", json!({})).await;
    let delivery = stage.account.delivery(&id, &endpoint, "failed").await;
    assert_not_earlier(&delivery, &[60.0, 300.0, 1800.0], 120.0);
}

#[tokio::test]
async fn any_2xx_is_a_success() {
    promise!("fltr:65", "200-299: delivered, no retry");
    let stage = Stage::of("fltr").await;
    let endpoint = stage.endpoint().await;
    for status in [200, 201, 202, 204, 299] {
        stage.receiver.reply("/hook", Reply::status(status));
        let id = stage.event("dataset.created", json!({})).await;
        let delivery = stage.account.delivery(&id, &endpoint, "delivered").await;
        assert_eq!(delivery["attempt_count"], 1);
    }
}

#[tokio::test]
async fn a_4xx_is_not_retried() {
    promise!("fltr:66", "400-499: no retry");
    let stage = Stage::of("fltr").await;
    let endpoint = stage.endpoint().await;
    for status in [400, 401, 404, 422, 429, 499] {
        stage.receiver.reply("/hook", Reply::status(status));
        let id = stage.event("dataset.created", json!({})).await;
        let delivery = stage.account.delivery(&id, &endpoint, "failed").await;
        assert_eq!(delivery["attempt_count"], 1, "{status}");
    }
}

#[tokio::test]
async fn webhooks_can_be_tested() {
    promise!("fltr:73", "Test mode webhooks");
    let stage = Stage::of("fltr").await;
    let endpoint = stage.endpoint().await;
    let test = json!({ "event_type": "document.processed" });
    let sent = stage.account.post(&format!("/v1/endpoints/{endpoint}/test"), test).await;
    assert_eq!(sent.status, 202);
    assert_eq!(stage.delivery().await.header("x-fltr-event"), "document.processed");
}

#[tokio::test]
async fn the_log_shows_attempts_with_codes_times_errors_and_payloads() {
    promise!("fltr:74-79", "Logs: status, codes and times, errors, retries, payloads");
    let stage = Stage::at("fltr", 60.0).await;
    stage.receiver.replies("/hook", vec![Reply::status(503)]);
    let endpoint = stage.endpoint().await;
    let id = stage.event("document.deleted", json!({ "document_id": "doc_9" })).await;
    stage.account.delivery(&id, &endpoint, "delivered").await;
    let log = stage.account.get(&format!("/v1/webhooks/{endpoint}/logs")).await;
    let entry = &log["data"][0];
    assert_eq!((&entry["event_id"], &entry["status"]), (&json!(id), &json!("success")));
    assert_eq!((&entry["status_code"], &entry["attempt_count"]), (&json!(200), &json!(2)));
    assert!(entry["response_time_ms"].is_u64());
    assert_eq!(entry["payload"]["data"], json!({ "document_id": "doc_9" }));
    let first = &entry["attempts"][0];
    assert_eq!(first["status_code"], 503);
    assert!(first["error"]["detail"].as_str().expect("a text").contains("503"));
    let failed = stage.account.get(&format!("/v1/webhooks/{endpoint}/logs?status=failed")).await;
    assert_eq!(failed["data"], json!([]));
}

#[tokio::test]
async fn headers_name_event_id_and_time() {
    promise!("fltr:87", "Headers with every webhook");
    let stage = Stage::of("fltr").await;
    stage.endpoint().await;
    let id = stage.event("dataset.updated", json!({})).await;
    let request = stage.delivery().await;
    assert_eq!(request.header("x-fltr-event"), "dataset.updated");
    assert_eq!(request.header("x-fltr-event-id"), id);
    let seconds: i64 = request.header("x-fltr-timestamp").parse().expect("seconds");
    let now = jiff::Timestamp::now().as_second();
    assert!((now - 300..=now + 1).contains(&seconds), "{seconds}");
    assert_eq!(request.header("x-fltr-signature").len(), 64);
}

#[tokio::test]
async fn an_account_has_at_most_100_webhooks() {
    promise!("fltr:88", "Max 100 webhooks per account");
    let stage = Stage::of("fltr").await;
    let create =
        async || stage.account.post("/v1/webhooks", json!({ "url": "https://example.com/" })).await;
    for _ in 0..100 {
        assert_eq!(create().await.status, 201);
    }
    let refused = create().await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("100"), "{}", refused.text);
    // The platform team can raise it for one account.
    let raised = json!({ "limits": { "endpoints": 101 } });
    stage.stack.admin().patch("/v1/accounts/customer", raised).await;
    eventually("the raised limit", async || match create().await {
        answer if answer.status == 201 => Ok(()),
        answer => Err(answer.text),
    })
    .await;
}

#[tokio::test]
async fn at_most_1000_deliveries_an_hour_and_the_rest_wait() {
    promise!("fltr:89", "Max 1000 deliveries per hour per webhook; the rest wait");
    // An hour takes 40 s.
    let stage = Stage::at("fltr", 90.0).await;
    let endpoint = stage.endpoint().await;
    let post = async |count: usize| {
        let one = json!({ "type": "dataset.updated", "data": {} });
        let answer = stage.account.post("/v1/events", json!({ "events": vec![one; count] })).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json["ids"].as_array().expect("ids").clone()
    };
    for _ in 0..10 {
        post(100).await;
    }
    let first = stage.receiver.wait_for("/hook", 1000).await[0].at;
    let late = post(30).await;
    // All of them arrive, in the next hour.
    let requests = stage.receiver.wait_for("/hook", 1030).await;
    assert_eq!(requests.len(), 1030);
    let over = requests[1000].at.duration_since(first);
    assert!(over > Duration::from_secs(30), "{over:?}");
    let mut came: Vec<_> =
        requests[1000..].iter().map(|request| json!(request.header("x-fltr-event-id"))).collect();
    let mut wanted = late.clone();
    came.sort_by_key(ToString::to_string);
    wanted.sort_by_key(ToString::to_string);
    assert_eq!(came, wanted);
    let id = late[0].as_str().expect("an id");
    let delivery = stage.account.delivery(id, &endpoint, "delivered").await;
    // Waiting used up no attempt.
    assert_eq!(delivery["attempt_count"], 1);
}

#[tokio::test]
async fn a_webhook_that_fails_more_than_80_percent_is_switched_off() {
    promise!("fltr:90", "Webhooks failing >80% over 24 h are disabled");
    let stage = Stage::of("fltr").await;
    let endpoint = stage.endpoint().await;
    let path = format!("/v1/webhooks/{endpoint}");
    let fail = async |count: usize| {
        for _ in 0..count {
            let id = stage.event("dataset.updated", json!({})).await;
            stage.account.delivery(&id, &endpoint, "failed").await;
        }
    };

    for _ in 0..4 {
        let id = stage.event("dataset.updated", json!({})).await;
        stage.account.delivery(&id, &endpoint, "delivered").await;
    }
    stage.receiver.reply("/hook", Reply::status(404));
    fail(16).await;
    // 16 of 20 are 80 %, and not more.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stage.account.get(&path).await["active"], json!(true));
    fail(1).await;
    let off = stage.account.wait_until(&path, |webhook| webhook["active"] == json!(false)).await;
    assert_eq!(off["disabled_reason"], "failure_rate");
    // Switched on again, it starts anew.
    let on = stage.send("PATCH", &path, json!({ "active": true })).await;
    assert_eq!(on.json["active"], json!(true));
    tokio::time::sleep(Duration::from_secs(2)).await;
    fail(5).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(stage.account.get(&path).await["active"], json!(true));
}
