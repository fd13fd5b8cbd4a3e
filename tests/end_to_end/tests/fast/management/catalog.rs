//! The event catalog: schemas, examples, and what is for all accounts.

use posthorn_end_to_end::{Account, Answer, Stack, eventually};
use serde_json::{Value, json};

use super::pointers;

fn vault_schema() -> Value {
    json!({
        "type": "object",
        "required": ["vaultId"],
        "properties": { "vaultId": { "type": "string", "pattern": "^vault_" }, "size": { "minimum": 0 } },
    })
}

#[tokio::test]
async fn an_event_type_is_changed_by_merge_patch() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let event_type = json!({ "name": "a.b", "description": "x", "example": { "n": 1 } });
    let created = account.post("/v1/event-types", event_type).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let patched = account.patch("/v1/event-types/a.b", json!({ "example": { "m": 2 } })).await;
    assert_eq!(patched["description"], "x");
    assert_eq!(patched["example"], json!({ "m": 2 }));
    let patched = account.patch("/v1/event-types/a.b", json!({ "example": null })).await;
    assert_eq!(patched["example"], Value::Null);
    for (patch, pointer) in
        [(json!({ "example": 1 }), "/example"), (json!({ "name": "b.c" }), "/name")]
    {
        let body = patch.to_string();
        let answer = account.request("PATCH", "/v1/event-types/a.b", &[], body).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(answer.json["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn a_schema_is_checked_when_it_is_saved_and_so_is_its_example() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let post = async |schema: Value, example: Value| {
        let event_type = json!({ "name": "vault.created", "schema": schema, "example": example });
        account.post("/v1/event-types", event_type).await
    };
    let refused = [
        (json!({ "type": "strnig" }), Value::Null, vec!["/schema/type"]),
        (json!("object"), Value::Null, vec!["/schema"]),
        (json!({ "$ref": "https://example.com/x.json" }), Value::Null, vec!["/schema/$ref"]),
        (
            json!({ "$schema": "http://json-schema.org/draft-07/schema#" }),
            Value::Null,
            vec!["/schema/$schema"],
        ),
        (
            vault_schema(),
            json!({ "vaultId": 7, "size": -1 }),
            vec!["/example/size", "/example/vaultId"],
        ),
        (json!({ "description": "x".repeat(70_000) }), Value::Null, vec!["/schema"]),
    ];
    for (schema, example, expected) in refused {
        let answer = post(schema.clone(), example).await;
        let mut found = pointers(&answer);
        found.sort_unstable();
        assert_eq!((answer.status, found), (422, expected), "{}", answer.text);
    }
    let created = post(vault_schema(), json!({ "vaultId": "vault_1" })).await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.json["schema"], vault_schema());
    let patch = json!({ "example": { "vaultId": "other_1" } }).to_string();
    let answer = account.request("PATCH", "/v1/event-types/vault.created", &[], patch).await;
    assert_eq!(pointers(&answer), ["/example/vaultId"], "{}", answer.text);
    let shown = account.patch("/v1/event-types/vault.created", json!({ "schema": null })).await;
    assert_eq!(shown["schema"], Value::Null);
}

#[tokio::test]
async fn events_are_checked_against_their_schema_by_both_roads() {
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let event_type = json!({ "name": "vault.created", "schema": vault_schema() });
    assert_eq!(account.post("/v1/event-types", event_type).await.status, 201);
    let post = async |data: Value| {
        let event = json!({ "type": "vault.created", "data": data });
        account.post("/v1/events", event).await
    };
    let answer = wait_for_status(422, async || post(json!({ "size": -1 })).await).await;
    let mut found = pointers(&answer);
    found.sort_unstable();
    assert_eq!(found, ["/data", "/data/size"], "{}", answer.text);
    assert_eq!(post(json!({ "vaultId": "vault_1", "size": 1.5 })).await.status, 202);
    let several = json!({ "events": [
        { "type": "vault.created", "data": { "vaultId": "vault_1" } },
        { "type": "vault.created", "data": { "vaultId": "1" } },
    ] });
    let answer = account.post("/v1/events", several).await;
    assert_eq!(pointers(&answer), ["/events/1/data/vaultId"], "{}", answer.text);

    let body = json!({ "account": "acme", "type": "vault.created", "data": { "vaultId": "hush" } });
    let sqs = stack.sqs().await;
    let send = sqs.send_message().queue_url(stack.events_queue_url());
    let text = body.to_string();
    send.message_body(&text).send().await.unwrap();
    // Those that were accepted before the schema was known are dead letters, too.
    let attributes = eventually("the dead letter", async || {
        let letters = stack.drain("events-dlq").await;
        let ours = letters.iter().find(|(letter, _)| *letter == text);
        ours.map(|(_, attributes)| attributes.clone()).ok_or_else(|| format!("{letters:?}"))
    })
    .await;
    let reason = &attributes.iter().find(|(name, _)| name == "reason").expect("a reason").1;
    assert!(reason.contains("/data/vaultId"), "{reason}");
    assert!(!reason.contains("hush"), "a reason shows no payload: {reason}");

    // A schema that changes counts from then on.
    account
        .patch("/v1/event-types/vault.created", json!({ "schema": { "required": ["x"] } }))
        .await;
    wait_for_status(202, async || post(json!({ "x": 1 })).await).await;
}

#[tokio::test]
async fn what_is_for_all_accounts_shows_through() {
    let stack = Stack::start().await;
    let admin = stack.admin();
    let (acme, other) = (stack.account("acme").await, stack.account("other").await);
    for name in ["job.done", "vault.created", "vault.deleted"] {
        let answer = admin.post("/v1/event-types", json!({ "name": name })).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.json["origin"], "all_accounts");
    }
    let own = json!({ "name": "vault.created", "description": "ours", "schema": vault_schema() });
    assert_eq!(acme.post("/v1/event-types", own).await.status, 201);
    let zebra = json!({ "name": "zebra" });
    assert_eq!(acme.post("/v1/event-types", zebra).await.status, 201);

    let of = async |account: &Account| -> Vec<(String, bool)> {
        let (mut all, mut path) = (Vec::new(), "/v1/event-types?limit=1".to_owned());
        loop {
            let page = account.get(&path).await;
            for entry in page["data"].as_array().unwrap() {
                let everyones = entry["origin"] == "all_accounts";
                all.push((entry["name"].as_str().unwrap().to_owned(), everyones));
            }
            let Some(cursor) = page["next_cursor"].as_str() else { return all };
            path = format!("/v1/event-types?limit=1&cursor={cursor}");
        }
    };
    let named = |list: &[(&str, bool)]| -> Vec<(String, bool)> {
        list.iter().map(|(name, everyones)| ((*name).to_owned(), *everyones)).collect()
    };
    let expected =
        [("job.done", true), ("vault.created", false), ("vault.deleted", true), ("zebra", false)];
    assert_eq!(of(&acme).await, named(&expected));
    let expected = [("job.done", true), ("vault.created", true), ("vault.deleted", true)];
    assert_eq!(of(&other).await, named(&expected));

    // The account's own entry counts for the account alone.
    let event = json!({ "type": "vault.created", "data": {} });
    wait_for_status(422, async || acme.post("/v1/events", event.clone()).await).await;
    wait_for_status(202, async || other.post("/v1/events", event.clone()).await).await;
    let unknown = json!({ "type": "vault.opened", "data": {} });
    wait_for_status(422, async || other.post("/v1/events", unknown.clone()).await).await;

    // What belongs to all is the platform team's to change.
    let patch = json!({ "description": "mine" }).to_string();
    let answer = other.request("PATCH", "/v1/event-types/job.done", &[], patch).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    let answer = other.request("DELETE", "/v1/event-types/job.done", &[], "").await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    admin.patch("/v1/event-types/job.done", json!({ "description": "for all" })).await;
    assert_eq!(other.get("/v1/event-types/job.done").await["description"], "for all");
    admin.delete("/v1/event-types/job.done").await;
    let answer = other.request("GET", "/v1/event-types/job.done", &[], "").await;
    assert_eq!(answer.status, 404);
}

/// What a change of the catalog comes to takes effect within a second.
async fn wait_for_status<F: Future<Output = Answer>>(status: u16, ask: impl Fn() -> F) -> Answer {
    eventually(&format!("status {status}"), async || {
        let answer = ask().await;
        if answer.status == status { Ok(answer) } else { Err(answer.text) }
    })
    .await
}
