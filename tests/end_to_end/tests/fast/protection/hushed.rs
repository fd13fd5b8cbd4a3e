//! A day of traffic with everything logged: no secret comes out anywhere.

use std::fs;
use std::time::Duration;

use posthorn_end_to_end::{Receiver, Reply, Stack};
use serde_json::json;

#[tokio::test]
async fn a_day_of_traffic_logs_shows_and_keeps_no_secret() {
    let environment = vec![("POSTHORN_LOG_LEVEL", "trace".to_owned())];
    // A day takes 30 s.
    let mut stack = Stack::with_environment(2880.0, environment).await;
    let receiver = Receiver::start().await;
    let authorization = "Bearer hush-hush-4711";
    let custom = "hush-hush-api-key-0815";
    let mut hushed = vec![authorization.to_owned(), custom.to_owned()];
    // Everything that is answered and is not an answer to "what is the secret?".
    let mut shown: Vec<String> = Vec::new();
    let mut endpoints = Vec::new();
    for dialect in ["standard", "filedgr", "beltic"] {
        let account = stack.account_speaking(dialect, dialect).await;
        hushed.push(account.key.clone());
        for (name, reply) in [("well", 200), ("ill", 500), ("gone", 410)] {
            let path = format!("/{dialect}/{name}");
            receiver.reply(&path, Reply::status(reply));
            let headers = json!({ "Authorization": authorization, "X-Api-Key": custom });
            let endpoint = json!({ "url": receiver.url(&path), "headers": headers });
            let key = [("idempotency-key", name)];
            let created =
                account.request("POST", "/v1/endpoints", &key, endpoint.to_string()).await.json;
            let id = created["id"].as_str().expect("an id").to_owned();
            hushed.extend(created["secret"].as_str().map(str::to_owned));
            hushed.extend(created["token"].as_str().map(str::to_owned));
            let rotate = format!("/v1/endpoints/{id}/secret/rotate");
            let rotated = account.post(&rotate, json!({})).await;
            hushed.extend(rotated.json["secret"].as_str().map(str::to_owned));
            endpoints.push((account.clone(), id));
        }
        let link = format!("/v1/accounts/{dialect}/portal-sessions");
        let link = stack.admin().post(&link, json!({})).await;
        let (_, token) =
            link.json["url"].as_str().expect("a link").split_once("session=").expect("a token");
        hushed.push(token.to_owned());
        for _ in 0..5 {
            account.post_event(json!({ "type": "a.b", "data": { "n": 1 } })).await;
        }
        // Wrong in ways that are told.
        for (path, body) in [
            (
                "/v1/endpoints",
                json!({ "url": "x", "secret": "hush", "headers": { "Authorization": 7 } }),
            ),
            ("/v1/events", json!({ "type": "", "data": 7 })),
        ] {
            shown.push(account.post(path, body).await.text);
        }
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    for (account, id) in &endpoints {
        for path in [
            format!("/v1/endpoints/{id}"),
            format!("/v1/endpoints/{id}/deliveries"),
            "/v1/endpoints".to_owned(),
            "/v1/events".to_owned(),
        ] {
            shown.push(account.request("GET", &path, &[], "").await.text);
        }
        let test = json!({ "event_type": "a.b", "data": {} });
        shown.push(account.post(&format!("/v1/endpoints/{id}/test"), test).await.text);
        for path in ["/webhooks".to_owned(), format!("/webhooks/{id}/logs")] {
            shown.push(account.request("GET", &path, &[], "").await.text);
        }
    }
    shown.push(stack.admin().request("GET", "/v1/accounts", &[], "").await.text);
    stack.kill9().await;

    let log = stack.log();
    assert!(log.len() > 100, "there was a log: {} lines", log.len());
    assert!(log.iter().any(|line| line.contains("attempt")), "of attempts");
    assert!(hushed.len() > 20);
    let mut files = Vec::new();
    for entry in fs::read_dir(&stack.options.data_dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            files.push((path.display().to_string(), fs::read(path).expect("a file")));
        }
    }
    for secret in &hushed {
        // With and without what it starts with.
        let bare = secret.trim_start_matches("whsec_").trim_start_matches("Bearer ");
        for line in &log {
            assert!(!line.contains(bare), "logged: {line}");
        }
        for text in &shown {
            assert!(!text.contains(bare), "shown: {text}");
        }
        for (name, content) in &files {
            let holds = content.windows(bare.len()).any(|window| window == bare.as_bytes());
            assert!(!holds, "{name} holds {secret}");
        }
    }
}
