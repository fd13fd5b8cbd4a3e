//! The same request again and again: what is answered from the table costs, too.

use std::time::Instant;

use futures::future::join_all;
use serde_json::json;

use super::{Scene, ask, ask_with, expect};

/// Requests of a key in a second: the least that can be set.
const LIMIT: usize = 10;
/// What a process lets pass by itself in every second.
const FREE: usize = 5;
const REPLAYS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn replays_of_an_idempotent_request() {
    let mut scene = Scene::set("replays of an idempotent request").await;
    let limits = json!({ "limits": { "requests_per_second": LIMIT } });
    scene.stack.admin().patch("/v1/accounts/mallory", limits).await;
    // The limit holds for what was read before for another second.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let event = json!({ "type": "a.b", "data": {} }).to_string();
    while scene.goes_on() {
        let key = scene.time().to_string();
        let headers = [("idempotency-key", key.as_str())];
        let began = Instant::now();
        let replays = (0..REPLAYS)
            .map(|_| ask_with(&scene.mallory, "POST", "/v1/events", &headers, event.clone()));
        let answers = join_all(replays).await;
        // Parts of two seconds more: the first and the last.
        let seconds = began.elapsed().as_secs() as usize + 2;
        let taken = answers.iter().filter(|answer| answer.status != 429).count();
        assert!(taken <= seconds * (LIMIT + FREE), "{taken} of {REPLAYS} in {seconds} s");
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_of_nobody_with_an_idempotency_key() {
    let mut scene = Scene::set("large requests of nobody").await;
    let nobody = posthorn_end_to_end::Client::new(&scene.stack.api_url, "phk_nobody");
    let body = vec![b'x'; 4 * 1024 * 1024];
    while scene.goes_on() {
        let sent = (0..100).map(|_| {
            let headers = [("idempotency-key", "one")];
            let (client, body) = (nobody.clone(), body.clone());
            async move { client.try_request("POST", "/v1/events", &headers, body).await }
        });
        // A connection may be closed, too, before all of a body that nobody reads is sent.
        for answer in join_all(sent).await.into_iter().flatten() {
            expect(&answer, &[401, 413, 429, 503]);
        }
        expect(&ask(&nobody, "GET", "/v1/events", "").await, &[401]);
    }
    scene.close().await;
}
