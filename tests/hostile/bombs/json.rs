//! JSON that is small on the wire and large, or slow, when it is read.

use futures::future::join_all;
use posthorn_end_to_end::Client;
use serde_json::json;

use super::{Scene, ask, expect};

/// Bytes of a body: nearly as many as a request may have.
const BODY: usize = 4 * 1024 * 1024 - 1_000;
/// Requests at once.
const AT_ONCE: usize = 2;

/// Sends the body to every route that reads a customer's JSON as a whole.
async fn throw(client: &Client, body: &str) {
    for (method, path) in [
        ("POST", "/v1/endpoints"),
        ("POST", "/v1/event-types"),
        ("PATCH", "/v1/event-types/a.b"),
        ("POST", "/v1/events"),
    ] {
        let sent = (0..AT_ONCE).map(|_| ask(client, method, path, body.to_owned()));
        for answer in join_all(sent).await {
            expect(&answer, &[400, 404, 413, 422]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_names_over_many_elements() {
    let mut scene = Scene::set("a long name over a list").await;
    let key = json!({ "name": "looks", "scopes": ["read"] });
    scene.stack.account_speaking("camel", "filedgr").await;
    let key = scene.stack.admin().post("/v1/accounts/camel/keys", key).await;
    let reader = Client::new(&scene.stack.api_url, key.json["key"].as_str().expect("a key"));
    let (name, zeros) = ("n".repeat(BODY / 2), ",0".repeat(BODY / 4 - 100));
    let over_a_list = format!(r#"{{"{name}":[0{zeros}]}}"#);
    let level = format!(r#"{{"{}":"#, "n".repeat(33_000));
    let over_objects = format!("{}0{}", level.repeat(125), "}".repeat(125));
    while scene.goes_on() {
        for body in [&over_a_list, &over_objects] {
            throw(&scene.mallory, body).await;
            expect(&ask(&reader, "GET", "/webhooks", body.clone()).await, &[200]);
        }
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_values() {
    let mut scene = Scene::set("many small values").await;
    while scene.goes_on() {
        for value in ["0", "[]", "[0]", "{}", r#"{"":0}"#, r#"{"":[{"":[0]}]}"#, "\"*\""] {
            let values = vec![value; BODY / (value.len() + 1)].join(",");
            for name in ["metadata", "event_types", "schema"] {
                throw(&scene.mallory, &format!(r#"{{"{name}":[{values}]}}"#)).await;
            }
        }
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_problems() {
    let mut scene = Scene::set("many problems").await;
    let fields: Vec<String> = (0..BODY / 12).map(|number| format!(r#""f{number:06}":0"#)).collect();
    let fields = fields.join(",");
    let (types, events) = (r#","*""#.repeat(BODY / 4 - 100), r#",{"a":1}"#.repeat(BODY / 8 - 100));
    let nested = "[".repeat(BODY);
    while scene.goes_on() {
        for body in [
            &format!("{{{fields}}}"),
            &format!(r#"{{"url":"https://x.example/","headers":{{{fields}}}}}"#),
            &format!(r#"{{"url":"https://x.example/","event_types":["*"{types}]}}"#),
            &format!(r#"{{"events":[{{}}{events}]}}"#),
            &nested,
        ] {
            throw(&scene.mallory, body).await;
        }
    }
    scene.close().await;
}
