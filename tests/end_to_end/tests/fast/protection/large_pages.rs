//! Lists of what is large: Lambda answers with 6 MB at the most, so a page ends before its limit, and the
//! next one begins where it ended.

use std::collections::BTreeSet;

use futures::StreamExt;
use posthorn_end_to_end::{Account, Client, Receiver, Reply, Stack};
use serde_json::{Map, Value, json};

/// Bytes of any answer here. In an answer of Lambda it may take twice as many.
const MOST: usize = 3_100_000;

/// Reads a list page by page. Answers the items' names, and how many pages there were.
async fn walk(client: &Client, path: &str, name: &str) -> (Vec<String>, usize) {
    let (mut names, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let joined = if path.contains('?') { '&' } else { '?' };
        let answer =
            client.request("GET", &format!("{path}{joined}cursor={cursor}"), &[], "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text.len() < MOST, "{path}: {} bytes", answer.text.len());
        let items = answer.json["data"].as_array().expect("a list");
        names.extend(items.iter().map(|item| item[name].as_str().expect("a name").to_owned()));
        pages += 1;
        match answer.json["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return (names, pages),
        }
    }
}

/// Asserts that a walk found all of them, none twice, on more than one page.
fn assert_all((names, pages): (Vec<String>, usize), expected: &[String]) {
    let found: BTreeSet<&String> = names.iter().collect();
    assert_eq!(found, expected.iter().collect::<BTreeSet<_>>());
    assert_eq!(names.len(), expected.len(), "some are there twice");
    assert!(pages > 1, "all on one page");
}

/// A receiver whose answers take as many bytes as are kept of one, and six times as many in JSON.
async fn talkative() -> Receiver {
    let receiver = Receiver::start().await;
    receiver.reply("/hook", Reply::status(500).body(vec![1; 4_096]));
    receiver
}

async fn all<T>(count: usize, make: impl AsyncFn(usize) -> T) -> Vec<T> {
    futures::stream::iter((0..count).map(|n| make(n))).buffered(8).collect().await
}

async fn failed(account: &Account, event: &str, endpoint: &str) {
    account.delivery(event, endpoint, "failed").await;
}

#[tokio::test]
async fn endpoints_and_the_deliveries_of_an_event_to_them() {
    let (stack, receiver) = (Stack::without_newcomers_limit().await, talkative().await);
    let acme = stack.account("acme").await;
    let metadata: Map<String, Value> =
        (0..50).map(|n| (format!("{n:064}"), json!("m".repeat(500)))).collect();
    let endpoints = all(150, async |_| {
        let hook = json!({ "url": receiver.url("/hook"), "metadata": metadata, "retry": { "schedule": [] } });
        acme.endpoint(hook).await
    })
    .await;
    assert_all(walk(&acme, "/v1/endpoints?limit=250", "id").await, &endpoints);

    let event = acme.post_event(json!({ "type": "a.b", "data": {} })).await;
    for endpoint in &endpoints {
        failed(&acme, &event, endpoint).await;
    }
    let path = format!("/v1/events/{event}/deliveries");
    assert_all(walk(&acme, &path, "endpoint_id").await, &endpoints);
}

#[tokio::test]
async fn deliveries_of_an_endpoint() {
    let (stack, receiver) = (Stack::without_newcomers_limit().await, talkative().await);
    let acme = stack.account("acme").await;
    let hook = json!({ "url": receiver.url("/hook"), "retry": { "schedule": [] } });
    let endpoint = acme.endpoint(hook).await;
    let events =
        all(150, async |_| acme.post_event(json!({ "type": "a.b", "data": {} })).await).await;
    for event in &events {
        failed(&acme, event, &endpoint).await;
    }
    let path = format!("/v1/endpoints/{endpoint}/deliveries?limit=250");
    assert_all(walk(&acme, &path, "event_id").await, &events);
    let failed = format!("{path}&status=failed");
    assert_all(walk(&acme, &failed, "event_id").await, &events);
}

#[tokio::test]
async fn logs_that_show_what_was_sent() {
    let (stack, receiver) = (Stack::start().await, Receiver::start().await);
    let flex = stack.account_speaking("flex", "flexorch").await;
    let hook = json!({ "url": receiver.url("/hook") });
    let endpoint = flex.endpoint(hook).await;
    let data = json!({ "text": "x".repeat(200_000) });
    let events =
        all(40, async |_| flex.post_event(json!({ "type": "a.b", "data": data })).await).await;
    receiver.wait_for("/hook", events.len()).await;
    for event in &events {
        flex.delivery(event, &endpoint, "delivered").await;
    }
    let path = format!("/webhooks/{endpoint}/logs?limit=250");
    assert_all(walk(&flex, &path, "event_id").await, &events);
}

#[tokio::test]
async fn event_types_of_an_account_and_of_all() {
    let stack = Stack::start().await;
    let (acme, admin) = (stack.account("acme").await, stack.admin());
    let schema = json!({ "description": "s".repeat(60_000) });
    // One after the other they are the account's and everyone's, more of the latter; so the pages of
    // the two end in different places.
    let names = all(120, async |n| {
        let name = format!("type.n{n:03}");
        let entry = json!({ "name": name, "description": "", "schema": schema });
        let owner = if n % 3 == 0 { &*acme } else { &admin };
        let answer = owner.post("/v1/event-types", entry).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        name
    })
    .await;
    assert_all(walk(&acme, "/v1/event-types?limit=250", "name").await, &names);
    let everyones: Vec<String> = names
        .iter()
        .enumerate()
        .filter(|(n, _)| n % 3 != 0)
        .map(|(_, name)| name.clone())
        .collect();
    assert_all(walk(&admin, "/v1/event-types?limit=250", "name").await, &everyones);
}
