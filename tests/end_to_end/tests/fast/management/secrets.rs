//! What is secret stays so.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use posthorn_end_to_end::{Receiver, Stack};
use serde_json::json;

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_copy_of_the_data_reveals_no_secret() {
    let mut stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let token = "Bearer hush-hush-4711";
    let endpoint = json!({
        "url": receiver.url("/hook"),
        "headers": { "Authorization": token, "X-Environment": "staging" },
    });
    let (id, first) = account.endpoint_with_secret(endpoint).await;
    let rotate = format!("/v1/endpoints/{id}/secret/rotate");
    let key = ("idempotency-key", "rotate-once");
    let rotated = account.request("POST", &rotate, &[key], "{}").await;
    let second = rotated.json["secret"].as_str().expect("a secret").to_owned();
    let session = stack.admin().post("/v1/accounts/acme/portal-sessions", json!({})).await;
    assert_eq!(session.status, 201, "{}", session.text);
    let link = session.json["url"].as_str().expect("a link");
    let (_, portal_token) = link.split_once("session=").expect("a token");
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&event, &id, "delivered").await;
    assert_eq!(receiver.requests("/hook")[0].header("authorization"), token);

    stack.kill9().await;
    let bytes_of =
        |secret: &str| STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    let hushed: Vec<Vec<u8>> = vec![
        first.trim_start_matches("whsec_").into(),
        second.trim_start_matches("whsec_").into(),
        bytes_of(&first),
        bytes_of(&second),
        token.into(),
        account.key.clone().into(),
        portal_token.into(),
    ];
    let mut seen_the_account = false;
    for path in files(&stack.options.data_dir) {
        let content = fs::read(&path).expect("a file");
        let holds = |needle: &[u8]| content.windows(needle.len()).any(|window| window == needle);
        seen_the_account |= holds(id.as_bytes());
        for secret in &hushed {
            let shown = String::from_utf8_lossy(secret);
            assert!(!holds(secret), "{} holds {shown}", path.display());
        }
    }
    assert!(seen_the_account, "the data was looked at");

    // With its key the deployment goes on: the secrets are still there.
    stack.restart().await;
    let account = stack.account_with_key("acme", &account.key);
    assert_eq!(account.get(&format!("/v1/endpoints/{id}/secret")).await["secret"], second);
    stack.kill9().await;
    // Without it, endpoints can't be read, and the API says that the fault is ours.
    fs::remove_file(stack.options.data_dir.join("deployment-key")).expect("it was there");
    stack.restart().await;
    let account = stack.account_with_key("acme", &account.key);
    let answer = account.request("GET", &format!("/v1/endpoints/{id}"), &[], "").await;
    assert_eq!(answer.status, 500, "{}", answer.text);
}

#[tokio::test]
async fn a_secret_is_shown_to_those_who_manage_and_its_age_to_all() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": "https://example.com/" })).await;
    let key = json!({ "name": "looks", "scopes": ["read"] });
    let key = stack.admin().post("/v1/accounts/acme/keys", key).await;
    let reader = stack.account_with_key("acme", key.json["key"].as_str().expect("a key"));
    let shown = reader.get(&format!("/v1/endpoints/{endpoint}")).await;
    assert!(shown["secret_created_at"].is_string(), "{shown}");
    assert!(shown["secret"].is_null(), "{shown}");
    let answer = reader.request("GET", &format!("/v1/endpoints/{endpoint}/secret"), &[], "").await;
    assert_eq!(answer.status, 403, "{}", answer.text);
}
