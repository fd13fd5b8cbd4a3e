//! Forms that need no session: anybody can send them.

use futures::future::join_all;
use posthorn_end_to_end::{Browser, Client};

use super::{Scene, ask_with, expect};

/// Requests at once.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn forms_with_many_fields() {
    let mut scene = Scene::set("forms without a session").await;
    let nobody = Client::new(&scene.stack.api_url, "");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = "a&".repeat(2 * 1024 * 1024);
    while scene.goes_on() {
        for path in ["/portal/enter", "/portal/platform/enter"] {
            let sent = (0..AT_ONCE).map(|_| ask_with(&nobody, "POST", path, &form, body.clone()));
            for answer in join_all(sent).await {
                expect(&answer, &[400, 413]);
            }
        }
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_a_session() {
    let mut scene = Scene::set("forms of a session").await;
    let browser = Browser::of(&scene.stack, "mallory").await;
    let csrf = browser.csrf().await;
    let nobody = Client::new(&scene.stack.api_url, "");
    let headers = [
        ("cookie", browser.cookie.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    // As large as a form may be, and larger; texts that grow when they are shown again.
    let quotes = |count: usize| format!("csrf={csrf}&filter={}", "%22".repeat(count));
    let bodies = [
        quotes(80_000),
        quotes(1_300_000),
        format!("csrf={csrf}{}", "&header_name=%26&header_value=%26".repeat(2_000)),
        format!("csrf={csrf}{}", "&event_type=a".repeat(300_000)),
    ];
    while scene.goes_on() {
        for path in ["/portal/endpoints", "/portal/endpoints/check-filter"] {
            for body in &bodies {
                let sent =
                    (0..AT_ONCE).map(|_| ask_with(&nobody, "POST", path, &headers, body.clone()));
                for answer in join_all(sent).await {
                    expect(&answer, &[200, 400, 413, 422, 429]);
                }
            }
        }
    }
    scene.close().await;
}
