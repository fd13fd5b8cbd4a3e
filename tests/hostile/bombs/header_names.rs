//! Headers of endpoints, spelled anew each time: their spellings are kept by deliver.

use serde_json::{Map, json};

use super::{Scene, ask, expect};

/// Endpoints of a throw, one after the other.
const ENDPOINTS: usize = 60;
/// An endpoint's headers, and the bytes of a name: as many as it may have.
const HEADERS: usize = 20;
const NAME: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn spellings_of_header_names() {
    let mut scene = Scene::set("spellings of header names").await;
    scene.sink.watch("mallory");
    let url = scene.sink.url("mallory");
    let long = json!({ "url": url, "headers": { "X-".to_owned() + &"N".repeat(12_000): "v" } });
    expect(&ask(&scene.mallory, "POST", "/v1/endpoints", long.to_string()).await, &[422]);
    while scene.goes_on() {
        for number in 0..ENDPOINTS {
            let name = |at: usize| {
                let mut name = format!("X-{}-{number}-{at}-", scene.time());
                name.extend(std::iter::repeat_n('N', NAME - name.len()));
                name
            };
            let headers: Map<_, _> = (0..HEADERS).map(|at| (name(at), json!("v"))).collect();
            let hook = json!({ "url": url, "headers": headers, "retry": { "schedule": [] } });
            let made = ask(&scene.mallory, "POST", "/v1/endpoints", hook.to_string()).await;
            expect(&made, &[201]);
            let path = format!("/v1/endpoints/{}", made.json["id"].as_str().expect("an id"));
            let test = json!({ "event_type": "a.b", "data": {} }).to_string();
            let sent = ask(&scene.mallory, "POST", &format!("{path}/test"), test).await;
            expect(&sent, &[202]);
            let id = sent.json["event_id"].as_str().expect("an id");
            let endpoint = made.json["id"].as_str().expect("an id");
            scene.mallory.delivery(id, endpoint, "delivered").await;
            expect(&ask(&scene.mallory, "DELETE", &path, "").await, &[204]);
        }
    }
    scene.close().await;
}
