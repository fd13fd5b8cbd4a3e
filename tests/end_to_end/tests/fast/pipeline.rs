//! One event all the way: pushed, signed, delivered, looked up.

use posthorn_end_to_end::{Receiver, Stack};
use serde_json::{Value, json};

#[tokio::test]
async fn a_posted_event_arrives_and_can_be_looked_up() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let id = account.post_event(json!({ "type": "vault.created", "data": { "n": 1 } })).await;

    let request = receiver.wait_for("/hook", 1).await.remove(0);
    assert_eq!(request.header("webhook-id"), id);
    assert_eq!(request.header("content-type"), "application/json");
    assert!(request.header("user-agent").starts_with("Posthorn/"));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["type"], "vault.created");
    assert_eq!(body["data"], json!({ "n": 1 }));

    let delivery = account.delivery(&id, &endpoint, "delivered").await;
    assert_eq!(delivery["attempt_count"], 1);
    assert_eq!(delivery["attempts"][0]["status_code"], 200);
    assert_eq!(delivery["attempts"][0]["request"]["headers"]["webhook-id"], json!(id));
    let event = account.get(&format!("/v1/events/{id}")).await;
    assert_eq!(event["data"], json!({ "n": 1 }));
}

#[tokio::test]
async fn data_reaches_the_receiver_as_the_producer_wrote_it() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let data = r#"{"z":1.50,"a":12345678901234567890,"u":"\u00e9\/", "e":1E2, "s":[ ]}"#;
    account.post_text(&format!(r#"{{"type":"a.b","data":{data}}}"#)).await;
    // Too large to ride in a batch of ten: it goes by reference.
    let large = format!(r#"{{"filling":"{}","n":1.50}}"#, "x".repeat(200_000));
    account.post_text(&format!(r#"{{"type":"a.b","data":{large}}}"#)).await;
    let bodies: Vec<String> = receiver
        .wait_for("/hook", 2)
        .await
        .into_iter()
        .map(|request| String::from_utf8(request.body.to_vec()).unwrap())
        .collect();
    for data in [data, large.as_str()] {
        let expected = format!(r#""data":{data}}}"#);
        assert!(
            bodies.iter().any(|body| body.ends_with(&expected)),
            "{data:.60} in {bodies:.200?}"
        );
    }
}

#[tokio::test]
async fn one_event_reaches_ten_endpoints_and_only_those_that_want_it() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    for n in 0..10 {
        account.endpoint(json!({ "url": receiver.url(&format!("/hook/{n}")) })).await;
    }
    let wants = [
        ("/group", json!({ "event_types": ["vault.*"] })),
        ("/other", json!({ "event_types": ["job.done"] })),
        ("/match", json!({ "filter": { "data": { "vaultId": [{ "prefix": "vault_" }] } } })),
        ("/miss", json!({ "filter": { "data": { "vaultId": ["tree"] } } })),
        ("/off", json!({ "active": false })),
    ];
    for (path, mut endpoint) in wants {
        endpoint["url"] = json!(receiver.url(path));
        account.endpoint(endpoint).await;
    }
    let event = json!({ "type": "vault.created", "data": { "vaultId": "vault_1" } });
    let id = account.post_event(event).await;
    for n in 0..10 {
        receiver.wait_for(&format!("/hook/{n}"), 1).await;
    }
    receiver.wait_for("/group", 1).await;
    receiver.wait_for("/match", 1).await;
    account
        .wait_until(&format!("/v1/events/{id}/deliveries"), |list| {
            let data = list["data"].as_array().unwrap();
            data.len() == 12 && data.iter().all(|delivery| delivery["status"] == "delivered")
        })
        .await;
    for path in ["/other", "/miss", "/off"] {
        assert_eq!(receiver.count(path), 0, "{path}");
    }
}

#[tokio::test]
async fn an_event_pushed_with_an_aws_sdk_is_delivered() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let (sqs, url) = (stack.sqs().await, stack.events_queue_url());
    for body in [
        json!({ "account": "acme", "type": "a.b", "data": { "form": "native" } }),
        json!({ "specversion": "1.0", "id": "ce-1", "source": "/x", "type": "a.b",
                "account": "acme", "data": { "form": "cloudevents" } }),
        json!({ "version": "0", "id": "eb-1", "detail-type": "a.b", "source": "shop",
                "account": "111122223333", "time": "2026-11-21T10:00:00Z", "region": "us-east-1",
                "resources": [],
                "detail": { "posthorn_account": "acme", "data": { "form": "eventbridge" } } }),
    ] {
        sqs.send_message().queue_url(&url).message_body(body.to_string()).send().await.unwrap();
    }
    let mut forms: Vec<String> = receiver
        .wait_for("/hook", 3)
        .await
        .iter()
        .map(|request| request.json()["data"]["form"].as_str().unwrap().to_owned())
        .collect();
    forms.sort();
    assert_eq!(forms, ["cloudevents", "eventbridge", "native"]);
}

#[tokio::test]
async fn an_event_with_an_id_of_its_own_is_delivered_once_under_that_id() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let event = json!({ "id": "order:77", "type": "a.b", "data": { "n": 1 } });
    for _ in 0..3 {
        assert_eq!(account.post_event(event.clone()).await, "order:77");
    }
    // A different event behind them: when it has come, so have the others.
    account.post_event(json!({ "id": "last", "type": "a.b", "data": {} })).await;
    account.delivery("order:77", &endpoint, "delivered").await;
    account.delivery("last", &endpoint, "delivered").await;
    stack.wait_until_idle().await;
    let ids: Vec<String> =
        receiver.requests("/hook").iter().map(|r| r.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.iter().filter(|id| *id == "order:77").count(), 1, "{ids:?}");
    assert_eq!(account.get("/v1/events/order:77").await["data"], json!({ "n": 1 }));
}

#[tokio::test]
async fn a_list_of_events_is_taken_whole() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let events: Vec<Value> =
        (0..100).map(|n| json!({ "type": "a.b", "data": { "n": n } })).collect();
    let answer = account.post("/v1/events", json!({ "events": events })).await;
    assert_eq!(answer.status, 202);
    let ids: Vec<Value> = answer.json["ids"].as_array().unwrap().clone();
    assert_eq!(ids.len(), 100);
    let requests = receiver.wait_for("/hook", 100).await;
    for request in requests {
        let n = usize::try_from(request.json()["data"]["n"].as_u64().unwrap()).unwrap();
        assert_eq!(json!(request.header("webhook-id")), ids[n]);
    }
}
