//! `Idempotency-Key`: what is sent twice is done once.

use std::collections::HashSet;

use futures::future::join_all;
use posthorn_end_to_end::{ADMIN_KEY, Client, Stack};
use serde_json::json;

const KEY: &str = "idempotency-key";

#[tokio::test]
async fn a_request_sent_again_is_answered_as_before_and_done_once() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let endpoint = json!({ "url": "http://127.0.0.1:9/hook" }).to_string();
    let create = |key: &'static str, body: String| {
        let client = account.client.clone();
        async move { client.request("POST", "/v1/endpoints", &[(KEY, key)], body).await }
    };
    let first = create("a", endpoint.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert!(first.headers.get("idempotency-replayed").is_none());
    let again = create("a", endpoint.clone()).await;
    assert_eq!(
        (again.status, &again.text),
        (201, &first.text),
        "with the secret that is shown once"
    );
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert_ne!(create("b", endpoint.clone()).await.json["id"], first.json["id"]);
    assert_eq!(account.get("/v1/endpoints").await["data"].as_array().unwrap().len(), 2);

    let other = create("a", json!({ "url": "http://127.0.0.1:9/other" }).to_string()).await;
    assert_eq!(other.status, 409, "{}", other.text);
    let elsewhere = account.request("POST", "/v1/events", &[(KEY, "a")], endpoint).await;
    assert_eq!(elsewhere.status, 409, "{}", elsewhere.text);

    // A refusal is no answer to keep: the same key serves once the mistake is mended.
    let refused = create("c", json!({ "url": "nonsense" }).to_string()).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    let mended = create("c", json!({ "url": "http://127.0.0.1:9/mended" }).to_string()).await;
    assert_eq!(mended.status, 201, "{}", mended.text);
}

#[tokio::test]
async fn of_many_at_once_one_is_carried_out() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let event = json!({ "type": "a.b", "data": { "n": 1 } }).to_string();
    let sent = (0..20).map(|_| account.request("POST", "/v1/events", &[(KEY, "x")], event.clone()));
    let answers = join_all(sent).await;
    let mut ids = HashSet::new();
    for answer in &answers {
        match answer.status {
            202 => drop(ids.insert(answer.json["id"].to_string())),
            409 => {}
            other => panic!("{other}: {}", answer.text),
        }
    }
    assert_eq!(ids.len(), 1, "one event, whoever was answered with it");
    stack.wait_until_idle().await;
    assert_eq!(account.get("/v1/events").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_of_one_account_means_nothing_to_another() {
    let stack = Stack::start().await;
    let (acme, other) = (stack.account("acme").await, stack.account("other").await);
    let body = json!({ "url": "http://127.0.0.1:9/hook" }).to_string();
    let post = |client: Client, headers: Vec<(&'static str, &'static str)>| {
        let body = body.clone();
        async move { client.request("POST", "/v1/endpoints", &headers, body).await }
    };
    let first = post(acme.client.clone(), vec![(KEY, "k")]).await;
    let second = post(other.client.clone(), vec![(KEY, "k")]).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_ne!(first.json["id"], second.json["id"]);
    let admin = Client::new(&stack.api_url, ADMIN_KEY);
    for account in ["acme", "other"] {
        let answer = post(admin.clone(), vec![(KEY, "k"), ("posthorn-account", account)]).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert!(answer.headers.get("idempotency-replayed").is_none(), "{account}");
    }
    let nobody = post(Client::new(&stack.api_url, "phk_nobody"), vec![(KEY, "k")]).await;
    assert_eq!(nobody.status, 401);
    let malformed = post(acme.client.clone(), vec![(KEY, "")]).await;
    assert_eq!(malformed.status, 400, "{}", malformed.text);
}
