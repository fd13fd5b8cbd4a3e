//! An account with as much in its endpoints as they may hold: lists show it, and every event of the
//! account reads it.

use futures::future::join_all;
use posthorn_end_to_end::Browser;
use serde_json::{Map, Value, json};

use super::{Scene, ask, expect};
use crate::settings;

/// Endpoints: the default limit in the large form.
const ENDPOINTS: usize = 150;
const ENDPOINTS_IF_LARGE: usize = 500;
/// Requests at once.
const AT_ONCE: usize = 8;

/// An endpoint with all fields full.
fn fat(url: &str) -> Value {
    let full = |count: usize, value: String| -> Map<String, Value> {
        (0..count).map(|at| (format!("X-{at:062}"), json!(value))).collect()
    };
    let types: Vec<String> = (0..100).map(|at| format!("a.{at:0125}")).collect();
    json!({
        "url": url,
        "description": "d".repeat(1_024),
        "metadata": full(50, "m".repeat(500)),
        "headers": full(20, "h".repeat(4_096)),
        "event_types": types,
        "filter": { "data": { "a": ["f".repeat(4_000)] } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_are_full() {
    let mut scene = Scene::set("full endpoints").await;
    let hook = fat(&scene.sink.url("mallory")).to_string();
    let count = if settings::is_large() { ENDPOINTS_IF_LARGE } else { ENDPOINTS };
    for _ in 0..count {
        let made = ask(&scene.mallory, "POST", "/v1/endpoints", hook.clone()).await;
        expect(&made, &[201, 409, 422]);
    }
    let event = json!({ "type": "a.b", "data": { "a": "x" } });
    let sent = ask(&scene.mallory, "POST", "/v1/events", event.to_string()).await;
    expect(&sent, &[202]);
    let id = sent.json["id"].as_str().expect("an id").to_owned();
    scene.mallory.wait_until(&format!("/v1/events/{id}"), |_| true).await;
    let browser = Browser::of(&scene.stack, "mallory").await;
    while scene.goes_on() {
        for path in ["/v1/endpoints?limit=250".to_owned(), format!("/v1/events/{id}/deliveries")] {
            let asked = (0..AT_ONCE).map(|_| ask(&scene.mallory, "GET", &path, ""));
            for answer in join_all(asked).await {
                expect(&answer, &[200, 429, 503]);
            }
        }
        let pages = join_all((0..AT_ONCE).map(|_| browser.get("/portal/endpoints"))).await;
        pages.iter().for_each(|page| expect(page, &[200, 429, 503]));
        let events = json!({ "events": vec![event.clone(); 100] }).to_string();
        let sent = (0..AT_ONCE).map(|_| ask(&scene.mallory, "POST", "/v1/events", events.clone()));
        for answer in join_all(sent).await {
            expect(&answer, &[202, 429, 503]);
        }
        scene.dispatched().await;
    }
    scene.close().await;
}
