//! Recover, and replay of what is missing.

use std::collections::HashSet;

use posthorn_end_to_end::{Account, Receiver, Reply, Stack};
use serde_json::{Value, json};

use super::pointers;

/// Failed deliveries that are recovered across a crash: more than a page of them.
const MANY: usize = 2_000;
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

async fn post_many(account: &Account, count: usize) -> HashSet<String> {
    let mut ids = HashSet::new();
    for chunk in (0..count).collect::<Vec<_>>().chunks(100) {
        let event = json!({ "type": "a.b", "data": {} });
        let events = vec![event; chunk.len()];
        let answer = account.post("/v1/events", json!({ "events": events })).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let posted = answer.json["ids"].as_array().expect("ids").iter();
        ids.extend(posted.map(|id| id.as_str().expect("a text").to_owned()));
    }
    ids
}

async fn start(account: &Account, endpoint: &str, kind: &str, window: Value) -> String {
    let answer = account.post(&format!("/v1/endpoints/{endpoint}/{kind}"), window).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    answer.json["task_id"].as_str().expect("an id").to_owned()
}

async fn completed(account: &Account, task: &str) -> Value {
    account.wait_until(&format!("/v1/tasks/{task}"), |task| task["status"] == "completed").await
}

fn received(receiver: &Receiver, path: &str) -> HashSet<String> {
    let requests = receiver.requests(path);
    requests.iter().map(|request| request.header("webhook-id").to_owned()).collect()
}

async fn failing_endpoint(account: &Account, receiver: &Receiver) -> String {
    receiver.reply("/hook", Reply::status(503));
    let policy = json!({ "schedule": [] });
    account.endpoint(json!({ "url": receiver.url("/hook"), "retry": policy })).await
}

#[tokio::test]
async fn recover_resends_every_failed_delivery_of_the_window_across_a_crash() {
    let mut stack = Stack::without_newcomers_limit().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = failing_endpoint(&account, &receiver).await;
    let failed = post_many(&account, MANY).await;
    receiver.wait_for("/hook", MANY).await;
    stack.wait_until_idle().await;

    receiver.reply("/hook", Reply::status(200));
    let task = start(&account, &endpoint, "recover", json!({ "since": LONG_AGO })).await;
    receiver.wait_for("/hook", MANY + 100).await;
    stack.kill9().await;
    stack.restart().await;
    let account = stack.account_with_key("acme", &account.key);
    completed(&account, &task).await;
    let left = format!("/v1/endpoints/{endpoint}/deliveries?status=failed&limit=1");
    account.wait_until(&left, |log| log["data"] == json!([])).await;
    let delivered = format!("/v1/endpoints/{endpoint}/deliveries?status=delivered&limit=250");
    let (mut found, mut path) = (HashSet::new(), delivered.clone());
    loop {
        let page = account.get(&path).await;
        let data = page["data"].as_array().expect("a list");
        found.extend(data.iter().map(|d| d["event_id"].as_str().expect("an id").to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("{delivered}&cursor={cursor}");
    }
    assert_eq!(found, failed);
}

#[tokio::test]
async fn recover_keeps_to_its_window_and_what_fails_again_can_be_recovered_again() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = failing_endpoint(&account, &receiver).await;
    let early = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    let early = account.delivery(&early, &endpoint, "failed").await;
    let late = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    let late = account.delivery(&late, &endpoint, "failed").await;

    let window = json!({ "since": early["created_at"], "until": late["created_at"] });
    let task = start(&account, &endpoint, "recover", window).await;
    let done = completed(&account, &task).await;
    assert_eq!((&done["examined"], &done["sent"]), (&json!(1), &json!(1)), "{done}");
    assert_eq!((&done["kind"], &done["endpoint_id"]), (&json!("recover"), &json!(endpoint)));
    receiver.wait_for("/hook", 3).await;
    let path = |delivery: &Value| {
        format!("/v1/events/{}/deliveries/{endpoint}", delivery["event_id"].as_str().unwrap())
    };
    let again = account.wait_until(&path(&early), |d| d["attempt_count"] == 2).await;
    assert_eq!(again["status"], "failed");
    assert_eq!(again["attempts"][1]["trigger"], "replay");
    assert_eq!(account.get(&path(&late)).await["attempt_count"], 1);

    receiver.reply("/hook", Reply::status(200));
    let task = start(&account, &endpoint, "recover", json!({ "since": LONG_AGO })).await;
    assert_eq!(completed(&account, &task).await["sent"], 2);
    for delivery in [&early, &late] {
        account.wait_until(&path(delivery), |d| d["status"] == "delivered").await;
    }
    // Nothing is left: a third one sends nothing.
    let task = start(&account, &endpoint, "recover", json!({ "since": LONG_AGO })).await;
    assert_eq!(completed(&account, &task).await["sent"], 0);
}

#[tokio::test]
async fn what_an_endpoint_never_got_is_sent_to_it() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let event = |kind: &str, vault: &str| json!({ "type": kind, "data": { "vaultId": vault } });
    // Before there was an endpoint.
    let before = account.post_event(event("vault.created", "mine")).await;
    account.post_event(event("vault.created", "other")).await;
    account.post_event(event("job.done", "mine")).await;
    stack.wait_until_idle().await;
    let endpoint = account
        .endpoint(json!({
            "url": receiver.url("/hook"),
            "event_types": ["vault.*"],
            "filter": { "data": { "vaultId": ["mine"] } },
        }))
        .await;
    let got = account.post_until_known(event("vault.created", "mine"), &endpoint).await;
    account.delivery(&got, &endpoint, "delivered").await;
    stack.wait_until_idle().await;
    let so_far = received(&receiver, "/hook");

    let path = format!("/v1/endpoints/{endpoint}");
    account.patch(&path, json!({ "active": false })).await;
    let replay = format!("{path}/replay-missing");
    assert_eq!(account.post(&replay, json!({ "since": LONG_AGO })).await.status, 409);
    // While it is off. That takes effect within a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let meanwhile = account.post_event(event("vault.created", "mine")).await;
    stack.wait_until_idle().await;
    account.patch(&path, json!({ "active": true })).await;

    let task = start(&account, &endpoint, "replay-missing", json!({ "since": LONG_AGO })).await;
    let done = completed(&account, &task).await;
    for id in [&before, &meanwhile] {
        account.delivery(id, &endpoint, "delivered").await;
    }
    stack.wait_until_idle().await;
    let all = received(&receiver, "/hook");
    assert!(all.contains(&before) && all.contains(&meanwhile), "{done}");
    let requests = receiver.requests("/hook");
    assert_eq!(requests.len(), all.len(), "nothing twice");
    assert!(requests.iter().all(|request| request.json()["data"]["vaultId"] == "mine"));
    assert!(all.is_superset(&so_far));
    // Nothing is missing now.
    let task = start(&account, &endpoint, "replay-missing", json!({ "since": LONG_AGO })).await;
    assert_eq!(completed(&account, &task).await["sent"], 0);
}

#[tokio::test]
async fn one_task_of_a_kind_runs_for_an_endpoint_at_a_time() {
    let stack = Stack::without_newcomers_limit().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = failing_endpoint(&account, &receiver).await;
    post_many(&account, 1_000).await;
    receiver.wait_for("/hook", 1_000).await;
    stack.wait_until_idle().await;
    let window = json!({ "since": LONG_AGO });
    let path = format!("/v1/endpoints/{endpoint}/recover");
    let several = (0..8).map(|_| account.post(&path, window.clone()));
    let answers = futures::future::join_all(several).await;
    let (started, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 202);
    assert_eq!(started.len(), 1, "{answers:?}");
    let task = started[0].json["task_id"].as_str().expect("an id");
    assert!(refused.iter().all(|answer| answer.status == 409 && answer.text.contains(task)));
    // Another kind is another matter.
    start(&account, &endpoint, "replay-missing", window.clone()).await;
    completed(&account, task).await;
    start(&account, &endpoint, "recover", window).await;
}

#[tokio::test]
async fn a_task_stops_when_its_endpoint_is_switched_off() {
    let stack = Stack::without_newcomers_limit().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = failing_endpoint(&account, &receiver).await;
    post_many(&account, 2_000).await;
    receiver.wait_for("/hook", 2_000).await;
    stack.wait_until_idle().await;
    let task = start(&account, &endpoint, "recover", json!({ "since": LONG_AGO })).await;
    account.patch(&format!("/v1/endpoints/{endpoint}"), json!({ "active": false })).await;
    let ended =
        account.wait_until(&format!("/v1/tasks/{task}"), |task| task["status"] != "running").await;
    assert_eq!(ended["status"], "stopped", "{ended}");
}

#[tokio::test]
async fn windows_have_to_make_sense() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": "https://example.com/" })).await;
    for kind in ["recover", "replay-missing"] {
        let path = format!("/v1/endpoints/{endpoint}/{kind}");
        for (window, expected) in [
            (json!({}), vec!["/since"]),
            (
                json!({ "since": "yesterday", "until": 7, "page": 1 }),
                vec!["/since", "/until", "/page"],
            ),
            (json!({ "since": "2099-01-01T00:00:00Z" }), vec!["/since"]),
            (json!({ "since": "2026-01-02T00:00:00Z", "until": LONG_AGO }), vec!["/since"]),
        ] {
            let answer = account.post(&path, window).await;
            assert_eq!((answer.status, pointers(&answer)), (422, expected), "{}", answer.text);
        }
    }
    let answer = account.request("GET", "/v1/tasks/task_01h455vb4pex5vsknk084sn02q", &[], "").await;
    assert_eq!(answer.status, 404);
}
