//! Filters that were made to cost much: nobody else waits for them, and what they leave undecided is
//! on record.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::StreamExt;
use futures::future::join_all;
use posthorn_end_to_end::{Account, Receiver, Stack};
use posthorn_shared::filter::{Filter, MAX_STEPS, Subject};
use serde_json::{Value, json};

const ENDPOINTS: usize = 500;
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

/// Creates endpoints with these filters.
async fn endpoints(account: &Account, url: &str, filters: Vec<Value>) -> Vec<String> {
    let hooks = filters.into_iter().map(|filter| {
        account.endpoint(json!({ "url": url, "filter": filter, "retry": { "schedule": [] } }))
    });
    futures::stream::iter(hooks).buffered(8).collect().await
}

/// Almost as many values as an event has place for.
fn texts() -> Vec<String> {
    (0..18_000).map(|n| format!("aaaa-{n:05}")).collect()
}

/// A list of so many operators.
fn operators(count: usize, operator: impl Fn(usize) -> Value) -> Value {
    json!({ "data": { "a": (0..count).map(operator).collect::<Vec<_>>() } })
}

/// Each of these took about a second for one event; all of them, minutes.
fn bomb(endpoint: usize) -> Value {
    match endpoint % 5 {
        0 => operators(99, |n| json!({ "wildcard": format!("*a*a*{n}*{endpoint}b*") })),
        1 => operators(
            45,
            |n| json!({ "suffix": { "equals-ignore-case": format!("x{n}{endpoint}") } }),
        ),
        2 => operators(90, |n| json!({ "cidr": format!("172.{}.{n}.0/24", endpoint % 200) })),
        3 => operators(
            30,
            |n| json!({ "anything-but": { "prefix": [format!("x{n}{endpoint}"), "a"] } }),
        ),
        _ => operators(90, |n| json!({ "numeric": [">", endpoint * n] })),
    }
}

#[tokio::test]
async fn nobody_waits_for_another_accounts_filters() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let (acme, other) = (stack.account("acme").await, stack.account("other").await);
    other.endpoint(json!({ "url": receiver.url("/other") })).await;
    endpoints(&acme, &receiver.url("/acme"), (0..ENDPOINTS).map(bomb).collect()).await;

    // All in one batch, the other account's event at its end.
    let expensive = ["one", "two", "three"];
    let mut bodies: Vec<_> = expensive
        .map(|id| json!({ "account": "acme", "id": id, "type": "a.b", "data": { "a": texts() } }))
        .into();
    bodies.push(json!({ "account": "other", "type": "a.b", "data": {} }));
    let entries = bodies.iter().enumerate().map(|(n, body)| {
        let entry = SendMessageBatchRequestEntry::builder().id(n.to_string());
        entry.message_body(body.to_string()).build().expect("an entry")
    });
    let sqs = stack.sqs().await;
    let batch = sqs.send_message_batch().queue_url(stack.events_queue_url());
    let sent = batch.set_entries(Some(entries.collect())).send().await.expect("an answer");
    assert!(sent.failed().is_empty(), "{sent:?}");
    receiver.wait_for("/other", 1).await;

    // What is not on record is matched again for whoever asks.
    acme.wait_until("/v1/events/one", |_| true).await;
    let asked = join_all((0..4).map(|_| acme.get("/v1/events/one/deliveries")));
    let (_, others) = futures::future::join(asked, other.get("/v1/endpoints")).await;
    assert_eq!(others["data"].as_array().expect("a list").len(), 1);

    for id in expensive {
        let path = format!("/v1/events/{id}/deliveries");
        let list = acme
            .wait_until(&path, |list| {
                let mut all = list["data"].as_array().expect("a list").iter();
                all.len() > 0 && all.all(|delivery| delivery["status"] == "failed")
            })
            .await;
        let undecided = list["data"].as_array().expect("a list");
        for delivery in undecided {
            let attempt = &delivery["attempts"][0];
            assert_eq!(attempt["error"]["kind"], "filter", "{delivery}");
            assert_eq!(
                (&delivery["attempt_count"], &attempt["response"]),
                (&json!(1), &Value::Null)
            );
        }
    }
    assert_eq!(receiver.count("/acme"), 0, "nothing is sent");
}

/// A filter that takes a third of what all filters of an event may take together, of which a part is
/// done once for all of them; it matches what has the text `match`.
fn dear(endpoint: usize) -> Value {
    let event = json!({ "data": { "a": texts() } });
    for count in 1..99 {
        let filter = operators(count + 1, |n| match n {
            n if n == count => json!({ "wildcard": "*match*" }),
            n => json!({ "wildcard": format!("*x{endpoint}*{n}*") }),
        });
        let parsed = Filter::parse(&filter.to_string()).expect("a filter");
        let mut subject = Subject::new(&event, MAX_STEPS);
        parsed.matches(&mut subject).expect("an answer");
        if subject.spent() > MAX_STEPS / 3 {
            return filter;
        }
    }
    panic!("even 99 wildcards take less");
}

async fn start(account: &Account, endpoint: &str, kind: &str) -> Value {
    let path = format!("/v1/endpoints/{endpoint}/{kind}");
    let answer = account.post(&path, json!({ "since": LONG_AGO })).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let task = format!("/v1/tasks/{}", answer.json["task_id"].as_str().expect("an id"));
    account.wait_until(&task, |task| task["status"] == "completed").await
}

#[tokio::test]
async fn what_is_undecided_is_on_record_and_is_recovered_if_the_filter_matches() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let listener = json!({ "url": receiver.url("/ops"), "event_types": ["posthorn.*"] });
    account.endpoint(listener).await;
    let all = endpoints(&account, &receiver.url("/hook"), (0..12).map(dear).collect()).await;

    let post = async |id: &str, last: &str| {
        let mut texts = texts();
        texts.push(last.to_owned());
        account.post_event(json!({ "id": id, "type": "a.b", "data": { "a": texts } })).await;
        let path = format!("/v1/events/{id}/deliveries");
        let list = account.wait_until(&path, |list| {
            let mut all = list["data"].as_array().expect("a list").iter();
            all.len() > 0 && all.all(|delivery| delivery["status"] != "pending")
        });
        list.await["data"].as_array().expect("a list").clone()
    };
    let wanted = post("wanted", "a match").await;
    assert_eq!(wanted.len(), all.len(), "{wanted:?}");
    let (delivered, undecided): (Vec<Value>, Vec<Value>) =
        wanted.into_iter().partition(|delivery| delivery["status"] == "delivered");
    assert!(!delivered.is_empty() && undecided.len() >= 2, "{undecided:?}");
    let unwanted = post("unwanted", "nothing").await;
    // A match ends the search, so that there is more left for the others.
    assert!(unwanted.len() >= undecided.len(), "those that are decided do not match");
    for delivery in undecided.iter().chain(&unwanted) {
        assert_eq!(delivery["status"], "failed", "{delivery}");
        assert_eq!(delivery["attempts"][0]["error"]["kind"], "filter", "{delivery}");
    }
    let told = receiver.wait_for("/ops", undecided.len() + unwanted.len()).await;
    for request in told {
        let event = request.json();
        assert_eq!(event["type"], "posthorn.delivery.failed");
        assert_eq!(event["data"]["last_error"]["kind"], "filter", "{event}");
    }

    let endpoint = undecided[0]["endpoint_id"].as_str().expect("an id");
    let task = start(&account, endpoint, "recover").await;
    assert_eq!((&task["examined"], &task["sent"]), (&json!(2), &json!(1)), "{task}");
    let recovered = account.delivery("wanted", endpoint, "delivered").await;
    assert_eq!(recovered["attempt_count"], 2);
    let left = account.delivery("unwanted", endpoint, "failed").await;
    assert_eq!(left["attempt_count"], 1);
    // Whoever asks for one delivery gets it.
    let path = format!("/v1/events/unwanted/deliveries/{endpoint}/replay");
    assert_eq!(account.post(&path, json!({})).await.status, 202);
    account.delivery("unwanted", endpoint, "delivered").await;
    let shown = account.get(&format!("/v1/endpoints/{endpoint}")).await;
    assert_eq!(shown["active"], true, "{shown}");

    // One that is too expensive by itself: its owner sees that, and nothing is sent.
    let absurd = operators(99, |n| json!({ "wildcard": format!("*a*{n}*b*c*") }));
    let absurd = endpoints(&account, &receiver.url("/absurd"), vec![absurd]).await.remove(0);
    start(&account, &absurd, "replay-missing").await;
    for id in ["wanted", "unwanted"] {
        let delivery = account.delivery(id, &absurd, "failed").await;
        assert_eq!(delivery["attempts"][0]["error"]["kind"], "filter", "{delivery}");
    }
    let task = start(&account, &absurd, "recover").await;
    assert_eq!(task["sent"], 0, "{task}");
    assert_eq!(receiver.count("/absurd"), 0);
}
