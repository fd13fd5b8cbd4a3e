//! Beltic: "Webhooks".

use posthorn_end_to_end::Reply;
use serde_json::{Value, json};

use crate::{Stage, assert_not_earlier, assert_signed, catalog, promise};

const MEDIA_TYPE: &str = "application/vnd.api+json";

fn config(attributes: Value) -> Value {
    json!({ "data": { "type": "webhook-config", "attributes": attributes } })
}

async fn created(stage: &Stage, attributes: Value) -> Value {
    let body = config(attributes).to_string();
    let headers = [("content-type", MEDIA_TYPE)];
    let answer = stage.account.request("POST", "/v1/webhooks", &headers, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], MEDIA_TYPE);
    answer.json["data"].clone()
}

fn id(config: &Value) -> &str {
    config["id"].as_str().expect("an id")
}

#[tokio::test]
async fn deliveries_are_posts_of_json_api_with_the_token() {
    promise!("beltic:4-7,42", "POST, JSON, X-Webhook-Token, a JSON:API payload");
    let stage = Stage::of("beltic").await;
    let webhook = created(&stage, json!({ "url": stage.hook() })).await;
    let event =
        stage.event("processed", json!({ "document_id": "doc_1", "status": "processed" })).await;
    let request = stage.delivery().await;
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(json!(request.header("x-webhook-token")), webhook["attributes"]["token"]);
    let data = &request.json()["data"];
    assert_eq!((&data["type"], &data["id"]), (&json!("webhook-event"), &json!(event)));
    let attributes = &data["attributes"];
    assert_eq!(attributes["event"], "processed");
    assert_eq!(attributes["document_id"], "doc_1");
    assert!(attributes["occurred_at"].as_str().expect("a time").parse::<jiff::Timestamp>().is_ok());
}

#[tokio::test]
async fn the_first_attempt_is_made_at_once() {
    promise!("beltic:9", "An immediate attempt");
    let stage = Stage::of("beltic").await;
    let endpoint = stage.endpoint().await;
    let event = stage.event("processed", json!({})).await;
    let delivery = stage.account.delivery(&event, &endpoint, "delivered").await;
    assert_eq!(delivery["attempt_count"], 1);
}

#[tokio::test]
async fn five_attempts_then_it_has_failed() {
    promise!("beltic:10", "5 attempts before it is marked as failed");
    let stage = Stage::at("beltic", 600.0).await;
    stage.receiver.reply("/hook", Reply::status(500));
    let endpoint = stage.endpoint().await;
    let event = stage.event("processed", json!({})).await;
    let delivery = stage.account.delivery(&event, &endpoint, "failed").await;
    assert_not_earlier(&delivery, &[30.0, 120.0, 600.0, 3600.0], 600.0);
}

#[tokio::test]
async fn failed_deliveries_are_queued_for_a_manual_retry() {
    promise!("beltic:11,43-47", "Dead letters, resent by hand: all, or one");
    let stage = Stage::at("beltic", 6000.0).await;
    let endpoint = stage.endpoint().await;
    stage.receiver.reply("/hook", Reply::status(500));
    let mut failed = Vec::new();
    for _ in 0..2 {
        let event = stage.event("failed", json!({})).await;
        stage.account.delivery(&event, &endpoint, "failed").await;
        failed.push(event);
    }
    let dead = format!("/v1/webhooks/{endpoint}/logs?filter[status]=failed");
    let letters = stage.account.get(&dead).await;
    let ids: Vec<&str> = letters["data"].as_array().expect("a list").iter().map(id).collect();
    assert_eq!(ids, [failed[1].as_str(), failed[0].as_str()]);
    assert_eq!(letters["data"][0]["attributes"]["attempts"], 5);

    stage.receiver.reply("/hook", Reply::status(200));
    let resend = format!("/v1/webhooks/{endpoint}/resend");
    let one =
        json!({ "data": { "type": "webhook-resend", "attributes": { "event_id": failed[0] } } });
    let resent = stage.account.post(&resend, one).await;
    assert_eq!(resent.status, 202, "{}", resent.text);
    stage.account.delivery(&failed[0], &endpoint, "delivered").await;
    let resent = stage.account.post(&resend, json!({})).await;
    assert_eq!(resent.status, 202, "{}", resent.text);
    stage.account.delivery(&failed[1], &endpoint, "delivered").await;
    assert_eq!(stage.account.get(&dead).await["data"], json!([]));
}

#[tokio::test]
async fn only_https() {
    promise!("beltic:14", "HTTPS in production");
    let stage = Stage::of("beltic").await;
    let body = config(json!({ "url": "http://example.com/" }));
    let answer = stage.account.post("/v1/webhooks", body).await;
    assert_eq!(answer.status, 422);
    let error = &answer.json["errors"][0];
    assert_eq!(error["source"]["pointer"], "/data/attributes/url", "{error}");
}

#[tokio::test]
async fn the_token_is_shown_once() {
    promise!("beltic:17,31", "The token cannot be retrieved after creation");
    let stage = Stage::of("beltic").await;
    let webhook = created(&stage, json!({ "url": stage.hook() })).await;
    let token = webhook["attributes"]["token"].as_str().expect("a token").to_owned();
    let path = format!("/v1/webhooks/{}", id(&webhook));
    let patch = config(json!({ "description": "ours" }));
    let patched = stage.send("PATCH", &path, patch).await.text;
    let rotated = stage.account.post(&format!("{path}/rotate-secret"), json!({})).await.text;
    let listed = stage.account.get("/v1/webhooks").await.to_string();
    let shown = stage.account.get(&path).await.to_string();
    for text in [patched, rotated, listed, shown] {
        assert!(!text.contains(&token), "{text}");
    }
}

#[tokio::test]
async fn signatures_verify_and_forgeries_do_not() {
    promise!("beltic:18", "X-Webhook-Signature: HMAC-SHA256 of the body with the secret");
    let stage = Stage::of("beltic").await;
    let webhook = created(&stage, json!({ "url": stage.hook() })).await;
    let secret = webhook["attributes"]["secret"].as_str().expect("a secret");
    stage.event("processed", json!({ "name": "Zürich" })).await;
    assert_signed("beltic", "x-webhook-signature", secret, &stage.delivery().await).await;
}

#[tokio::test]
async fn any_2xx_is_a_success() {
    promise!("beltic:25", "2xx status codes for successful processing");
    let stage = Stage::of("beltic").await;
    stage.receiver.reply("/hook", Reply::status(202));
    let endpoint = stage.endpoint().await;
    let event = stage.event("processed", json!({})).await;
    stage.account.delivery(&event, &endpoint, "delivered").await;
}

#[tokio::test]
async fn webhooks_subscribe_to_statuses() {
    promise!("beltic:28-29", "Subscribed statuses: processed, failed");
    let stage = Stage::of("beltic").await;
    let names: Vec<String> = catalog(&stage.account).await.into_iter().map(|(n, _)| n).collect();
    assert_eq!(names, ["failed", "processed"]);
    let attributes = json!({ "url": stage.hook(), "subscribed_statuses": ["failed"] });
    let webhook = created(&stage, attributes).await;
    assert_eq!(webhook["attributes"]["subscribed_statuses"], json!(["failed"]));
    stage.event("processed", json!({})).await;
    let wanted = stage.event("failed", json!({})).await;
    assert_eq!(stage.delivery().await.json()["data"]["id"], json!(wanted));
    assert_eq!(stage.receiver.count("/hook"), 1);
}

#[tokio::test]
async fn configurations_are_listed_in_pages_and_filtered() {
    promise!("beltic:33-36", "filter[is_active]; page[size] 15 by default, 100 at the most");
    let stage = Stage::of("beltic").await;
    for number in 0..20 {
        let active = number % 4 != 0;
        let url = format!("https://example.com/{number}");
        created(&stage, json!({ "url": url, "is_active": active })).await;
    }
    let count = |page: &Value| page["data"].as_array().expect("a list").len();
    let first = stage.account.get("/v1/webhooks").await;
    assert_eq!((count(&first), &first["meta"]["page"]["total"]), (15, &json!(20)));
    let next = first["links"]["next"].as_str().expect("a link");
    let second = stage.account.get(next).await;
    assert_eq!((count(&second), &second["links"]["next"]), (5, &Value::Null));
    assert_eq!(count(&stage.account.get("/v1/webhooks?page[size]=100").await), 20);
    let active = stage.account.get("/v1/webhooks?filter[is_active]=true").await;
    assert_eq!(count(&active), 15);
    let off = stage.account.get("/v1/webhooks?filter%5Bis_active%5D=false").await;
    assert_eq!(count(&off), 5);
    for wrong in ["page[size]=101", "page[size]=0", "page[number]=0", "filter[is_active]=maybe"] {
        let path = format!("/v1/webhooks?{wrong}");
        let refused = stage.account.request("GET", &path, &[], "").await;
        assert_eq!(
            (refused.status, &refused.headers["content-type"]),
            (422, &MEDIA_TYPE.parse().unwrap())
        );
        let (name, _) = wrong.split_once('=').expect("a parameter");
        assert_eq!(refused.json["errors"][0]["source"]["parameter"], json!(name));
    }
}

#[tokio::test]
async fn one_configuration_is_shown() {
    promise!("beltic:39", "Detailed information about a webhook config");
    let stage = Stage::of("beltic").await;
    let webhook = created(&stage, json!({ "url": stage.hook() })).await;
    let shown = stage.account.get(&format!("/v1/webhooks/{}", id(&webhook))).await;
    assert_eq!(shown["data"]["type"], "webhook-config");
    assert_eq!(shown["data"]["attributes"]["url"], webhook["attributes"]["url"]);
    let missing = stage.account.request("GET", "/v1/webhooks/nothing", &[], "").await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json["errors"][0]["status"], "404");
}

#[tokio::test]
async fn configurations_are_updated_and_deactivated() {
    promise!("beltic:40-41", "Modify settings; disable without deleting");
    let stage = Stage::of("beltic").await;
    let webhook = created(&stage, json!({ "url": stage.hook() })).await;
    let path = format!("/v1/webhooks/{}", id(&webhook));
    let patch = config(json!({ "subscribed_statuses": ["failed"], "is_active": false }));
    let changed = stage.send("PATCH", &path, patch).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let attributes = &changed.json["data"]["attributes"];
    assert_eq!(attributes["subscribed_statuses"], json!(["failed"]));
    assert_eq!(attributes["is_active"], json!(false));
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    stage.event("failed", json!({})).await;
    let on = config(json!({ "is_active": true, "subscribed_statuses": ["processed"] }));
    stage.send("PATCH", &path, on).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let event = stage.event("processed", json!({})).await;
    assert_eq!(stage.delivery().await.json()["data"]["id"], json!(event));
    let wrong = json!({ "data": { "type": "webhook-config", "attributes": { "colour": "red" } } });
    let refused = stage.send("PATCH", &path, wrong).await;
    assert_eq!(refused.json["errors"][0]["source"]["pointer"], "/data/attributes/colour");
    assert_eq!(stage.send("PATCH", &path, json!({ "url": "x" })).await.status, 422);
}
