//! What one request can cost: its time, its memory and its answer are bounded, whatever it says.

use futures::future::{join, join_all};
use posthorn_end_to_end::{Client, DEADLINE, Stack};
use serde_json::json;

#[tokio::test]
async fn a_long_name_over_many_elements_stops_nobody() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let nobody = Client::new(&stack.api_url, "");
    let (name, zeros) = ("n".repeat(1_900_000), ",0".repeat(999_999));
    let body = format!(r#"{{"url":"https://example.com/","{name}":[0{zeros}]}}"#);
    let posts = (0..2).map(|_| account.request("POST", "/v1/endpoints", &[], body.clone()));
    let health = nobody.request("GET", "/healthz", &[], "");
    let all = tokio::time::timeout(DEADLINE, join(join_all(posts), health)).await;
    let (answers, health) = all.expect("answers in time");
    assert_eq!(health.status, 200, "{}", health.text);
    for answer in answers {
        assert_eq!(answer.status, 422, "{:.1000}", answer.text);
        assert!(answer.text.len() < 1_000, "{:.1000}", answer.text);
        assert_eq!(answer.json["errors"][0]["pointer"], format!("/{}", "n".repeat(64)));
    }
}

#[tokio::test]
async fn a_request_for_a_list_has_no_use_for_a_body() {
    let stack = Stack::start().await;
    let account = stack.account_speaking("acme", "filedgr").await;
    let twice = r#","a":0"#.repeat(3_900_000 / 6);
    for body in [format!(r#"{{"a":0{twice}}}"#), "{".to_owned()] {
        for path in ["/webhooks", "/v1/webhooks"] {
            let answer = account.request("GET", path, &[], body.clone()).await;
            assert_eq!(answer.status, 200, "{path}: {:.1000}", answer.text);
        }
    }
    let created = account.post("/webhooks", json!({ "url": "https://example.com/" })).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let path = format!("/webhooks/{}", created.json["webhookId"].as_str().expect("an id"));
    assert_eq!(account.request("DELETE", &path, &[], "{").await.status, 204);
}
