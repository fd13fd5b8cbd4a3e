//! Filedgr: <https://docs.filedgr.io>, "Webhooks".

use std::time::Duration;

use posthorn_end_to_end::Reply;
use serde_json::{Value, json};

use crate::{Stage, assert_not_earlier, assert_signed, catalog, promise};

/// The page's own request.
const CREATE: &str = r#"{
"url": "https://api.yourcompany.com/filedgr-webhook",
"events": ["vault.created", "vault.data_updated", "vault.verification_complete"],
"secret": "your-webhook-secret-key",
"active": true
}"#;

async fn created(stage: &Stage, body: impl Into<bytes::Bytes>) -> Value {
    let answer = stage
        .account
        .request("POST", "/webhooks", &[("content-type", "application/json")], body)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json
}

fn id(webhook: &Value) -> &str {
    webhook["webhookId"].as_str().expect("an id")
}

#[tokio::test]
async fn every_event_comes_in_the_pages_envelope() {
    promise!("filedgr:10-126", "Seven event types, each with the page's body");
    let stage = Stage::of("filedgr").await;
    stage.endpoint().await;
    let catalog = catalog(&stage.account).await;
    let names: Vec<&str> = catalog.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "stream.alert_triggered",
        "stream.data_received",
        "vault.accessed",
        "vault.created",
        "vault.data_updated",
        "vault.permission_changed",
        "vault.verification_complete",
    ];
    assert_eq!(names, expected);
    for (index, (name, example)) in catalog.into_iter().enumerate() {
        let time = "2024-01-15T10:30:00Z";
        let event = json!({ "id": format!("evt_{index}"), "type": name, "timestamp": time, "data": example });
        stage.account.post_event(event).await;
        let request = stage.receiver.wait_for("/hook", index + 1).await.remove(index);
        let body = json!({
            "eventType": name, "eventId": format!("evt_{index}"), "timestamp": time, "data": example,
        });
        // Byte for byte: the order, too.
        assert_eq!(String::from_utf8(request.body.to_vec()).expect("text"), body.to_string());
    }
}

#[tokio::test]
async fn the_pages_request_creates_a_webhook_and_is_answered_as_there() {
    promise!("filedgr:128-146", "POST /webhooks and its response");
    let stage = Stage::of("filedgr").await;
    let webhook = created(&stage, CREATE).await;
    let names: Vec<&String> = webhook.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["webhookId", "url", "events", "secret", "active", "createdAt"]);
    let given: Value = serde_json::from_str(CREATE).expect("JSON");
    for name in ["url", "events", "secret", "active"] {
        assert_eq!(webhook[name], given[name]);
    }
    let created_at = webhook["createdAt"].as_str().expect("a time");
    assert!(created_at.parse::<jiff::Timestamp>().is_ok());
}

#[tokio::test]
async fn filters_narrow_by_vault_template_and_user() {
    promise!("filedgr:159-164", "filters: vaultIds, templateIds, userIds");
    let stage = Stage::of("filedgr").await;
    for (path, filters) in [
        ("/vaults", json!({ "vaultIds": ["vault_xyz789", "vault_abc456"] })),
        ("/templates", json!({ "templateIds": ["template_manufacturing"] })),
        ("/users", json!({ "userIds": ["user_important"] })),
        ("/both", json!({ "vaultIds": ["vault_abc456"], "userIds": ["user_important"] })),
    ] {
        let webhook = json!({ "url": stage.receiver.url(path), "filters": filters });
        let webhook = created(&stage, webhook.to_string()).await;
        assert_eq!(webhook["filters"], filters);
    }
    created(&stage, json!({ "url": stage.hook() }).to_string()).await;
    let events = [
        ("vault.created", json!({ "vaultId": "vault_xyz789", "templateId": "other" })),
        ("vault.created", json!({ "vaultId": "v", "templateId": "template_manufacturing" })),
        ("vault.accessed", json!({ "vaultId": "vault_abc456", "userId": "user_important" })),
        ("vault.data_updated", json!({ "vaultId": "v", "uploadedBy": "user_important" })),
        // Without any of the fields.
        ("stream.data_received", json!({ "streamId": "s" })),
    ];
    let mut ids = Vec::new();
    for (event_type, data) in events {
        ids.push(stage.event(event_type, data).await);
    }
    stage.receiver.wait_for("/hook", 5).await;
    for (path, expected) in [
        ("/vaults", vec![0, 2]),
        ("/templates", vec![1]),
        ("/users", vec![2, 3]),
        ("/both", vec![2]),
    ] {
        let requests = stage.receiver.wait_for(path, expected.len()).await;
        let mut came: Vec<&str> =
            requests.iter().map(|request| request.header("x-filedgr-event-id")).collect();
        came.sort_unstable();
        let mut wanted: Vec<&str> = expected.iter().map(|index| ids[*index].as_str()).collect();
        wanted.sort_unstable();
        assert_eq!(came, wanted, "{path}");
    }
}

#[tokio::test]
async fn the_pages_configuration_is_taken_whole() {
    promise!("filedgr:147-178", "Configuration: filters, timeout, retries, status, headers");
    let stage = Stage::of("filedgr").await;
    let config = json!({
        "url": "https://api.yourcompany.com/webhooks/filedgr",
        "events": ["vault.created", "vault.data_updated", "vault.verification_complete",
            "stream.data_received", "stream.alert_triggered"],
        "filters": { "vaultIds": ["vault_xyz789", "vault_abc456"],
            "templateIds": ["template_manufacturing"], "userIds": ["user_important"] },
        "secret": "your-webhook-secret-key",
        "timeout": 30, "retryCount": 3, "retryDelay": 5,
        "active": true,
        "headers": { "Authorization": "Bearer your-api-token", "X-Custom-Header": "custom-value" },
    });
    let mut webhook = created(&stage, config.to_string()).await;
    // What may be secret is not shown again; that it is sent is another test's.
    assert_eq!(webhook["headers"], json!({ "Authorization": "***", "X-Custom-Header": "***" }));
    webhook["headers"] = config["headers"].clone();
    for (name, value) in config.as_object().expect("an object") {
        assert_eq!(&webhook[name], value, "{name}");
    }
}

#[tokio::test]
async fn the_timeout_is_the_webhooks_own() {
    promise!("filedgr:168,372", "timeout in seconds, per webhook");
    let stage = Stage::of("filedgr").await;
    let webhook = json!({ "url": stage.hook(), "timeout": 1, "retryCount": 0 });
    let webhook = created(&stage, webhook.to_string()).await;
    stage.receiver.reply("/hook", Reply::after(Duration::from_secs(20), 200));
    let event = stage.event("vault.created", json!({})).await;
    let failed = stage.account.delivery(&event, id(&webhook), "failed").await;
    assert_eq!(failed["attempts"][0]["error"]["kind"], "timeout");
    let plain = created(&stage, json!({ "url": stage.hook() }).to_string()).await;
    assert_eq!(plain["timeout"], Value::Null);
    let dialect = stage.account.get("/v1/dialects/filedgr").await;
    assert_eq!(dialect["timeout_seconds"], 30);
}

#[tokio::test]
async fn retries_are_counted_and_back_off_exponentially() {
    promise!("filedgr:169-170,353,384", "retryCount, retryDelay, exponential backoff");
    let stage = Stage::at("filedgr", 5.0).await;
    stage.receiver.reply("/hook", Reply::status(500));
    let own = json!({ "url": stage.hook(), "retryCount": 2, "retryDelay": 10 });
    let own = created(&stage, own.to_string()).await;
    let plain = created(&stage, json!({ "url": stage.hook() }).to_string()).await;
    let event = stage.event("vault.created", json!({})).await;
    let delivery = stage.account.delivery(&event, id(&own), "failed").await;
    assert_not_earlier(&delivery, &[10.0, 20.0], 5.0);
    let delivery = stage.account.delivery(&event, id(&plain), "failed").await;
    assert_not_earlier(&delivery, &[5.0, 10.0, 20.0], 5.0);
    // One of the two: the other stays as it was.
    let path = format!("/webhooks/{}", id(&own));
    let changed = stage.send("PUT", &path, json!({ "retryCount": 5 })).await.json;
    assert_eq!((&changed["retryCount"], &changed["retryDelay"]), (&json!(5), &json!(10)));
    let refused = stage.send("PUT", &path, json!({ "retryCount": -1, "timeout": 99 })).await;
    let mut pointers: Vec<&str> = refused.json["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|error| error["pointer"].as_str())
        .collect();
    pointers.sort_unstable();
    assert_eq!((refused.status, pointers), (422, vec!["/retryCount", "/timeout"]));
}

#[tokio::test]
async fn an_inactive_webhook_gets_nothing() {
    promise!("filedgr:172", "active: false");
    let stage = Stage::of("filedgr").await;
    let off = json!({ "url": stage.receiver.url("/off"), "active": false });
    created(&stage, off.to_string()).await;
    created(&stage, json!({ "url": stage.hook() }).to_string()).await;
    stage.event("vault.created", json!({})).await;
    stage.delivery().await;
    assert_eq!(stage.receiver.count("/off"), 0);
}

#[tokio::test]
async fn own_headers_come_with_every_delivery() {
    promise!("filedgr:173-177,370", "headers of the webhook's own");
    let stage = Stage::of("filedgr").await;
    let headers =
        json!({ "Authorization": "Bearer your-api-token", "X-Custom-Header": "custom-value" });
    created(&stage, json!({ "url": stage.hook(), "headers": headers }).to_string()).await;
    stage.event("vault.created", json!({})).await;
    let request = stage.delivery().await;
    assert_eq!(request.header("authorization"), "Bearer your-api-token");
    assert_eq!(request.header("x-custom-header"), "custom-value");
}

#[tokio::test]
async fn signatures_are_verified_as_the_page_does() {
    promise!(
        "filedgr:206-215,393-413,706",
        "X-Filedgr-Signature: HMAC-SHA256 of the raw body, hex"
    );
    let stage = Stage::of("filedgr").await;
    let webhook = json!({ "url": stage.hook(), "secret": "your-webhook-secret-key" });
    created(&stage, webhook.to_string()).await;
    stage.event("vault.created", json!({ "name": "Zürich" })).await;
    let request = stage.delivery().await;
    assert_signed("filedgr", "x-filedgr-signature", "your-webhook-secret-key", &request).await;
}

#[tokio::test]
async fn requests_have_the_pages_headers() {
    promise!("filedgr:362-370", "POST, Content-Type, X-Filedgr-Event-Type, X-Filedgr-Event-ID");
    let stage = Stage::of("filedgr").await;
    stage.endpoint().await;
    let event = stage.event("vault.accessed", json!({})).await;
    let request = stage.delivery().await;
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("x-filedgr-event-type"), "vault.accessed");
    assert_eq!(request.header("x-filedgr-event-id"), event);
}

#[tokio::test]
async fn any_2xx_acknowledges() {
    promise!("filedgr:374-378", "response.ok is success, the rest is not");
    let stage = Stage::at("filedgr", 10.0).await;
    stage
        .receiver
        .replies("/hook", vec![Reply::status(404), Reply::status(302), Reply::status(204)]);
    let endpoint = stage.endpoint().await;
    let event = stage.event("vault.created", json!({})).await;
    let delivery = stage.account.delivery(&event, &endpoint, "delivered").await;
    assert_eq!(delivery["attempt_count"], 3);
}

#[tokio::test]
async fn payloads_pass_the_pages_validation() {
    promise!("filedgr:443-448", "eventType, eventId, ISO timestamp and data, nothing else");
    let stage = Stage::of("filedgr").await;
    stage.endpoint().await;
    stage.event("vault.created", json!({ "vaultId": "v" })).await;
    let body = stage.delivery().await.json();
    let names: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["eventType", "eventId", "timestamp", "data"]);
    assert!(body["timestamp"].as_str().expect("a text").parse::<jiff::Timestamp>().is_ok());
    assert!(body["data"].is_object());
}

#[tokio::test]
async fn webhooks_are_listed() {
    promise!("filedgr:537-539", "GET /webhooks");
    let stage = Stage::of("filedgr").await;
    let first = created(&stage, CREATE).await;
    let second = created(&stage, CREATE).await;
    let list = stage.account.get("/webhooks").await;
    let ids: Vec<&str> = list["webhooks"].as_array().expect("a list").iter().map(id).collect();
    assert_eq!(ids, [id(&second), id(&first)]);
    assert_eq!(list["webhooks"][0]["secret"], Value::Null);
    let page = stage.account.get("/webhooks?limit=1").await;
    let next = page["nextCursor"].as_str().expect("a cursor");
    let page = stage.account.get(&format!("/webhooks?limit=1&cursor={next}")).await;
    assert_eq!(id(&page["webhooks"][0]), id(&first));
    assert_eq!(page["nextCursor"], Value::Null);
}

#[tokio::test]
async fn the_pages_put_changes_what_it_says() {
    promise!("filedgr:540-547", "PUT /webhooks/{id}");
    let stage = Stage::of("filedgr").await;
    let webhook = created(&stage, CREATE).await;
    let path = format!("/webhooks/{}", id(&webhook));
    let put = r#"{ "events": ["vault.created", "vault.data_updated"], "active": true }"#;
    let answer =
        stage.account.request("PUT", &path, &[("content-type", "application/json")], put).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json["events"], json!(["vault.created", "vault.data_updated"]));
    assert_eq!(answer.json["url"], webhook["url"]);
    // What a client got it can put back.
    let same = stage.send("PUT", &path, stage.account.get(&path).await).await;
    assert_eq!(same.status, 200, "{}", same.text);
}

#[tokio::test]
async fn webhooks_are_deleted() {
    promise!("filedgr:548-550", "DELETE /webhooks/{id}");
    let stage = Stage::of("filedgr").await;
    let webhook = created(&stage, CREATE).await;
    let path = format!("/webhooks/{}", id(&webhook));
    stage.account.delete(&path).await;
    assert_eq!(stage.account.request("GET", &path, &[], "").await.status, 404);
    assert_eq!(stage.account.request("DELETE", &path, &[], "").await.status, 404);
}

#[tokio::test]
async fn logs_look_as_on_the_page() {
    promise!(
        "filedgr:551-579",
        "GET /webhooks/{id}/logs: status, response time, attempts, lastError"
    );
    let stage = Stage::at("filedgr", 20.0).await;
    let webhook = json!({ "url": stage.hook(), "retryCount": 2, "timeout": 2 });
    let webhook = created(&stage, webhook.to_string()).await;
    let good = stage.event("vault.created", json!({})).await;
    stage.account.delivery(&good, id(&webhook), "delivered").await;
    stage.receiver.reply("/hook", Reply::status(500));
    let bad = stage.event("vault.data_updated", json!({})).await;
    stage.account.delivery(&bad, id(&webhook), "failed").await;
    let log = stage.account.get(&format!("/webhooks/{}/logs", id(&webhook))).await;
    assert_eq!(log["webhookId"], webhook["webhookId"]);
    let [failed, delivered] = log["logs"].as_array().expect("a list").as_slice() else {
        panic!("{log}");
    };
    let names = |entry: &Value| -> Vec<String> {
        entry.as_object().expect("an object").keys().cloned().collect()
    };
    let common = [
        "eventId",
        "eventType",
        "deliveryStatus",
        "httpStatus",
        "responseTime",
        "timestamp",
        "attempts",
    ];
    assert_eq!(names(delivered), common);
    assert_eq!(names(failed), [&common[..], &["lastError"]].concat());
    let picture = |entry: &Value| {
        let names = ["eventId", "eventType", "deliveryStatus", "httpStatus", "attempts"];
        names.map(|name| entry[name].clone())
    };
    assert_eq!(
        picture(delivered),
        [json!(good), json!("vault.created"), json!("success"), json!(200), json!(1)]
    );
    assert_eq!(
        picture(failed),
        [json!(bad), json!("vault.data_updated"), json!("failed"), json!(500), json!(3)]
    );
    assert!(failed["responseTime"].is_u64());
    assert!(failed["lastError"].as_str().expect("a text").contains("500"));
}

#[tokio::test]
async fn only_https() {
    promise!("filedgr:687", "HTTPS only");
    let stage = Stage::of("filedgr").await;
    let answer = stage.account.post("/webhooks", json!({ "url": "http://example.com/" })).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json["errors"][0]["pointer"], "/url");
}
