//! Events and deliveries, listed.

use std::collections::HashSet;

use posthorn_end_to_end::{Account, Receiver, Stack};
use serde_json::{Value, json};

#[tokio::test]
async fn events_are_listed_page_by_page_while_more_arrive() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let mut posted = HashSet::new();
    for n in 0..40 {
        let event_type = if n % 4 == 0 { "a.odd" } else { "a.b" };
        posted.insert(account.post_event(json!({ "type": event_type, "data": {} })).await);
    }
    stack.wait_until_idle().await;

    let mut listed = Vec::new();
    let mut path = "/v1/events?limit=7".to_owned();
    loop {
        let page = account.get(&path).await;
        for event in page["data"].as_array().unwrap() {
            assert!(event["data"].is_null(), "a list has no payloads");
            listed.push(event["id"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/events?limit=7&cursor={cursor}");
        account.post_event(json!({ "type": "late.comer", "data": {} })).await;
    }
    assert!(listed.is_sorted_by(|a, b| a > b), "newest first, nothing twice");
    assert_eq!(listed.into_iter().collect::<HashSet<_>>(), posted);

    let odd = account.get("/v1/events?type=a.odd&limit=250").await;
    assert_eq!(odd["data"].as_array().unwrap().len(), 10);
    assert_eq!(odd["next_cursor"], Value::Null);
    let none = account.get("/v1/events?since=2099-01-01T00:00:00Z").await;
    assert_eq!(none, json!({ "data": [], "next_cursor": null }));
    let answer = account.request("GET", "/v1/events?type=a%20b&since=now&until=x", &[], "").await;
    assert_eq!(answer.json["errors"].as_array().unwrap().len(), 3, "{}", answer.text);
    for query in ["limit=0", "limit=251", "cursor=%21", "cursor=YWJj"] {
        let answer = account.request("GET", &format!("/v1/events?{query}"), &[], "").await;
        assert_eq!(answer.status, 422, "{query}: {}", answer.text);
    }
    let other = stack.account("other").await;
    assert_eq!(other.get("/v1/events").await["data"], json!([]));
}

/// Deliveries that are there when a walk through the log begins, and those that come meanwhile.
const THERE: usize = 10_000;
const LATE: usize = 1_000;

#[tokio::test]
async fn a_log_of_10000_deliveries_is_paged_while_1000_more_arrive() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let mut there = HashSet::new();
    for _ in 0..THERE / 100 {
        there.extend(post_hundred(&account).await);
    }
    receiver.wait_for("/hook", THERE).await;
    stack.wait_until_idle().await;

    let late = async {
        for _ in 0..LATE / 100 {
            post_hundred(&account).await;
        }
    };
    let walk = async {
        let mut listed: Vec<String> = Vec::new();
        let mut path = format!("/v1/endpoints/{endpoint}/deliveries?limit=250");
        loop {
            let page = account.get(&path).await;
            let ids = page["data"].as_array().unwrap().iter();
            listed.extend(ids.map(|delivery| delivery["event_id"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break listed };
            path = format!("/v1/endpoints/{endpoint}/deliveries?limit=250&cursor={cursor}");
        }
    };
    let ((), listed) = futures::join!(late, walk);
    assert!(listed.is_sorted_by(|a, b| a > b), "newest first, nothing twice");
    let listed: HashSet<String> = listed.into_iter().collect();
    assert_eq!(there.difference(&listed).count(), 0, "nothing missed of what was there");
}

async fn post_hundred(account: &Account) -> Vec<String> {
    let events: Vec<Value> = vec![json!({ "type": "a.b", "data": {} }); 100];
    let answer = account.post("/v1/events", json!({ "events": events })).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let ids = answer.json["ids"].as_array().expect("ids").iter();
    ids.map(|id| id.as_str().expect("a text").to_owned()).collect()
}
