//! Two accounts: no route lets a key of one read, change or infer anything of the other.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use posthorn_end_to_end::{Account, Answer, Receiver, Reply, Stack};
use serde_json::{Value, json};

/// What `acme` has, for every kind of thing that a path can name.
struct Things {
    account: String,
    key: String,
    endpoint: String,
    event: String,
    task: String,
    event_type: String,
    portal_session: String,
}

impl Things {
    fn all(&self) -> [&str; 5] {
        [&self.endpoint, &self.event, &self.task, &self.key, &self.portal_session]
    }

    /// The path with these things in its placeholders.
    fn fill(&self, path: &str) -> String {
        let id = if path.starts_with("/v1/accounts") {
            &self.account
        } else if path.starts_with("/v1/endpoints") {
            &self.endpoint
        } else if path.starts_with("/v1/events") {
            &self.event
        } else {
            &self.task
        };
        let name = if path.starts_with("/v1/dialects") { "standard" } else { &self.event_type };
        path.replace("{id}", id)
            .replace("{key_id}", &self.key)
            .replace("{session_id}", &self.portal_session)
            .replace("{endpoint_id}", &self.endpoint)
            .replace("{name}", name)
    }
}

/// Ids that nobody has.
fn nothing() -> Things {
    let id = |prefix: &str| format!("{prefix}_01h455vb4pex5vsknk084sn02q");
    Things {
        account: "nobody".to_owned(),
        key: id("key"),
        endpoint: id("ep"),
        event: id("evt"),
        task: id("task"),
        event_type: "no.such".to_owned(),
        portal_session: id("ps"),
    }
}

async fn furnish(stack: &Stack, account: &Account, receiver: &Receiver) -> Things {
    receiver.reply("/hook", Reply::status(500));
    let endpoint = json!({ "url": receiver.url("/hook"), "retry": { "schedule": [] } });
    let endpoint = account.endpoint(endpoint).await;
    let event_type = json!({ "name": "vault.sealed", "example": { "of": "acme" } });
    assert_eq!(account.post("/v1/event-types", event_type).await.status, 201);
    let event = account.post_event(json!({ "type": "vault.sealed", "data": {} })).await;
    account.delivery(&event, &endpoint, "failed").await;
    let window = json!({ "since": "2026-01-01T00:00:00Z" });
    let task = account.post(&format!("/v1/endpoints/{endpoint}/recover"), window).await;
    let task = task.json["task_id"].as_str().expect("an id").to_owned();
    account.wait_until(&format!("/v1/tasks/{task}"), |t| t["status"] == "completed").await;
    stack.wait_until_idle().await;
    let keys = stack.admin().get("/v1/accounts/acme/keys").await;
    let key = keys["data"][0]["id"].as_str().expect("an id").to_owned();
    let session = stack.admin().post("/v1/accounts/acme/portal-sessions", json!({})).await;
    let portal_session = session.json["id"].as_str().expect("an id").to_owned();
    // The description's examples speak of another one.
    let event_type = "vault.sealed".to_owned();
    let account = "acme".to_owned();
    Things { account, key, endpoint, event, task, event_type, portal_session }
}

/// Everything that `acme` can see of itself.
async fn picture(stack: &Stack, account: &Account, things: &Things) -> Vec<Value> {
    let Things { endpoint, event, task, .. } = things;
    let mut seen = Vec::new();
    for path in [
        "/v1/endpoints".to_owned(),
        format!("/v1/endpoints/{endpoint}/secret"),
        format!("/v1/endpoints/{endpoint}/deliveries"),
        format!(
            "/v1/endpoints/{endpoint}/stats?until=2099-01-01T00:00:00Z&since=2098-12-31T00:00:00Z"
        ),
        "/v1/event-types".to_owned(),
        "/v1/events".to_owned(),
        format!("/v1/events/{event}"),
        format!("/v1/events/{event}/deliveries/{endpoint}"),
        format!("/v1/tasks/{task}"),
    ] {
        seen.push(account.get(&path).await);
    }
    seen.push(stack.admin().get("/v1/accounts/acme").await);
    seen.push(stack.admin().get("/v1/accounts/acme/keys").await);
    seen.push(stack.admin().get("/v1/accounts/acme/portal-sessions").await);
    seen
}

/// A body that the route would take.
fn body(description: &Value, operation: &Value) -> String {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    // A body that may be left out is "null, or this".
    let either = schema["oneOf"].as_array().into_iter().flatten();
    let schema = either.chain([schema]).find(|schema| schema["$ref"].is_string()).unwrap_or(schema);
    let name = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    let example = name.map(|name| &description["components"]["schemas"][name]["example"]);
    match example {
        Some(example) if !example.is_null() => example.to_string(),
        _ => json!({ "type": "vault.created", "data": {} }).to_string(),
    }
}

#[tokio::test]
async fn no_route_shows_or_changes_what_is_anothers() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let (acme, other) = (stack.account("acme").await, stack.account("other").await);
    let things = furnish(&stack, &acme, &receiver).await;
    let nothing = nothing();
    let description = stack.admin().get("/v1/openapi.json").await;
    let before = picture(&stack, &acme, &things).await;
    let requests_before = receiver.count("/hook");

    let mut routes = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let method = method.to_uppercase();
            let body = if method == "GET" { String::new() } else { body(&description, operation) };
            let ask = async |things: &Things, headers: &[(&str, &str)]| {
                other.request(&method, &things.fill(path), headers, body.clone()).await
            };
            let route = format!("{method} {path}");
            // As `acme`, by name: the same as an account that there is not.
            let as_acme = ask(&things, &[("posthorn-account", "acme")]).await;
            let as_nobody = ask(&nothing, &[("posthorn-account", "nobody")]).await;
            if as_acme.status >= 400 {
                assert_same(&route, &as_acme, &as_nobody);
            }
            // By the ids of what is acme's: the same as ids that nobody has.
            let theirs = ask(&things, &[]).await;
            if path.contains('{') && !path.starts_with("/v1/dialects") {
                assert_same(&route, &theirs, &ask(&nothing, &[]).await);
                let refused = if path.starts_with("/v1/accounts") { 403 } else { 404 };
                assert_eq!(theirs.status, refused, "{route}: {}", theirs.text);
            }
            for answer in [&as_acme, &theirs] {
                for id in things.all() {
                    assert!(!answer.text.contains(id), "{route} shows {id}: {}", answer.text);
                }
                assert!(!answer.text.contains("acme"), "{route}: {}", answer.text);
            }
            routes.insert(route);
        }
    }
    assert!(routes.len() >= 36, "{routes:#?}");
    stack.wait_until_idle().await;
    assert_eq!(picture(&stack, &acme, &things).await, before, "nothing of acme's changed");
    assert_eq!(receiver.count("/hook"), requests_before, "nothing was sent to acme's endpoint");
}

fn assert_same(route: &str, theirs: &Answer, unknown: &Answer) {
    assert_eq!((theirs.status, &theirs.text), (unknown.status, &unknown.text), "{route}");
}

/// Asked in turns, so that whatever else the machine does slows both alike.
#[tokio::test]
async fn what_is_anothers_takes_as_long_to_refuse_as_what_does_not_exist() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let (acme, other) = (stack.account("acme").await, stack.account("other").await);
    let things = furnish(&stack, &acme, &receiver).await;
    let nothing = nothing();
    for path in ["/v1/endpoints/{id}", "/v1/events/{id}", "/v1/tasks/{id}"] {
        let mut took: [Vec<Duration>; 2] = Default::default();
        for _ in 0..200 {
            for (times, things) in took.iter_mut().zip([&things, &nothing]) {
                let started = Instant::now();
                let answer = other.request("GET", &things.fill(path), &[], "").await;
                times.push(started.elapsed());
                assert_eq!(answer.status, 404);
            }
        }
        let [theirs, unknown] = took.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64()
        });
        let ratio = theirs.max(unknown) / theirs.min(unknown);
        println!("{path}: {:.2} ms and {:.2} ms", theirs * 1e3, unknown * 1e3);
        assert!(ratio < 3.0, "{path}: {theirs} s for what is another's, {unknown} s for nothing");
    }
}
