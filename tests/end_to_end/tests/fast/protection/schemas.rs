//! Schemas that would take more time or memory than is theirs, and everybody else's events.

use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::future::{Either, join, join_all, select};
use jiff::Timestamp;
use posthorn_end_to_end::{Account, DEADLINE, Receiver, Stack, eventually, store, tenant};
use posthorn_shared::event_type::{CatalogOwner, EventType};
use posthorn_shared::store::Created;
use serde_json::{Map, Value, json};

/// 64 definitions, each of which refers to the next one twice: 2^64 steps in 4.5 KB.
fn doubling() -> Value {
    let pair = |n: u32| {
        let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
        (format!("d{n}"), json!({ "allOf": [next, next] }))
    };
    let mut defs: Map<String, Value> = (0..64).map(pair).collect();
    defs.insert("d64".to_owned(), json!({ "type": "object" }));
    json!({ "$ref": "#/$defs/d0", "$defs": defs })
}

/// Patterns that would take a gigabyte when they are compiled.
fn large_patterns() -> Value {
    let property = |n: usize| {
        (n.to_string(), json!({ "pattern": format!(r"(\w{{10}}|\p{{Greek}}{{10}}){{20}}{n}") }))
    };
    json!({ "properties": (0..1_100).map(property).collect::<Map<_, _>>() })
}

/// A schema within all limits, and data whose check takes as many steps as an event may, or more.
fn costly(values: usize) -> (Value, Value) {
    let branches: Vec<Value> = (0..1_000).map(|n| json!({ "const": n })).collect();
    let schema = json!({ "properties": { "list": { "items": { "anyOf": branches } } } });
    (schema, json!({ "list": vec![999; values] }))
}

/// Sends an event every few milliseconds while something else goes on, and answers how many.
async fn keep_posting(account: &Account, until: impl Future<Output = ()>) -> usize {
    let mut sent = 0;
    let mut until = std::pin::pin!(until);
    loop {
        account.post_event(json!({ "type": "plain", "data": { "n": sent } })).await;
        sent += 1;
        let pause = std::pin::pin!(tokio::time::sleep(Duration::from_millis(10)));
        if let Either::Left(_) = select(until.as_mut(), pause).await {
            return sent;
        }
    }
}

#[tokio::test]
async fn schemas_beyond_their_limits_are_refused_with_what_to_do_and_stop_nobody() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let (mallory, acme) = (stack.account("mallory").await, stack.account("acme").await);
    acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let chain: Map<String, Value> = (0..1_500)
        .map(|n| (format!("d{n}"), json!({ "$ref": format!("#/$defs/d{}", n + 1) })))
        .chain([("d1500".to_owned(), json!(true))])
        .collect();
    let itself = json!({ "anyOf": [{ "type": "string" }, { "$ref": "#" }] });
    let refused = [
        (doubling(), "schemas when its references are followed, of at most 10000; refer to large"),
        (large_patterns(), "has 1100 patterns, of at most 50; use fewer, or enum"),
        (large_patterns(), "takes more than 262144 bytes when compiled; repeat less"),
        (
            json!({ "pattern": "a".repeat(9_000) }),
            "has 9000 bytes of patterns, of at most 8192; use shorter ones, or enum",
        ),
        (
            json!({ "const": vec![0; 31_000] }),
            "bytes when compiled, of at most 2097152; use fewer or shorter patterns",
        ),
        (json!({ "allOf": vec![json!({}); 11_000] }), "has 11001 schemas when its references"),
        (
            json!({ "$ref": "#/$defs/d0", "$defs": chain }),
            "schemas inside one another when its references are followed, of at most 200",
        ),
        (itself, "leads back to itself without going into the data"),
        (json!({ "pattern": "^(?=.*[A-Z])" }), "is a regular expression: look-around"),
        (json!({ "description": "x".repeat(70_000) }), "bytes, of at most 65536"),
    ];
    let attack = async {
        for (schema, words) in &refused {
            for round in 0..3 {
                let event_type =
                    json!({ "name": "bomb", "schema": schema, "example": { "round": round } });
                let answer = mallory.post("/v1/event-types", event_type).await;
                assert_eq!(answer.status, 422, "{words}: {}", answer.text);
                let errors = answer.json["errors"].as_array().expect("a list");
                let told = |error: &Value| {
                    error["pointer"].as_str().is_some_and(|at| at.starts_with("/schema"))
                        && error["detail"].as_str().is_some_and(|text| text.contains(words))
                };
                assert!(errors.iter().any(told), "{words}: {}", answer.text);
            }
        }
    };
    let sent = tokio::time::timeout(DEADLINE, keep_posting(&acme, attack)).await;
    receiver.wait_for("/hook", sent.expect("an end in time")).await;
}

#[tokio::test]
async fn an_event_that_takes_too_many_steps_is_refused_and_the_others_of_its_batch_are_not() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let (mallory, acme) = (stack.account("mallory").await, stack.account("acme").await);
    acme.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let (schema, data) = costly(20_000);
    let event_type = json!({ "name": "costly", "schema": schema });
    assert_eq!(mallory.post("/v1/event-types", event_type).await.status, 201);
    let answer = mallory.post("/v1/events", json!({ "type": "costly", "data": data })).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let errors = json!([{
        "pointer": "/data",
        "detail": "takes more than 2000000 steps to check by its schema; send less in one event, or \
                   have the schema simplified",
    }]);
    assert_eq!(answer.json["errors"], errors);

    // The road past the API.
    let sqs = stack.sqs().await;
    let entry = |n: usize| {
        let event = match n {
            4 => json!({ "account": "mallory", "type": "costly", "data": data }),
            _ => json!({ "account": "acme", "type": "plain", "data": { "n": n } }),
        };
        let entry = SendMessageBatchRequestEntry::builder().id(n.to_string());
        entry.message_body(event.to_string()).build().expect("an entry")
    };
    let batch = sqs.send_message_batch().queue_url(stack.events_queue_url());
    let sent = batch.set_entries(Some((0..10).map(entry).collect())).send().await.expect("sent");
    assert_eq!(sent.successful.len(), 10);
    receiver.wait_for("/hook", 9).await;
    let letters = eventually("the dead letter", async || {
        let letters = stack.drain("events-dlq").await;
        if letters.is_empty() { Err("none".to_owned()) } else { Ok(letters) }
    })
    .await;
    assert_eq!(letters.len(), 1);
    let reason = letters[0].1.iter().find(|(name, _)| name == "reason").expect("a reason");
    assert_eq!(
        reason.1,
        "not valid by the schema of costly: /data: takes more than 2000000 steps to check by its \
         schema; send less in one event, or have the schema simplified"
    );
}

/// Many of them, by both roads: another account's events go on, and none of anybody's is lost.
#[tokio::test]
async fn costly_events_of_one_account_do_not_hold_up_another() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let (mallory, acme) = (stack.account("mallory").await, stack.account("acme").await);
    acme.endpoint(json!({ "url": receiver.url("/acme") })).await;
    mallory.endpoint(json!({ "url": receiver.url("/mallory") })).await;
    let (schema, data) = costly(600);
    let event_type = json!({ "name": "costly", "schema": schema });
    assert_eq!(mallory.post("/v1/event-types", event_type).await.status, 201);
    let (posted, pushed) = (20, 20);
    let sqs = stack.sqs().await;
    let attack = async {
        let event = json!({ "type": "costly", "data": data });
        let post = (0..posted).map(|_| mallory.post_event(event.clone()));
        let event = json!({ "account": "mallory", "type": "costly", "data": data }).to_string();
        let push = (0..pushed).map(|_| {
            let send = sqs.send_message().queue_url(stack.events_queue_url());
            send.message_body(event.clone()).send()
        });
        let (_, pushed) = join(join_all(post), join_all(push)).await;
        assert!(pushed.iter().all(Result::is_ok));
        receiver.wait_for("/mallory", posted + 1).await;
    };
    let sent = tokio::time::timeout(DEADLINE, keep_posting(&acme, attack)).await;
    receiver.wait_for("/acme", sent.expect("an end in time")).await;
    receiver.wait_for("/mallory", posted + pushed).await;
}

/// A release before took it: what is sent goes on being delivered.
#[tokio::test]
async fn a_stored_schema_beyond_the_limits_refuses_nothing_until_it_is_changed() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let event_type = EventType {
        name: "old.type".parse().expect("a name"),
        description: String::new(),
        schema: Some(doubling()),
        example: None,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    let owner = CatalogOwner::Account(tenant(&stack, "acme").await);
    let created = store(&stack).await.create_event_type(&owner, &event_type, 1).await;
    assert_eq!(created.expect("an answer"), Created::Done);
    let sqs = stack.sqs().await;
    let event = json!({ "account": "acme", "type": "old.type", "data": {} }).to_string();
    let send = sqs.send_message().queue_url(stack.events_queue_url());
    send.message_body(event).send().await.expect("sent");
    eventually("an event that is taken", async || {
        let answer = account.post("/v1/events", json!({ "type": "old.type", "data": {} })).await;
        if answer.status == 202 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    receiver.wait_for("/hook", 2).await;
    let logged = eventually("a line of the log", async || {
        let lines = stack.log();
        let line = lines.iter().find(|line| line.contains("stored schema is not used"));
        line.cloned().ok_or_else(|| lines.join("\n"))
    })
    .await;
    assert!(logged.contains("old.type") && logged.contains("of at most 10000"), "{logged}");
    let patch = json!({ "description": "of old" }).to_string();
    let answer = account.request("PATCH", "/v1/event-types/old.type", &[], patch).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(answer.json["errors"][0]["pointer"], "/schema");
    account.patch("/v1/event-types/old.type", json!({ "schema": { "required": ["n"] } })).await;
    let answer = account.post("/v1/events", json!({ "type": "old.type", "data": {} })).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
}
