//! How much a key may ask.

use posthorn_end_to_end::Stack;
use serde_json::json;

#[tokio::test]
async fn a_key_that_asks_too_much_is_told_to_wait_and_others_are_not() {
    let stack = Stack::start().await;
    let (busy, other) = (stack.account("busy").await, stack.account("other").await);
    let limit = json!({ "limits": { "requests_per_second": 50 } });
    stack.admin().patch("/v1/accounts/busy", limit).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let asked = (0..400).map(|_| busy.request("GET", "/v1/endpoints", &[], ""));
    let answers = futures::future::join_all(asked).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 429));
    assert!(!refused.is_empty(), "400 at once");
    assert_eq!(refused[0].headers["retry-after"], "1");
    assert!(refused[0].json["detail"].as_str().expect("a text").contains("50"));
    // Nobody else notices, and in a while neither does it.
    other.get("/v1/endpoints").await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    busy.get("/v1/endpoints").await;
    // The platform team's own key is not counted.
    let asked = (0..100).map(|_| async { stack.admin().get("/v1/accounts").await });
    futures::future::join_all(asked).await;
}
