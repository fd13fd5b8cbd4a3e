//! Many requests at once for the last place below a limit.

use futures::future::join_all;
use serde_json::json;

use super::{Scene, ask};

const LIMIT: usize = 3;
const AT_ONCE: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_raced_against() {
    let mut scene = Scene::set("limits that are raced against").await;
    let limits = json!({ "limits": { "endpoints": LIMIT, "event_types": LIMIT } });
    scene.stack.admin().patch("/v1/accounts/mallory", limits).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let url = scene.sink.url("mallory");
    while scene.goes_on() {
        for path in ["/v1/endpoints", "/v1/event-types"] {
            let sent = (0..AT_ONCE).map(|number| {
                let body = match path {
                    "/v1/endpoints" => json!({ "url": url }),
                    _ => json!({ "name": format!("a.b{number}") }),
                };
                ask(&scene.mallory, "POST", path, body.to_string())
            });
            let answers = join_all(sent).await;
            let made = answers.iter().filter(|answer| answer.status == 201).count();
            let list = scene.mallory.get(path).await;
            let listed = list["data"].as_array().expect("a list");
            assert!(listed.len() <= LIMIT, "{} at {path}", listed.len());
            assert_eq!(made, listed.len(), "what was confirmed is there: {path}");
            for one in listed.clone() {
                let id = one["id"].as_str().or(one["name"].as_str()).expect("an id or a name");
                scene.mallory.delete(&format!("{path}/{id}")).await;
            }
        }
    }
    scene.close().await;
}
