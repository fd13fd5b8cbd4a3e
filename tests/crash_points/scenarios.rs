//! What happens to events, as little stories: each prepares, begins to count, and tells in the end
//! what should have become of its deliveries.

use posthorn_end_to_end::Reply;
use posthorn_shared::secret::{Secret, SecretForm};
use posthorn_shared::signing::standard_webhooks;
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::world::World;

pub type Strike = Option<(usize, Fault)>;

/// A delivery that has to have been made, and its status.
pub struct Expected {
    pub event: String,
    pub endpoint: String,
    /// Where it came to; `None`: nothing is sent.
    pub path: Option<&'static str>,
    pub status: &'static str,
}

const LONG_AGO: &str = "2026-01-01T00:00:00Z";

async fn endpoint(world: &mut World, path: &str, mut settings: Value) -> String {
    settings["url"] = json!(world.receiver.url(path));
    id(&world.post("/v1/endpoints", settings).await)
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().expect("an id").to_owned()
}

async fn post_event(world: &mut World) -> String {
    id(&world.post("/v1/events", json!({ "type": "a.b", "data": { "n": 1 } })).await)
}

async fn post_events(world: &mut World, count: usize) -> Vec<String> {
    // With ids of their own, so that a request that is made twice makes no second ones.
    let events = (0..count).map(|n| json!({ "id": format!("e{n}"), "type": "a.b", "data": {} }));
    let events: Vec<_> = events.collect();
    let answer = world.post("/v1/events", json!({ "events": events })).await;
    let ids = answer["ids"].as_array().expect("ids").iter();
    ids.map(|id| id.as_str().expect("a text").to_owned()).collect()
}

fn all(
    events: &[String],
    endpoint: &str,
    path: &'static str,
    status: &'static str,
) -> Vec<Expected> {
    let expected = |event: &String| Expected {
        event: event.clone(),
        endpoint: endpoint.to_owned(),
        path: Some(path),
        status,
    };
    events.iter().map(expected).collect()
}

pub async fn ingest_by_post(world: &mut World, strike: Strike) -> Vec<Expected> {
    let endpoint = endpoint(world, "/hook", json!({})).await;
    world.begin(strike);
    let event = post_event(world).await;
    world.settle().await;
    all(&[event], &endpoint, "/hook", "delivered")
}

pub async fn ingest_by_queue(world: &mut World, strike: Strike) -> Vec<Expected> {
    let endpoint = endpoint(world, "/hook", json!({})).await;
    world.begin(strike);
    let mine = json!({ "account": "acme", "id": "mine", "type": "a.b", "data": {} });
    world.push(&mine).await;
    // Its producer did not hear that it was taken.
    world.push(&mine).await;
    world.push(&json!({ "account": "acme", "type": "a.c", "data": {} })).await;
    world.settle().await;
    world.faults.end();
    let events = world.get("/v1/events").await;
    let events = events["data"].as_array().expect("a list");
    assert_eq!(events.len(), 2, "each stored once: {events:?}");
    let events: Vec<_> = events.iter().map(id).collect();
    all(&events, &endpoint, "/hook", "delivered")
}

pub async fn three_endpoints(world: &mut World, strike: Strike) -> Vec<Expected> {
    let mut endpoints = Vec::new();
    for path in ["/one", "/two", "/three"] {
        endpoints.push((path, endpoint(world, path, json!({})).await));
    }
    world.begin(strike);
    let events = post_events(world, 3).await;
    world.settle().await;
    let expected = endpoints.iter().flat_map(|(path, id)| all(&events, id, path, "delivered"));
    expected.collect()
}

/// Too large to ride in the message: it is read back from the event's item.
pub async fn large_payload(world: &mut World, strike: Strike) -> Vec<Expected> {
    let endpoint = endpoint(world, "/hook", json!({})).await;
    world.begin(strike);
    let data = json!({ "text": "x".repeat(100_000) });
    let event = id(&world.post("/v1/events", json!({ "type": "a.b", "data": data })).await);
    world.settle().await;
    let requests = world.receiver.requests("/hook");
    assert!(requests.iter().all(|request| request.json()["data"] == data), "the payload is whole");
    all(&[event], &endpoint, "/hook", "delivered")
}

/// The endpoint's filter takes too many steps for it.
pub async fn undecided(world: &mut World, strike: Strike) -> Vec<Expected> {
    let wildcards: Vec<Value> =
        (0..99).map(|n| json!({ "wildcard": format!("*{n}*x*y*") })).collect();
    let filter = json!({ "data": { "a": wildcards } });
    let endpoint = endpoint(world, "/hook", json!({ "filter": filter })).await;
    world.begin(strike);
    let texts: Vec<String> = (0..18_000).map(|n| format!("text-{n:05}")).collect();
    let event = json!({ "type": "a.b", "data": { "a": texts } });
    let event = id(&world.post("/v1/events", event).await);
    world.settle().await;
    assert!(world.receiver.requests("/hook").is_empty(), "nothing is sent");
    vec![Expected { event, endpoint, path: None, status: "failed" }]
}

/// So many events at once, of which so many attempts are refused.
async fn retried(
    world: &mut World,
    strike: Strike,
    schedule: [&str; 2],
    events: usize,
    refused: usize,
) -> Vec<Expected> {
    let retry = json!({ "schedule": schedule });
    let endpoint = endpoint(world, "/hook", json!({ "retry": retry })).await;
    world.receiver.replies("/hook", vec![Reply::status(500); refused]);
    world.begin(strike);
    let events = post_events(world, events).await;
    world.settle().await;
    all(&events, &endpoint, "/hook", "delivered")
}

pub async fn short_retry(world: &mut World, strike: Strike) -> Vec<Expected> {
    retried(world, strike, ["5s", "5m"], 1, 2).await
}

pub async fn long_retry(world: &mut World, strike: Strike) -> Vec<Expected> {
    retried(world, strike, ["1h", "2h"], 2, 3).await
}

/// Each is refused twice: the first retry comes by the queue, the second by a row.
pub async fn two_roads(world: &mut World, strike: Strike) -> Vec<Expected> {
    retried(world, strike, ["5s", "1h"], 2, 4).await
}

/// Scheduler takes nothing, so that the sweep has to find what is due.
pub async fn sweep(world: &mut World, strike: Strike) -> Vec<Expected> {
    let retry = json!({ "schedule": ["1h"] });
    let endpoint = endpoint(world, "/hook", json!({ "retry": retry })).await;
    world.receiver.replies("/hook", vec![Reply::status(500); 2]);
    world.begin(strike);
    world.faults.set_down(Some("CreateSchedule"));
    let events = post_events(world, 2).await;
    world.settle().await;
    all(&events, &endpoint, "/hook", "delivered")
}

pub async fn schedule_runs_out(world: &mut World, strike: Strike) -> Vec<Expected> {
    let retry = json!({ "schedule": ["5s", "1h"] });
    let endpoint = endpoint(world, "/hook", json!({ "retry": retry })).await;
    world.receiver.reply("/hook", Reply::status(500));
    world.begin(strike);
    let event = post_event(world).await;
    world.settle().await;
    all(&[event], &endpoint, "/hook", "failed")
}

pub async fn rate_limited(world: &mut World, strike: Strike) -> Vec<Expected> {
    let limits = json!({ "limits": { "per_hour": 1 } });
    let answer = world.admin("PATCH", "/v1/accounts/acme", limits).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    let endpoint = endpoint(world, "/hook", json!({})).await;
    world.begin(strike);
    let events = post_events(world, 3).await;
    world.settle().await;
    all(&events, &endpoint, "/hook", "delivered")
}

/// An endpoint that refuses what it gets first: what is over the limit of new ones waits.
pub async fn unproven(world: &mut World, strike: Strike) -> Vec<Expected> {
    let endpoint = endpoint(world, "/hook", json!({ "retry": { "schedule": ["5s", "5s"] } })).await;
    // As many as go before the first refusal is known, and as many as fit into a second.
    world.receiver.replies("/hook", vec![Reply::status(500); 20]);
    world.begin(strike);
    let events = post_events(world, 24).await;
    world.settle().await;
    all(&events, &endpoint, "/hook", "delivered")
}

async fn failed(world: &mut World, count: usize) -> (String, Vec<String>) {
    let endpoint = endpoint(world, "/hook", json!({ "retry": { "schedule": [] } })).await;
    world.receiver.replies("/hook", vec![Reply::status(500); count]);
    let events = post_events(world, count).await;
    world.settle().await;
    (endpoint, events)
}

pub async fn replay(world: &mut World, strike: Strike) -> Vec<Expected> {
    let (endpoint, events) = failed(world, 1).await;
    world.begin(strike);
    let path = format!("/v1/events/{}/deliveries/{endpoint}/replay", events[0]);
    world.post(&path, Value::Null).await;
    world.settle().await;
    all(&events, &endpoint, "/hook", "delivered")
}

pub async fn recover(world: &mut World, strike: Strike) -> Vec<Expected> {
    let (endpoint, events) = failed(world, 3).await;
    world.begin(strike);
    let path = format!("/v1/endpoints/{endpoint}/recover");
    world.carry_out(&path, json!({ "since": LONG_AGO })).await;
    all(&events, &endpoint, "/hook", "delivered")
}

pub async fn replay_missing(world: &mut World, strike: Strike) -> Vec<Expected> {
    let events = post_events(world, 2).await;
    world.settle().await;
    let endpoint = endpoint(world, "/hook", json!({})).await;
    world.begin(strike);
    let path = format!("/v1/endpoints/{endpoint}/replay-missing");
    let since = world.since_yesterday();
    world.carry_out(&path, json!({ "since": since })).await;
    all(&events, &endpoint, "/hook", "delivered")
}

pub async fn rotation(world: &mut World, strike: Strike) -> Vec<Expected> {
    let hook = json!({ "url": world.receiver.url("/hook") });
    let created = world.post("/v1/endpoints", hook).await;
    let (endpoint, first) = (id(&created), secret(&created));
    world.begin(strike);
    let rotated = world.post(&format!("/v1/endpoints/{endpoint}/secret/rotate"), json!({})).await;
    let second = secret(&rotated);
    let event = post_event(world).await;
    world.settle().await;
    for request in world.receiver.requests("/hook") {
        let timestamp = request.header("webhook-timestamp").parse().expect("seconds");
        for secret in [&first, &second] {
            let id = request.header("webhook-id");
            let expected = standard_webhooks(secret, id, timestamp, &request.body);
            let signatures = request.header("webhook-signature");
            assert!(
                signatures.split(' ').any(|one| one == expected),
                "signed with the secrets that hold"
            );
        }
    }
    all(&[event], &endpoint, "/hook", "delivered")
}

fn secret(answer: &Value) -> Secret {
    let text = answer["secret"].as_str().expect("a secret");
    SecretForm::Standard.parse(text).expect("a secret")
}

/// 410 switches the endpoint off.
pub async fn gone(world: &mut World, strike: Strike) -> Vec<Expected> {
    let endpoint = endpoint(world, "/hook", json!({})).await;
    world.receiver.reply("/hook", Reply::status(410));
    world.begin(strike);
    let event = post_event(world).await;
    world.settle().await;
    world.faults.end();
    // If a crash kept that from being noted, the next one has the same answer.
    let mut expected = all(&[event], &endpoint, "/hook", "failed");
    if world.get(&format!("/v1/endpoints/{endpoint}")).await["active"] == true {
        let second = post_event(world).await;
        world.settle().await;
        expected.extend(all(&[second], &endpoint, "/hook", "failed"));
    }
    let seen = world.get(&format!("/v1/endpoints/{endpoint}")).await;
    assert_eq!(seen["disabled_reason"], "gone", "{seen}");
    expected
}

/// An account is deleted, and another created with its id.
pub async fn account_made_again(world: &mut World, strike: Strike) -> Vec<Expected> {
    let former = endpoint(world, "/former", json!({})).await;
    let link = world.admin("POST", "/v1/accounts/acme/portal-sessions", json!({})).await;
    assert_eq!(link.status, 201, "{}", link.json);
    post_events(world, 1).await;
    world.settle().await;
    let before = world.receiver.count("/former");
    world.begin(strike);
    world.make_account_again().await;
    let endpoint = endpoint(world, "/hook", json!({})).await;
    // With the id of one of the former account's.
    let events = post_events(world, 1).await;
    world.settle().await;
    world.faults.end();
    assert_eq!(world.receiver.count("/former"), before, "nothing of it goes to the former one's");
    let endpoints = world.get("/v1/endpoints").await;
    assert!(!endpoints.to_string().contains(&former), "{endpoints}");
    let sessions = world.admin("GET", "/v1/accounts/acme/portal-sessions", Value::Null).await;
    assert_eq!(sessions.json["data"], json!([]));
    all(&events, &endpoint, "/hook", "delivered")
}

/// Everything at once: two endpoints, a full batch, failures on both roads.
pub async fn full_batch(world: &mut World, strike: Strike) -> Vec<Expected> {
    let retry = json!({ "schedule": ["5s", "1h", "1h"] });
    let ill = endpoint(world, "/ill", json!({ "retry": retry })).await;
    let well = endpoint(world, "/well", json!({})).await;
    world.receiver.replies("/ill", vec![Reply::status(500); 25]);
    world.begin(strike);
    let events = post_events(world, 10).await;
    world.settle().await;
    let mut expected = all(&events, &ill, "/ill", "delivered");
    expected.extend(all(&events, &well, "/well", "delivered"));
    expected
}
