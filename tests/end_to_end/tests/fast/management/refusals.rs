//! Every refusal is a problem document that says what would be right.

use posthorn_end_to_end::{Answer, Client, Stack};
use serde_json::json;

use super::pointers;

fn check(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{}", answer.text);
    assert_eq!(answer.json["status"], status, "{}", answer.text);
    assert_eq!(answer.json["type"], "about:blank");
    assert!(answer.json["title"].is_string() && answer.json["detail"].is_string());
}

#[tokio::test]
async fn keys_and_accounts() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    stack.account("other").await;
    let get = async |key: &str, headers: &[(&str, &str)]| {
        Client::new(&stack.api_url, key).request("GET", "/v1/endpoints", headers, "").await
    };
    for key in ["", "phk_unknown"] {
        let answer = get(key, &[]).await;
        check(&answer, 401);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    assert_eq!(get("", &[("x-api-key", &account.key)]).await.status, 200);
    // Another account, one that there is not, and no account at all: the same.
    let unknown = get(&account.key, &[("posthorn-account", "nobody")]).await;
    check(&unknown, 404);
    for name in ["other", "", "no such"] {
        let answer = get(&account.key, &[("posthorn-account", name)]).await;
        assert_eq!((answer.status, &answer.text), (404, &unknown.text), "{name}");
    }
    check(&get(posthorn_end_to_end::ADMIN_KEY, &[]).await, 400);
    check(&get(posthorn_end_to_end::ADMIN_KEY, &[("posthorn-account", "nobody")]).await, 404);
    check(&account.request("GET", "/v1/accounts", &[], "").await, 403);
}

#[tokio::test]
async fn routes_and_methods() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    for path in ["/", "/v1", "/v1/webhook", "/v2/events", "/v1/endpoints/", "/v1/events/a/b/c"] {
        check(&account.request("GET", path, &[], "").await, 404);
    }
    let answer = account.request("PUT", "/v1/endpoints", &[], "{}").await;
    check(&answer, 405);
    let mut allowed: Vec<&str> = answer.headers["allow"].to_str().unwrap().split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    check(&account.request("GET", "/v1/endpoints/%ff", &[], "").await, 400);
}

#[tokio::test]
async fn bodies() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let post = async |content_type: &str, body: Vec<u8>| {
        let headers = [("content-type", content_type)];
        account.request("POST", "/v1/endpoints", &headers, body).await
    };
    let json = "application/json";
    let nested = [b"{\"url\":".as_slice(), &b"[".repeat(100_000)].concat();
    for body in
        [b"".as_slice(), b"{", b"null", b"7", b"[]", b"{\"url\": \"\xff\"}", b"{} {}", &nested]
    {
        check(&post(json, body.to_vec()).await, 400);
    }
    check(&post(json, vec![b' '; 4 * 1024 * 1024 + 1]).await, 413);
    let answer =
        post(json, br#"{"url": "https://a.example/", "url": "https://b.example/"}"#.to_vec()).await;
    check(&answer, 422);
    assert_eq!(pointers(&answer), ["/url"]);
    let answer =
        post(json, br#"{"ur": 1, "metadata": [], "headers": {"Host": "x"}}"#.to_vec()).await;
    check(&answer, 422);
    assert_eq!(pointers(&answer), ["/url", "/metadata", "/headers/Host", "/ur"]);

    let good = br#"{"url": "https://example.com/"}"#.to_vec();
    for refused in ["text/xml", "multipart/form-data; boundary=x", "application/xml", "text/plain"]
    {
        check(&post(refused, good.clone()).await, 415);
    }
    // curl -d says the last one where nobody told it otherwise.
    for taken in [
        "application/json; charset=utf-8",
        "application/merge-patch+json",
        "APPLICATION/JSON",
        "application/x-www-form-urlencoded",
    ] {
        assert_eq!(post(taken, good.clone()).await.status, 201, "{taken}");
    }
}

#[tokio::test]
async fn lists() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": "https://example.com/" })).await;
    account.endpoint(json!({ "url": "https://example.com/" })).await;
    let log = format!("/v1/endpoints/{endpoint}/deliveries");
    for list in ["/v1/endpoints", "/v1/event-types", "/v1/events", &log] {
        let get =
            async |query: &str| account.request("GET", &format!("{list}?{query}"), &[], "").await;
        for limit in ["0", "251", "-1", "1.5", "x", ""] {
            let answer = get(&format!("limit={limit}")).await;
            check(&answer, 422);
            assert_eq!(pointers(&answer), ["/limit"], "{list} {limit}");
        }
        for cursor in ["%21", "%ff", "a", "AAAA", &"QUFB".repeat(100)] {
            let answer = get(&format!("cursor={cursor}")).await;
            check(&answer, 422);
            assert_eq!(pointers(&answer), ["/cursor"], "{list} {cursor}");
        }
        assert_eq!(get("cursor=").await.status, 200);
        check(&get("limit=1&limit=2").await, 400);
        // Well made, but leading nowhere.
        for nowhere in ["Kw", "fg", "ZXZ0XzAxaDQ1NXZiNHBleDV2c2tuazA4NHNuMDJx"] {
            assert!([200, 422].contains(&get(&format!("cursor={nowhere}")).await.status));
        }
    }
    let answer = account.get("/v1/endpoints?limit=1").await;
    let cursor = answer["next_cursor"].as_str().expect("a next page");
    let next = account.get(&format!("/v1/endpoints?limit=1&cursor={cursor}")).await;
    assert_eq!(next["data"][0]["id"], json!(endpoint));
    assert_eq!(next["next_cursor"], json!(null));
    let backwards = "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z";
    for list in ["/v1/events", &log] {
        let answer = account.get(&format!("{list}?{backwards}")).await;
        assert_eq!(answer["data"], json!([]));
    }
}

#[tokio::test]
async fn idempotency_keys_of_the_wrong_form() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let long = "x".repeat(256);
    for key in ["", "a b", "\u{e9}", &long] {
        let headers = [("idempotency-key", key)];
        check(&account.request("POST", "/v1/endpoints", &headers, "{}").await, 400);
    }
}
