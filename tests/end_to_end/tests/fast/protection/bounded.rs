//! What one request can cost: its time, its memory and its answer are bounded, whatever it says.

use futures::future::{join, join_all};
use posthorn_end_to_end::{Answer, Browser, Client, DEADLINE, Stack};
use serde_json::json;

#[tokio::test]
async fn a_long_name_over_many_elements_stops_nobody() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let nobody = Client::new(&stack.api_url, "");
    let (name, zeros) = ("n".repeat(1_900_000), ",0".repeat(999_999));
    let body = format!(r#"{{"url":"https://example.com/","{name}":[0{zeros}]}}"#);
    let posts = (0..2).map(|_| account.request("POST", "/v1/endpoints", &[], body.clone()));
    let health = nobody.request("GET", "/healthz", &[], "");
    let all = tokio::time::timeout(DEADLINE, join(join_all(posts), health)).await;
    let (answers, health) = all.expect("answers in time");
    assert_eq!(health.status, 200, "{}", health.text);
    for answer in answers {
        assert_eq!(answer.status, 422, "{:.1000}", answer.text);
        assert!(answer.text.len() < 1_000, "{:.1000}", answer.text);
        assert_eq!(answer.json["errors"][0]["pointer"], format!("/{}", "n".repeat(64)));
    }
}

#[tokio::test]
async fn a_request_for_a_list_has_no_use_for_a_body() {
    let stack = Stack::start().await;
    let account = stack.account_speaking("acme", "filedgr").await;
    let twice = r#","a":0"#.repeat(3_900_000 / 6);
    for body in [format!(r#"{{"a":0{twice}}}"#), "{".to_owned()] {
        for path in ["/webhooks", "/v1/webhooks"] {
            let answer = account.request("GET", path, &[], body.clone()).await;
            assert_eq!(answer.status, 200, "{path}: {:.1000}", answer.text);
        }
    }
    let created = account.post("/webhooks", json!({ "url": "https://example.com/" })).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let path = format!("/webhooks/{}", created.json["webhookId"].as_str().expect("an id"));
    assert_eq!(account.request("DELETE", &path, &[], "{").await.status, 204);
}

#[tokio::test]
async fn a_refusal_names_the_first_problems() {
    let stack = Stack::start().await;
    let acme = stack.account("acme").await;
    let fields: Vec<String> = (0..325_000).map(|number| format!(r#""f{number:06}":0"#)).collect();
    let fields = fields.join(",");
    let unknown = format!("{{{fields}}}");
    for path in ["/v1/endpoints", "/v1/event-types", "/v1/events"] {
        check(&acme.request("POST", path, &[], unknown.clone()).await);
    }
    check(&stack.admin().request("POST", "/v1/accounts", &[], unknown.clone()).await);
    for dialect in ["filedgr", "fltr"] {
        let account = stack.account_speaking(dialect, dialect).await;
        check(&account.request("POST", "/webhooks", &[], unknown.clone()).await);
    }
    let beltic = stack.account_speaking("beltic", "beltic").await;
    let resource = format!(r#"{{"data":{{"type":"webhook-config","attributes":{unknown}}}}}"#);
    check(&beltic.request("POST", "/webhooks", &[], resource).await);

    let types = r#","*""#.repeat(699_999);
    let body = format!(r#"{{"url":"https://example.com/","event_types":["*"{types}]}}"#);
    check(&acme.request("POST", "/v1/endpoints", &[], body).await);
    let headers = format!(r#"{{"url":"https://example.com/","headers":{unknown}}}"#);
    check(&acme.request("POST", "/v1/endpoints", &[], headers).await);
    let schedule = r#","25h""#.repeat(600_000);
    let retry =
        format!(r#"{{"url":"https://x.example/","retry":{{"schedule":["1s"{schedule}]}}}}"#);
    check(&acme.request("POST", "/v1/endpoints", &[], retry).await);
    let events = vec![json!({ "a": 1, "b": 2, "c": 3 }); 100];
    check(&acme.post("/v1/events", json!({ "events": events })).await);
    // What quotes the input quotes its beginning.
    let long = "x".repeat(3_900_000);
    let body = json!({ "url": "https://example.com/", "active": long });
    check(&acme.post("/v1/endpoints", body).await);
    let answer = acme.post("/v1/events", json!(long)).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text.len() < 64 * 1024, "{} bytes", answer.text.len());
}

/// A refusal with at most 32 problems in at most 64 KiB.
fn check(answer: &Answer) {
    assert_eq!(answer.status, 422, "{:.1000}", answer.text);
    assert!(answer.text.len() <= 64 * 1024, "{} bytes", answer.text.len());
    let problems = answer.json["errors"].as_array().expect("a list").len();
    assert!((1..=32).contains(&problems), "{problems} problems");
}

#[tokio::test]
async fn a_form_is_as_large_as_its_page_needs() {
    let stack = Stack::start().await;
    let acme = stack.account("acme").await;
    let endpoint = acme.endpoint(json!({ "url": "https://example.com/" })).await;
    let nobody = Client::new(&stack.api_url, "");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for path in ["/portal/enter", "/portal/platform/enter"] {
        for bytes in [4 * 1024 + 2, 4 * 1024 * 1024] {
            let answer = nobody.request("POST", path, &form, "a&".repeat(bytes / 2)).await;
            assert_eq!(answer.status, 413, "{path}: {:.1000}", answer.text);
        }
    }

    let browser = Browser::of(&stack, "acme").await;
    let disable = format!("/portal/endpoints/{endpoint}/disable");
    let check = "/portal/endpoints/check-filter";
    let test = format!("/portal/endpoints/{endpoint}/test");
    let edit = format!("/portal/endpoints/{endpoint}/edit");
    let (medium, large) = ("x".repeat(200 * 1024), "x".repeat(300 * 1024));
    assert_eq!(browser.post(&disable, &[("filter", medium.as_str())]).await.status, 413);
    for path in [check, &test, &edit, "/portal/endpoints"] {
        let answer = browser.post(path, &[("filter", medium.as_str())]).await;
        assert!([200, 422].contains(&answer.status), "{path}: {}", answer.status);
        let answer = browser.post(path, &[("filter", large.as_str())]).await;
        assert_eq!(answer.status, 413, "{path}");
    }
    let many = vec![("event_type", "a.b"); 1_001];
    assert_eq!(browser.post(&edit, &many).await.status, 413);
    assert_eq!(acme.get(&format!("/v1/endpoints/{endpoint}")).await["active"], true);
}
