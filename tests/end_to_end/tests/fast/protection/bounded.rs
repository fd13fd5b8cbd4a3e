//! What one request can cost: its time, its memory and its answer are bounded, whatever it says.

use futures::future::{join, join_all};
use posthorn_end_to_end::{Client, DEADLINE, Stack};

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
