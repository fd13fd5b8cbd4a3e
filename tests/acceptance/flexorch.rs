//! FlexOrch: "Webhooks".

use posthorn_end_to_end::Reply;
use serde_json::{Value, json};

use crate::{Stage, assert_not_earlier, assert_signed, catalog, promise};

/// The page's own request.
const REGISTER: &str = r#"{
    "url": "https://your-app.com/hooks/flexorch",
    "events": ["job.completed", "job.failed"],
    "secret": "your_signing_secret"
  }"#;

#[tokio::test]
async fn the_three_events_are_in_the_catalog() {
    promise!("flexorch:5-10", "job.completed, job.failed, dataset.ready");
    let stage = Stage::of("flexorch").await;
    let names: Vec<String> = catalog(&stage.account).await.into_iter().map(|(n, _)| n).collect();
    assert_eq!(names, ["dataset.ready", "job.completed", "job.failed"]);
}

#[tokio::test]
async fn any_2xx_acknowledges() {
    promise!("flexorch:18", "A 2xx status acknowledges delivery");
    let stage = Stage::of("flexorch").await;
    let endpoint = stage.endpoint().await;
    for status in [200, 202, 204] {
        stage.receiver.reply("/hook", Reply::status(status));
        let id = stage.event("job.completed", json!({})).await;
        stage.account.delivery(&id, &endpoint, "delivered").await;
    }
}

#[tokio::test]
async fn the_pages_request_registers_a_webhook() {
    promise!("flexorch:23-30", "POST /v1/webhooks with X-API-KEY");
    let stage = Stage::of("flexorch").await;
    // With no other key.
    let nobody = posthorn_end_to_end::Client::new(&stage.stack.api_url, "");
    let headers = [("x-api-key", stage.account.key.as_str()), ("content-type", "application/json")];
    let answer = nobody.request("POST", "/v1/webhooks", &headers, REGISTER).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let given: Value = serde_json::from_str(REGISTER).expect("JSON");
    for name in ["url", "events", "secret"] {
        assert_eq!(answer.json[name], given[name]);
    }
    let without = nobody.request("POST", "/v1/webhooks", &[], REGISTER).await;
    assert_eq!(without.status, 401);
}

#[tokio::test]
async fn signatures_are_verified_as_the_page_does() {
    promise!("flexorch:35,51-62", "X-Flexorch-Signature: HMAC-SHA256 of the raw body, hex");
    let stage = Stage::of("flexorch").await;
    stage.webhook(json!({ "url": stage.hook(), "secret": "your_signing_secret" })).await;
    stage.event("job.failed", json!({ "error": "Zürich" })).await;
    let request = stage.delivery().await;
    assert_signed("flexorch", "x-flexorch-signature", "your_signing_secret", &request).await;
}

#[tokio::test]
async fn the_payload_is_the_pages() {
    promise!("flexorch:39-47", "The payload of job.completed, flat");
    let stage = Stage::of("flexorch").await;
    stage.endpoint().await;
    let (_, example) =
        catalog(&stage.account).await.into_iter().find(|(n, _)| n == "job.completed").expect("it");
    let event =
        json!({ "type": "job.completed", "timestamp": "2024-01-15T10:30:00Z", "data": example });
    stage.account.post_event(event).await;
    let page = json!({
        "event": "job.completed", "job_id": "job_abc123", "status": "completed",
        "quality_grade": "A", "pii_findings_count": 2, "timestamp": "2024-01-15T10:30:00Z",
    });
    let body = stage.delivery().await.body;
    assert_eq!(String::from_utf8(body.to_vec()).expect("text"), page.to_string());
}

#[tokio::test]
async fn it_is_retried_once() {
    promise!("flexorch:80", "A non-2xx status is retried once");
    let stage = Stage::at("flexorch", 15.0).await;
    stage.receiver.reply("/hook", Reply::status(404));
    let endpoint = stage.endpoint().await;
    let id = stage.event("job.completed", json!({})).await;
    let delivery = stage.account.delivery(&id, &endpoint, "failed").await;
    assert_not_earlier(&delivery, &[30.0], 15.0);
}

#[tokio::test]
async fn the_log_shows_request_and_response_of_each_attempt() {
    promise!("flexorch:80", "Logs: request and response for each attempt");
    let stage = Stage::at("flexorch", 15.0).await;
    stage.receiver.replies("/hook", vec![Reply::status(500).body("out of memory")]);
    let endpoint = stage.endpoint().await;
    let id = stage.event("job.completed", json!({ "job_id": "job_1" })).await;
    stage.account.delivery(&id, &endpoint, "delivered").await;
    let log = stage.account.get(&format!("/v1/webhooks/{endpoint}/logs")).await;
    let attempts = log["data"][0]["attempts"].as_array().expect("a list");
    assert_eq!(attempts.len(), 2);
    assert_eq!(attempts[0]["response"]["body"], "out of memory");
    assert_eq!(attempts[0]["request"]["url"], json!(stage.hook()));
    assert_eq!(attempts[1]["status_code"], 200);
    assert_eq!(log["data"][0]["payload"]["job_id"], "job_1");
}

#[tokio::test]
async fn an_export_that_would_not_happen_is_refused() {
    let stage = Stage::of("flexorch").await;
    let export = json!({ "connector_id": 1, "format": "jsonl", "prefix": "exports/" });
    let webhook =
        json!({ "url": stage.hook(), "events": ["dataset.ready"], "auto_export": export });
    let refused = stage.account.post("/v1/webhooks", webhook).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json["errors"][0]["pointer"], "/auto_export");
}
