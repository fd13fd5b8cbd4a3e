//! Operational events.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_scheduler::types::{FlexibleTimeWindow, FlexibleTimeWindowMode, Target};
use posthorn_end_to_end::{Account, Receiver, Reply, Stack, eventually};
use serde_json::{Value, json};

/// The types of operational events that came, sorted.
fn came(receiver: &Receiver, path: &str) -> Vec<String> {
    let types = receiver.requests(path).into_iter().map(|request| request.json()["type"].clone());
    let mut types: Vec<String> = types.map(|t| t.as_str().expect("a type").to_owned()).collect();
    types.sort();
    types
}

async fn operational_events(account: &Account) -> usize {
    let events = account.get("/v1/events?limit=250").await;
    let events = events["data"].as_array().expect("a list").iter();
    events
        .filter(|event| event["type"].as_str().is_some_and(|t| t.starts_with("posthorn.")))
        .count()
}

#[tokio::test]
async fn whoever_subscribes_hears_of_failures_and_of_endpoints_switched_off() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let listener = json!({ "url": receiver.url("/ops"), "event_types": ["posthorn.*"] });
    account.endpoint(listener).await;
    // All types, but for those that have to be asked for.
    account.endpoint(json!({ "url": receiver.url("/all") })).await;
    let retry = json!({ "schedule": ["1s", "1s", "1s"] });
    let ill = json!({ "url": receiver.url("/ill"), "event_types": ["a.b"], "retry": retry });
    let ill = account.endpoint(ill).await;
    receiver.reply("/ill", Reply::status(500));
    receiver.reply("/gone", Reply::status(410));
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&event, &ill, "failed").await;
    let expected = ["posthorn.delivery.failed", "posthorn.endpoint.failing"];
    eventually("both", async || match came(&receiver, "/ops") {
        types if types == expected => Ok(()),
        types => Err(format!("{types:?}")),
    })
    .await;
    let told = receiver.requests("/ops")[0].json();
    assert_eq!(
        (&told["data"]["endpoint_id"], &told["data"]["event_id"]),
        (&json!(ill), &json!(event))
    );
    assert_eq!(told["data"]["attempt_count"], 4);

    let gone = json!({ "url": receiver.url("/gone"), "event_types": ["c.d"] });
    let gone = account.endpoint(gone).await;
    account.post_until_known(json!({ "type": "c.d", "data": {} }), &gone).await;
    let disabled = eventually("the third", async || {
        let told = receiver.requests("/ops").into_iter().map(|request| request.json());
        told.into_iter().find(|t| t["type"] == "posthorn.endpoint.disabled").ok_or(String::new())
    })
    .await;
    assert_eq!(disabled["data"]["reason"], "gone");
    assert_eq!(disabled["data"]["endpoint_id"], json!(gone));
    assert!(came(&receiver, "/all").iter().all(|t| !t.starts_with("posthorn.")));

    // The platform team's queue has them, too.
    let sqs = stack.sqs().await;
    let url = stack.queue_url("operations");
    let received = sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await;
    let bodies: Vec<Value> = received
        .expect("an answer")
        .messages
        .unwrap_or_default()
        .iter()
        .map(|message| serde_json::from_str(message.body().expect("a body")).expect("JSON"))
        .collect();
    assert!(bodies.iter().any(|body| body["type"] == "posthorn.endpoint.disabled"), "{bodies:?}");
    assert!(bodies.iter().all(|body| body["account"] == "acme"));
}

#[tokio::test]
async fn they_never_cause_themselves() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let retry = json!({ "schedule": [] });
    // Who listens fails, too.
    for path in ["/one", "/two"] {
        receiver.reply(path, Reply::status(500));
        let listener = json!({
            "url": receiver.url(path), "event_types": ["posthorn.*", "a.b"], "retry": retry,
        });
        account.endpoint(listener).await;
    }
    account.post_event(json!({ "type": "a.b", "data": {} })).await;
    // One event fails twice, which is told to two.
    receiver.wait_for("/one", 3).await;
    receiver.wait_for("/two", 3).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(operational_events(&account).await, 2);
    assert_eq!((receiver.count("/one"), receiver.count("/two")), (3, 3));
}

#[tokio::test]
async fn producers_can_not_make_them() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let forged = json!({ "type": "posthorn.endpoint.disabled", "data": {} });
    let refused = account.post("/v1/events", forged.clone()).await;
    assert_eq!((refused.status, &refused.json["errors"][0]["pointer"]), (422, &json!("/type")));
    let named = json!({ "name": "posthorn.mine" });
    assert_eq!(account.post("/v1/event-types", named).await.status, 422);
    let sqs = stack.sqs().await;
    let mut forged = forged;
    forged["account"] = json!("acme");
    let queue = stack.queue_url("events");
    sqs.send_message()
        .queue_url(queue)
        .message_body(forged.to_string())
        .send()
        .await
        .expect("sent");
    let letters = stack.queue_url("events-dlq");
    let letter = eventually("a dead letter", async || {
        let received =
            sqs.receive_message().queue_url(&letters).message_attribute_names("All").send().await;
        let message = received.expect("an answer").messages.unwrap_or_default().pop();
        message.ok_or_else(|| "none".to_owned())
    })
    .await;
    let attributes = letter.message_attributes.expect("attributes");
    let reason = attributes["reason"].string_value().expect("a text");
    assert!(reason.contains("posthorn.endpoint.disabled"), "{reason}");
    assert_eq!(operational_events(&account).await, 0);
}

#[tokio::test]
async fn old_secrets_are_told_of() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let listener = json!({ "url": receiver.url("/ops"), "event_types": ["posthorn.*"] });
    let id = account.endpoint(listener).await;
    let config = stack.aws_config().await;
    let table = aws_sdk_dynamodb::Client::new(&config);
    // As if its secret had been set 90 days ago.
    let key = [("pk", "A#acme".to_owned()), ("sk", format!("EP#{id}"))];
    let key = key.map(|(name, value)| (name.to_owned(), AttributeValue::S(value)));
    let item = table.get_item().table_name("posthorn").set_key(Some(key.into())).send().await;
    let mut item = item.expect("an answer").item.expect("the endpoint");
    let document = item["d"].as_s().expect("a document");
    let mut document: Value = serde_json::from_str(document).expect("JSON");
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(90 * 24 + 1);
    document["secret_created_at"] = json!(then);
    item.insert("d".to_owned(), AttributeValue::S(document.to_string()));
    table.put_item().table_name("posthorn").set_item(Some(item)).send().await.expect("written");
    // What is called once a day is called now.
    let scheduler = aws_sdk_scheduler::Client::new(&config);
    let daily = scheduler.get_schedule().group_name("posthorn").name("Rotation").send().await;
    let daily = daily.expect("the daily schedule");
    let target = daily.target().expect("a target");
    let target = Target::builder()
        .arn(target.arn())
        .role_arn(target.role_arn())
        .input(target.input().expect("an input"))
        .build()
        .expect("a target");
    let exact = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
    scheduler
        .create_schedule()
        .name("rotation-now")
        .group_name("posthorn")
        .schedule_expression(at.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string())
        .flexible_time_window(exact.expect("a window"))
        .target(target)
        .send()
        .await
        .expect("a schedule");
    let told = receiver.wait_for("/ops", 1).await.remove(0).json();
    assert_eq!(told["type"], "posthorn.secret.rotation_due");
    assert_eq!((&told["data"]["endpoint_id"], &told["data"]["age_days"]), (&json!(id), &json!(90)));
}
