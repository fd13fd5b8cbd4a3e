//! What customers do by hand: test, replay, rotate a secret.

use posthorn_end_to_end::{Account, Receiver, Reply, Stack};
use posthorn_shared::signing;
use serde_json::{Value, json};

#[tokio::test]
async fn a_replay_sends_the_same_event_once_more() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let id = account.post_event(json!({ "type": "a.b", "data": { "n": 1.50 } })).await;
    account.delivery(&id, &endpoint, "delivered").await;

    let path = format!("/v1/events/{id}/deliveries/{endpoint}");
    // One that fails takes nothing away from what was delivered, and is not retried.
    receiver.replies("/hook", vec![Reply::status(500)]);
    for attempts in [2, 3] {
        let answer = account.post(&format!("{path}/replay"), json!({})).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let replayed =
            account.wait_until(&path, |delivery| delivery["attempt_count"] == attempts).await;
        assert_eq!(replayed["status"], "delivered");
    }
    let delivery = account.get(&path).await;
    let of_each = |field: &str| -> Vec<Value> {
        let attempts = delivery["attempts"].as_array().unwrap().iter();
        attempts.map(|attempt| attempt[field].clone()).collect()
    };
    assert_eq!(of_each("trigger"), ["automatic", "replay", "replay"]);
    assert_eq!(of_each("status_code"), [200, 500, 200]);
    let requests = receiver.requests("/hook");
    assert!(requests.iter().all(|request| request.header("webhook-id") == id));
    assert!(requests.iter().all(|request| request.body == requests[0].body));

    account.patch(&format!("/v1/endpoints/{endpoint}"), json!({ "active": false })).await;
    let answer = account.post(&format!("{path}/replay"), json!({})).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
}

#[tokio::test]
async fn a_failed_delivery_can_be_replayed_when_the_receiver_is_back() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    receiver.reply("/hook", Reply::status(500));
    let endpoint = account
        .endpoint(json!({ "url": receiver.url("/hook"), "retry": { "schedule": ["1s"] } }))
        .await;
    let id = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&id, &endpoint, "failed").await;
    receiver.reply("/hook", Reply::status(200));
    let path = format!("/v1/events/{id}/deliveries/{endpoint}");
    assert_eq!(account.post(&format!("{path}/replay"), json!({})).await.status, 202);
    account.delivery(&id, &endpoint, "delivered").await;
}

#[tokio::test]
async fn a_test_goes_to_one_endpoint_and_is_not_retried() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    // It subscribes to something else: a test comes all the same.
    let subscription = json!(["other.*"]);
    let endpoint = account
        .endpoint(json!({ "url": receiver.url("/hook"), "event_types": subscription }))
        .await;
    account.endpoint(json!({ "url": receiver.url("/bystander") })).await;
    let path = format!("/v1/endpoints/{endpoint}/test");

    let refused = account.post(&path, json!({ "event_type": "vault.created" })).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.json["errors"][0]["pointer"], "/data");

    let example = json!({ "vaultId": "vault_xyz789" });
    let event_type = json!({ "name": "vault.created", "example": example });
    assert_eq!(account.post("/v1/event-types", event_type).await.status, 201);
    receiver.replies("/hook", vec![Reply::status(500)]);
    let sent = account.post(&path, json!({ "event_type": "vault.created" })).await;
    assert_eq!(sent.status, 202, "{}", sent.text);
    let id = sent.json["event_id"].as_str().unwrap().to_owned();
    let failed = account.delivery(&id, &endpoint, "failed").await;
    assert_eq!(failed["attempts"][0]["trigger"], "test");
    assert_eq!(receiver.requests("/hook")[0].json()["data"], example);

    let own = json!({ "event_type": "vault.created", "data": { "mine": true } });
    let sent = account.post(&path, own).await;
    let second = sent.json["event_id"].as_str().unwrap().to_owned();
    account.delivery(&second, &endpoint, "delivered").await;
    assert_eq!(receiver.requests("/hook")[1].json()["data"], json!({ "mine": true }));

    // As every event's, its data arrives as it was written.
    let data = r#"{ "price": 1.50, "a": 12345678901234567890123, "B": "\u00fc" }"#;
    let body = format!(r#"{{"event_type":"vault.created","data": {data} }}"#);
    let sent = account.request("POST", &path, &[], body).await;
    let third = sent.json["event_id"].as_str().expect("an id").to_owned();
    account.delivery(&third, &endpoint, "delivered").await;
    let requests = receiver.requests("/hook");
    let delivered = requests[2].text();
    assert!(delivered.contains(&format!(r#""data":{data}"#)), "{delivered}");

    let deliveries = account.get(&format!("/v1/events/{id}/deliveries")).await;
    assert_eq!(deliveries["data"].as_array().unwrap().len(), 1, "{deliveries}");
    assert_eq!(receiver.count("/bystander"), 0);

    let invalid = account.post(&path, json!({ "event_type": "no such", "data": [] })).await;
    assert_eq!(invalid.status, 422, "{}", invalid.text);
    let invalid = account.post(&path, json!({ "event_type": "vault.created", "data": [] })).await;
    assert_eq!(invalid.json["errors"][0]["pointer"], "/data", "{}", invalid.text);
}

#[tokio::test]
async fn both_secrets_sign_while_a_rotation_overlaps() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let (endpoint, old) =
        account.endpoint_with_secret(json!({ "url": receiver.url("/hook") })).await;
    let path = format!("/v1/endpoints/{endpoint}/secret");
    let before = account.get(&path).await;
    assert_eq!(before["secret"], old);
    assert_eq!(before["former_secret_signs_until"], Value::Null);

    let rotated = account.post(&format!("{path}/rotate"), json!({ "overlap_seconds": 60 })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let new = rotated.json["secret"].as_str().unwrap().to_owned();
    assert_ne!(new, old);
    assert_ne!(rotated.json["former_secret_signs_until"], Value::Null);
    assert_eq!(account.get(&path).await["secret"], new);
    expect_signatures(&account, &receiver, &[&new, &old]).await;

    // One more within the overlap: the first goes on signing, whose receivers have not changed over.
    let wish = json!({ "overlap_seconds": 60 });
    let newer = account.post(&format!("{path}/rotate"), wish.clone()).await;
    let newer = newer.json["secret"].as_str().unwrap().to_owned();
    expect_signatures(&account, &receiver, &[&newer, &new, &old]).await;
    // By what it is now: nothing changes, as when a request is made again.
    let mut same = wish;
    same["secret"] = json!(newer);
    assert_eq!(account.post(&format!("{path}/rotate"), same).await.status, 200);
    expect_signatures(&account, &receiver, &[&newer, &new, &old]).await;

    // Those before are given up at once.
    let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let wish = json!({ "secret": given, "overlap_seconds": 0 });
    assert_eq!(account.post(&format!("{path}/rotate"), wish).await.status, 200);
    expect_signatures(&account, &receiver, &[given]).await;

    let wish = json!({ "secret": "short", "overlap_seconds": -1, "pause": 1 });
    let refused = account.post(&format!("{path}/rotate"), wish).await;
    assert_eq!(refused.status, 422);
    let pointers: Vec<&Value> =
        refused.json["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/secret", "/overlap_seconds", "/pause"]);
}

/// Sends events until one is signed by these secrets, in this order: a rotation takes effect within
/// a second.
async fn expect_signatures(account: &Account, receiver: &Receiver, secrets: &[&str]) {
    let expected = |request: &posthorn_end_to_end::Request| {
        let id = request.header("webhook-id").to_owned();
        let timestamp = request.header("webhook-timestamp").parse().expect("seconds");
        let sign = |secret: &&str| {
            let secret = secret.parse().expect("a secret");
            signing::standard_webhooks(&secret, &id, timestamp, &request.body)
        };
        secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
    };
    posthorn_end_to_end::eventually("an event signed as it should be", async || {
        let seen = receiver.count("/hook");
        account.post_event(json!({ "type": "a.b", "data": {} })).await;
        let request = receiver.wait_for("/hook", seen + 1).await.pop().expect("a request");
        let signature = request.header("webhook-signature").to_owned();
        if signature == expected(&request) { Ok(()) } else { Err(signature) }
    })
    .await;
}

#[tokio::test]
async fn nothing_of_another_account_can_be_tested_replayed_or_rotated() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let (acme, other) = (stack.account("acme").await, stack.account("other").await);
    let endpoint = acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let id = acme.post_event(json!({ "type": "a.b", "data": {} })).await;
    acme.delivery(&id, &endpoint, "delivered").await;
    let nowhere = "ep_01h455vb4pex5vsknk084sn02q";
    for (path, body) in [
        ("/v1/endpoints/{}/test", json!({ "event_type": "a.b", "data": {} })),
        ("/v1/endpoints/{}/secret/rotate", json!({})),
    ] {
        let theirs = other.post(&path.replace("{}", &endpoint), body.clone()).await;
        let unknown = other.post(&path.replace("{}", nowhere), body).await;
        assert_eq!((theirs.status, &theirs.text), (404, &unknown.text), "{path}");
    }
    let replay = format!("/v1/events/{id}/deliveries/{endpoint}/replay");
    assert_eq!(other.post(&replay, json!({})).await.status, 404);
    assert_eq!(receiver.count("/hook"), 1);
}
