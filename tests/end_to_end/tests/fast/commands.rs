//! `posthorn admin` and `posthorn doctor`, against the stack of this machine.

use posthorn_end_to_end::{Client, Stack};
use serde_json::json;

/// What follows `label` up to the next blank.
fn after<'t>(text: &'t str, label: &str) -> &'t str {
    let (_, rest) = text.split_once(label).unwrap_or_else(|| panic!("{label} in {text}"));
    rest.split_whitespace().next().expect("a word")
}

#[tokio::test]
async fn an_admin_key_is_made_works_and_is_deleted() {
    let stack = Stack::start().await;
    let printed = stack.command(&["admin", "create-key", "--name", "ops"]).await.unwrap();
    let key = after(&printed, "admin key: ").to_owned();
    let id = after(&printed, "its id is ").trim_end_matches(')').to_owned();
    let admin = Client::new(&stack.api_url, &key);
    let account = json!({ "id": "acme", "name": "Acme" });
    assert_eq!(admin.post("/v1/accounts", account).await.status, 201);

    let listed = stack.command(&["admin", "list-keys"]).await.unwrap();
    assert!(listed.contains(&id) && listed.contains("ops"), "{listed}");
    assert!(!listed.contains(&key), "its hash is all that is kept");
    stack.command(&["admin", "delete-key", &id]).await.unwrap();
    assert_eq!(stack.command(&["admin", "list-keys"]).await.unwrap(), "");
    posthorn_end_to_end::eventually("a key that is refused", async || {
        match admin.request("GET", "/v1/accounts", &[], "").await.status {
            401 => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
    let again = stack.command(&["admin", "delete-key", &id]).await.unwrap_err();
    assert!(again.stderr.contains("there is no admin key"), "{}", again.stderr);
}

#[tokio::test]
async fn accounts_and_their_keys_are_made_without_a_key() {
    let stack = Stack::start().await;
    let made = ["admin", "create-account", "vaults", "--name", "Vaults Inc.", "--dialect", "fltr"];
    let printed = stack.command(&made).await.unwrap();
    assert_eq!(printed, "account vaults (fltr)\n");
    let refused = stack.command(&made).await.unwrap_err().stderr;
    assert!(refused.contains("there is an account vaults already"), "{refused}");
    let printed = stack.command(&["admin", "list-accounts"]).await.unwrap();
    assert_eq!(printed, "vaults  fltr  Vaults Inc.\n");

    let key = ["admin", "create-key", "--account", "vaults", "--scopes", "publish,read"];
    let printed = stack.command(&key).await.unwrap();
    let vaults = Client::new(&stack.api_url, after(&printed, "key of vaults: "));
    assert_eq!(vaults.request("GET", "/v1/events", &[], "").await.status, 200);
    let hook = json!({ "url": "https://example.com/" });
    assert_eq!(vaults.post("/v1/endpoints", hook).await.status, 403, "no scope for it");
    assert_eq!(vaults.request("GET", "/v1/accounts", &[], "").await.status, 403, "no admin");

    for (arguments, reason) in [
        (vec!["create-account", "a b"], "/id"),
        (vec!["create-account", "x", "--dialect", "klingon"], "/dialect"),
        (vec!["create-key", "--account", "nobody"], "account"),
        (vec!["create-key", "--account", "vaults", "--scopes", "fly"], "manage, publish"),
    ] {
        let arguments: Vec<&str> = ["admin"].into_iter().chain(arguments).collect();
        let refused = stack.command(&arguments).await.unwrap_err().stderr;
        assert!(refused.contains(reason), "{arguments:?}: {refused}");
    }
}

#[tokio::test]
async fn the_doctor_finds_a_stack_well_and_leaves_nothing_behind() {
    let stack = Stack::start().await;
    let url = ["doctor", "--api-url", &stack.api_url];
    let printed = stack.command(&url).await.unwrap();
    assert!(printed.ends_with("all well\n"), "{printed}");
    for part in ["table", "queue events", "queue tasks-dlq", "API", "test delivery: on record"] {
        assert!(printed.contains(&format!("ok     {part}")), "{part} in {printed}");
    }
    assert_eq!(stack.command(&["admin", "list-keys"]).await.unwrap(), "");
    assert_eq!(stack.command(&["admin", "list-accounts"]).await.unwrap(), "");
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong() {
    let stack = Stack::start().await;
    let sqs = stack.sqs().await;
    // A queue is gone, and a dead letter waits.
    let url = stack.queue_url("tasks");
    sqs.delete_queue().queue_url(url).send().await.expect("it is deleted");
    let url = stack.queue_url("events-dlq");
    sqs.send_message().queue_url(url).message_body("{}").send().await.expect("it is taken");
    let url = posthorn_end_to_end::closed_port_url();
    let refused = stack.command(&["doctor", "--api-url", &url]).await.unwrap_err();
    assert_eq!(refused.exit_code, Some(1));
    assert!(refused.stderr.contains("3 things are wrong"), "{}", refused.stderr);
    let printed = &refused.stdout;
    for line in [
        "WRONG  queue tasks:",
        "WRONG  API:",
        "WRONG  test delivery:",
        "look   queue events-dlq: 1",
    ] {
        assert!(printed.contains(line), "{line} in {printed}");
    }
    assert!(printed.contains("posthorn dlq show events"), "{printed}");
    assert!(printed.contains("name its API with --api-url"), "{printed}");
}
