//! What the release before has left behind is understood: items of its table, messages and schedules
//! in flight, secrets that it sealed. `formats/<release>.json` is what that release wrote.
//!
//! `POSTHORN_UPDATE=1` writes the file of the release at hand; from then on it is not changed any more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use posthorn_end_to_end::{
    AwsRequest, Receiver, Reply, Stack, StackOptions, python, repository, verdicts,
};
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::ids::EventKey;
use serde_json::{Value, json};

const RELEASES: [&str; 1] = [env!("CARGO_PKG_VERSION")];
/// Items of the one who wakes up, not of what is woken.
const NOT_KEPT: [&str; 2] = ["SWEEP", "ADMINKEYS"];

fn file(release: &str) -> PathBuf {
    repository("tests/end_to_end/formats").join(format!("{release}.json"))
}

/// A stack, its data kept in a directory that holds a deployment key.
async fn stack(directory: &Path, time_scale: f64, deployment_key: Option<&str>) -> Stack {
    let data_dir = directory.join("data");
    if let Some(key) = deployment_key {
        std::fs::create_dir_all(&data_dir).expect("a directory");
        std::fs::write(data_dir.join("deployment-key"), key).expect("a file");
    }
    let options = StackOptions { time_scale, data_dir, environment: Vec::new() };
    Stack::try_start(options).await.expect("a stack that starts")
}

async fn dynamodb(stack: &Stack, operation: &str, body: Value) -> Value {
    let target = format!("DynamoDB_20120810.{operation}");
    let request = AwsRequest::operation(&target, body.to_string());
    let answer = request.signed(&stack.aws()).send(&stack.aws()).await;
    assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
    answer.json
}

/// Does all that leaves something behind, and writes down what.
async fn record(release: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    // The retry in twenty minutes is due in twenty seconds, by when all is written down.
    let stack = stack(directory.path(), 60.0, None).await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let schema = json!({ "type": "object", "required": ["n"] });
    let event_type = json!({ "name": "a.b", "description": "of numbers", "schema": schema });
    assert_eq!(account.post("/v1/event-types", event_type).await.status, 201);
    let hook = json!({
        "url": receiver.url("/hook"), "description": "old", "event_types": ["a.b"],
        "filter": { "data": { "n": [{ "numeric": [">", 0] }] } }, "headers": { "x-own": "mine" },
        "rate_limit": { "per_second": 100 }, "retry": { "schedule": ["20m"] }, "timeout_seconds": 7,
    });
    let (endpoint, secret) = account.endpoint_with_secret(hook).await;
    let event = |id: &str| json!({ "id": id, "type": "a.b", "data": { "n": 1, "of": id } });
    account.post_event(event("delivered")).await;
    account.delivery("delivered", &endpoint, "delivered").await;
    // Nobody wants it.
    account.post_event(json!({ "id": "missed", "type": "a.b", "data": { "n": 0 } })).await;
    account.wait_until("/v1/events/missed", |_| true).await;
    receiver.reply("/hook", Reply::status(503).body("busy"));
    account.post_event(event("retrying")).await;
    account.delivery("retrying", &endpoint, "retrying").await;
    account
        .patch(&format!("/v1/endpoints/{endpoint}"), json!({ "retry": { "schedule": [] } }))
        .await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    account.post_event(event("failed")).await;
    account.delivery("failed", &endpoint, "failed").await;

    let scanned = dynamodb(&stack, "Scan", json!({ "TableName": "posthorn" })).await;
    let items = scanned["Items"].as_array().expect("items").iter();
    let kept = |item: &&Value| !NOT_KEPT.contains(&item["pk"]["S"].as_str().unwrap_or_default());
    let items: Vec<Value> = items.filter(kept).cloned().collect();
    let key = |prefix: &str| {
        let pks = items.iter().filter_map(|item| item["pk"]["S"].as_str());
        pks.filter_map(|pk| pk.strip_prefix(prefix)).next().expect("such an item").to_owned()
    };
    let (bucket, shard) =
        key("DUE#").split_once('#').map(|(b, s)| (b.to_owned(), s.to_owned())).expect("a shard");
    // The one with its payload, the other that has to look for its event.
    let message = |id: &str, key: EventKey| {
        DeliveryMessage::first(
            "acme".parse().expect("an id"),
            endpoint.parse().expect("an id"),
            key,
            Some(id.parse().expect("an id")),
            "a.b".parse().expect("a name"),
        )
    };
    let mut inline = message("inline", EventKey::new(jiff::Timestamp::now(), 1));
    inline.payload = serde_json::value::to_raw_value(&json!({ "data": "inline" })).ok();
    let claim = items.iter().find(|item| item["pk"]["S"] == "ID#acme#missed");
    let claim = claim.expect("its claim").to_string();
    let start = claim.find(EventKey::PREFIX).expect("its key");
    let key = claim[start..start + 30].parse().expect("a key");
    let deliveries = [inline, message("missed", key)].map(|m| m.outgoing(Duration::ZERO).body);
    let recorded = json!({
        "release": release,
        "deployment_key": std::fs::read_to_string(directory.path().join("data/deployment-key")).expect("a file"),
        "key": account.key,
        "endpoint": endpoint,
        "secret": secret,
        "receiver": receiver.url(""),
        "schedule": format!(r#"{{"bucket":"{bucket}","shard":{shard}}}"#),
        "event": r#"{"account":"acme","id":"pushed","type":"a.b","data":{"n":2}}"#,
        "deliveries": deliveries,
        "items": items,
    });
    let text = serde_json::to_string_pretty(&recorded).expect("JSON");
    std::fs::write(file(release), text + "\n").expect("a file");
}

async fn understand(release: &str) {
    let text = std::fs::read_to_string(file(release)).expect("what the release left behind");
    let receiver = Receiver::start().await;
    let then: Value = serde_json::from_str(&text).expect("JSON");
    let former = then["receiver"].as_str().expect("a URL").to_owned();
    let then: Value =
        serde_json::from_str(&text.replace(&former, &receiver.url(""))).expect("JSON");
    let said = |name: &str| then[name].as_str().unwrap_or_else(|| panic!("{name}")).to_owned();
    let directory = tempfile::tempdir().expect("a directory");
    let stack = stack(directory.path(), 1.0, Some(&said("deployment_key"))).await;
    for item in then["items"].as_array().expect("items") {
        let mut item = item.clone();
        if item["x"].is_object() {
            // What has expired since had not then.
            item["x"] = json!({ "N": "4102444800" });
        }
        dynamodb(&stack, "PutItem", json!({ "TableName": "posthorn", "Item": item })).await;
    }
    let account = stack.account_with_key("acme", &said("key"));
    let endpoint = said("endpoint");

    // What customers see.
    let path = format!("/v1/endpoints/{endpoint}");
    let shown = account.get(&path).await;
    assert_eq!(shown["url"], receiver.url("/hook"));
    assert_eq!(shown["timeout_seconds"], 7);
    assert_eq!(account.get(&format!("{path}/secret")).await["secret"], said("secret"));
    assert_eq!(account.get("/v1/events/delivered").await["data"]["of"], "delivered");
    assert_eq!(account.get("/v1/event-types/a.b").await["schema"]["required"], json!(["n"]));
    for (event, status, code) in
        [("delivered", "delivered", 200), ("retrying", "retrying", 503), ("failed", "failed", 503)]
    {
        let delivery = account.delivery(event, &endpoint, status).await;
        assert_eq!(delivery["attempts"][0]["status_code"], code, "{delivery}");
    }

    // What was under way: an event, deliveries with and without their payload, a retry's wake-up.
    let sqs = stack.sqs().await;
    let send = async |queue: &str, body: &str| {
        let message = sqs.send_message().queue_url(stack.queue_url(queue)).message_body(body);
        message.send().await.expect("it is taken");
    };
    send("events", &said("event")).await;
    account.delivery("pushed", &endpoint, "delivered").await;
    for message in then["deliveries"].as_array().expect("messages") {
        send("deliveries", message.as_str().expect("text")).await;
    }
    stack.call_retry(&said("schedule")).await;
    for event in ["retrying", "missed"] {
        account.delivery(event, &endpoint, "delivered").await;
    }

    // And what had failed can be recovered.
    let since = json!({ "since": "2026-01-01T00:00:00Z" });
    let task = account.post(&format!("{path}/recover"), since).await;
    assert_eq!(task.status, 202, "{}", task.text);
    account.delivery("failed", &endpoint, "delivered").await;
    let requests = receiver.wait_for("/hook", 5).await;
    let inline = requests.iter().find(|request| request.header("webhook-id") == "inline");
    assert_eq!(inline.expect("what rode in its message").json(), json!({ "data": "inline" }));
    let deliveries: Vec<Value> = requests
        .iter()
        .map(|request| {
            let header = |name: &str| (name.to_owned(), json!(request.header(name)));
            let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
            json!({
                "secret": said("secret"),
                "headers": serde_json::Map::from_iter(headers),
                "body": String::from_utf8(request.body.to_vec()).expect("text"),
            })
        })
        .collect();
    let verdicts = verdicts(&python(), "verify.py", &deliveries).await;
    assert_eq!(verdicts, ["ok"; 5]);
    for queue in ["events-dlq", "deliveries-dlq", "tasks-dlq"] {
        assert_eq!(stack.queue_depth(queue).await, 0, "{queue}");
    }
}

#[tokio::test]
async fn what_former_releases_left_behind_is_understood() {
    if std::env::var("POSTHORN_UPDATE").is_ok_and(|value| value == "1") {
        record(env!("CARGO_PKG_VERSION")).await;
    }
    for release in RELEASES {
        understand(release).await;
    }
}
