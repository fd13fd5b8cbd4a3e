//! Receivers that answer without end, with lies, with what unpacks to more, or not at all.

use futures::future::join_all;
use serde_json::json;

use super::{Scene, ask, ask_with, expect};
use crate::deflate;
use crate::sink::HANGS;

/// Endpoints at the receiver that misbehaves in turns, and events for them.
const ENDPOINTS: usize = 10;
const EVENTS: usize = 10;
/// Endpoints that take large events and do not answer.
const HANGING: usize = 50;
const LARGE_EVENTS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_misbehave() {
    let mut scene = Scene::set("receivers that misbehave").await;
    let hook = json!({
        "url": scene.sink.url("mallory"), "retry": { "schedule": [] }, "timeout_seconds": 5,
    });
    for _ in 0..ENDPOINTS {
        let made = ask(&scene.mallory, "POST", "/v1/endpoints", hook.to_string()).await;
        expect(&made, &[201]);
    }
    while scene.goes_on() {
        let events = vec![json!({ "type": "a.b", "data": { "n": 1 } }); EVENTS];
        let events = json!({ "events": events }).to_string();
        expect(&ask(&scene.mallory, "POST", "/v1/events", events).await, &[202]);
        scene.dispatched().await;
        // Longer than an attempt takes.
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_events_for_receivers_that_do_not_answer() {
    let mut scene = Scene::set("large events, no answers").await;
    let hook = json!({ "url": scene.sink.url(HANGS), "timeout_seconds": 10 }).to_string();
    for _ in 0..HANGING {
        expect(&ask(&scene.mallory, "POST", "/v1/endpoints", hook.clone()).await, &[201]);
    }
    let event = json!({ "type": "a.b", "data": { "a": "x".repeat(260_000) } }).to_string();
    while scene.goes_on() {
        let sent =
            (0..LARGE_EVENTS).map(|_| ask(&scene.mallory, "POST", "/v1/events", event.clone()));
        for answer in join_all(sent).await {
            expect(&answer, &[202, 429, 503]);
        }
        scene.dispatched().await;
        tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_unpacked() {
    let mut scene = Scene::set("compressed requests").await;
    let body = deflate::zeros(500_000_000);
    while scene.goes_on() {
        for path in ["/v1/events", "/v1/endpoints", "/portal/enter"] {
            let headers = [("content-encoding", "gzip")];
            let sent = ask_with(&scene.mallory, "POST", path, &headers, body.clone()).await;
            expect(&sent, &[400, 403, 413, 415, 422]);
        }
    }
    scene.close().await;
}
