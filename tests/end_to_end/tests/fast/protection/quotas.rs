//! How much a key may ask, and a session.

use std::time::Duration;

use futures::future::join_all;
use posthorn_end_to_end::{ADMIN_KEY, Answer, Browser, Stack, eventually};
use serde_json::json;

/// Allows the keys of an account so many requests in a second. A process knows it within a second.
async fn limit(stack: &Stack, account: &str, per_second: u32) {
    let limit = json!({ "limits": { "requests_per_second": per_second } });
    stack.admin().patch(&format!("/v1/accounts/{account}"), limit).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// Those that were refused. The others were answered as they should be.
fn refused(answers: Vec<Answer>, status: u16) -> Vec<Answer> {
    let (refused, answered): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 429);
    for answer in answered {
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    for answer in &refused {
        assert_eq!(answer.headers["retry-after"], "1");
    }
    refused
}

#[tokio::test]
async fn a_key_that_asks_too_much_is_told_to_wait_and_others_are_not() {
    let stack = Stack::start().await;
    let (busy, other) = (stack.account("busy").await, stack.account("other").await);
    limit(&stack, "busy", 50).await;
    let asked = (0..400).map(|_| busy.request("GET", "/v1/endpoints", &[], ""));
    let refused = refused(join_all(asked).await, 200);
    assert!(!refused.is_empty(), "400 at once");
    assert!(refused[0].json["detail"].as_str().expect("a text").contains("50"));
    // Nobody else notices, and in a while neither does it.
    other.get("/v1/endpoints").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    busy.get("/v1/endpoints").await;
    // The platform team's own key is not counted.
    let asked = (0..100).map(|_| async { stack.admin().get("/v1/accounts").await });
    join_all(asked).await;
}

#[tokio::test]
async fn a_session_of_the_portal_is_counted_and_reads_why_it_has_to_wait() {
    let stack = Stack::start().await;
    stack.account("busy").await;
    limit(&stack, "busy", 10).await;
    let (browser, colleague) =
        (Browser::of(&stack, "busy").await, Browser::of(&stack, "busy").await);
    let asked = (0..200).map(|_| browser.get("/portal/endpoints"));
    let refused = refused(join_all(asked).await, 200);
    assert!(!refused.is_empty(), "200 pages at once");
    let page = &refused[0];
    assert!(page.text.starts_with("<!DOCTYPE html>"), "{}", page.text);
    assert!(page.text.contains("That was too much at once"), "{}", page.text);
    assert!(page.headers.contains_key("content-security-policy"));
    // A form is not carried out either, and a part of a page says so in a line.
    let form = [("csrf", "any")];
    let asked = (0..200).map(|_| browser.send("/portal/leave", &form, &[("hx-request", "true")]));
    let refused = self::refused(join_all(asked).await, 403);
    assert!(refused.iter().any(|answer| answer.text.contains("reload the page")), "{refused:?}");
    // Everybody has a session of their own.
    assert_eq!(colleague.get("/portal/endpoints").await.status, 200);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(browser.get("/portal/endpoints").await.status, 200);
}

#[tokio::test]
async fn a_session_of_the_platform_team_is_counted() {
    let stack = Stack::start().await;
    let mut operator = Browser::new(&stack);
    let entered = operator.send("/portal/platform/enter", &[("key", ADMIN_KEY)], &[]).await;
    let cookie = entered.headers["set-cookie"].to_str().expect("a text");
    operator.cookie = cookie.split(';').next().expect("a pair").to_owned();
    let page = eventually("more than a session may ask for in a second", async || {
        let asked = (0..500).map(|_| operator.get("/portal/platform/accounts"));
        refused(join_all(asked).await, 200).pop().ok_or_else(|| "all were answered".to_owned())
    })
    .await;
    assert!(page.text.contains("That was too much at once"), "{}", page.text);
}

#[tokio::test]
async fn what_is_over_the_limit_is_neither_answered_again_nor_claimed() {
    let stack = Stack::start().await;
    let account = stack.account("busy").await;
    limit(&stack, "busy", 10).await;
    let event = json!({ "type": "a.b", "data": {} }).to_string();
    let post = |key: String| {
        let (client, event) = (account.client.clone(), event.clone());
        let headers = [("idempotency-key", key)];
        async move {
            let headers = headers.each_ref().map(|(name, key)| (*name, key.as_str()));
            client.request("POST", "/v1/events", &headers, event).await
        }
    };
    assert_eq!(post("same".to_owned()).await.status, 202);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let replayed = join_all((0..300).map(|_| post("same".to_owned()))).await;
    for answer in replayed.iter().filter(|answer| answer.status == 202) {
        assert_eq!(answer.headers["idempotency-replayed"], "true");
    }
    assert!(!refused(replayed, 202).is_empty(), "300 at once");

    tokio::time::sleep(Duration::from_secs(2)).await;
    let given_up = stack.calls("dynamodb", "DeleteItem").await;
    let different = join_all((0..300).map(|n| post(format!("{n}")))).await;
    assert!(!refused(different, 202).is_empty(), "300 at once");
    // Whoever is refused after it has claimed its key gives the key up again.
    assert_eq!(stack.calls("dynamodb", "DeleteItem").await, given_up);
}
