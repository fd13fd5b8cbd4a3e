//! What is sealed opens where it lies, and nowhere else; and stays as it is until it changes.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use posthorn_end_to_end::{Account, Answer, Receiver, Stack, closed_port_url, runtime, tenant};
use posthorn_shared::sealing::SealingKey;
use serde_json::json;

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

/// The table of a stack.
pub struct Table(Client);

impl Table {
    pub async fn of(stack: &Stack) -> Self {
        Self(runtime(stack).await.dynamodb)
    }

    /// The item of an endpoint.
    pub async fn item(&self, account: &str, endpoint: &str) -> Item {
        let get = self.0.get_item().table_name("posthorn").consistent_read(true);
        let get = get.key("pk", text(&format!("A#{account}")));
        let get = get.key("sk", text(&format!("EP#{endpoint}")));
        get.send().await.expect("an answer").item.expect("an item")
    }

    pub async fn put(&self, item: Item) {
        let put = self.0.put_item().table_name("posthorn").set_item(Some(item));
        put.send().await.expect("it is written");
    }
}

/// What is sealed, and the number of the key beside it.
pub fn seal(item: &Item) -> (Option<&AttributeValue>, Option<&AttributeValue>) {
    (item.get("s"), item.get("k"))
}

pub fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

async fn secret(account: &Account, endpoint: &str) -> Answer {
    account.request("GET", &format!("/v1/endpoints/{endpoint}/secret"), &[], "").await
}

#[tokio::test]
async fn a_seal_opens_nowhere_but_where_it_lies() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let table = Table::of(&stack).await;
    let (victim, mallory) = (stack.account("acme").await, stack.account("mallory").await);
    let hook = json!({ "url": receiver.url("/hook") });
    let (endpoint, hushed) = victim.endpoint_with_secret(hook).await;
    let (other, _) = victim.endpoint_with_secret(json!({ "url": receiver.url("/other") })).await;

    // The whole item, in another account.
    let mut moved = table.item("acme", &endpoint).await;
    moved.insert("pk".to_owned(), text("A#mallory"));
    let document = moved["d"].as_s().expect("a text").replace("\"acme\"", "\"mallory\"");
    moved.insert("d".to_owned(), text(&document));
    let generation = tenant(&stack, "mallory").await.generation();
    moved.insert("g".to_owned(), AttributeValue::N(generation.to_string()));
    // Without the key's number, as if it were of the first release.
    let mut old = moved.clone();
    old.remove("k").expect("the key's number");
    for moved in [moved, old] {
        table.put(moved).await;
        let answer = secret(&mallory, &endpoint).await;
        assert_eq!(answer.status, 500, "{}", answer.text);
        assert!(!answer.text.contains(&hushed), "{}", answer.text);
        let list = mallory.request("GET", "/v1/endpoints", &[], "").await;
        assert_eq!(list.status, 500, "{}", list.text);
    }

    // What is sealed alone, at another endpoint of the same account.
    let mut changed = table.item("acme", &other).await;
    for name in ["s", "k"] {
        changed.insert(name.to_owned(), table.item("acme", &endpoint).await[name].clone());
    }
    table.put(changed).await;
    let answer = secret(&victim, &other).await;
    assert_eq!(answer.status, 500, "{}", answer.text);
    // Where it belongs, it opens.
    assert_eq!(secret(&victim, &endpoint).await.json["secret"], json!(hushed));
    let event = victim.post_event(json!({ "type": "a.b", "data": {} })).await;
    victim.delivery(&event, &endpoint, "delivered").await;
    assert_eq!(receiver.count("/other"), 0);
}

#[tokio::test]
async fn nothing_is_sealed_anew_that_did_not_change() {
    let stack = Stack::with_time_scale(60.0).await;
    let table = Table::of(&stack).await;
    let account = stack.account("acme").await;
    let hook = json!({ "url": closed_port_url(), "headers": { "X-Own": "mine" } });
    let endpoint = account.endpoint(hook).await;
    let path = format!("/v1/endpoints/{endpoint}");
    let before = table.item("acme", &endpoint).await;
    assert_eq!(before["k"], AttributeValue::N("1".to_owned()));

    account.patch(&path, json!({ "description": "changed", "headers": { "X-Own": "***" } })).await;
    account.patch(&path, json!({ "active": false })).await;
    account.patch(&path, json!({ "active": true, "metadata": { "a": "b" } })).await;
    // And deliver writes down that nothing answers there.
    let event = json!({ "type": "a.b", "data": {} });
    account.post_until_known(event.clone(), &endpoint).await;
    for _ in 0..5 {
        account.post_event(event.clone()).await;
    }
    account.wait_until(&path, |shown| shown["health"]["open"].is_object()).await;
    let after = table.item("acme", &endpoint).await;
    assert_ne!((&before["d"], &before["r"]), (&after["d"], &after["r"]));
    assert_eq!(seal(&before), seal(&after));

    // What did change is sealed.
    account.patch(&path, json!({ "headers": { "X-Own": "another" } })).await;
    assert_ne!(table.item("acme", &endpoint).await["s"], before["s"]);
}

#[tokio::test]
async fn what_the_first_release_sealed_is_read_and_bound_when_it_is_written() {
    let stack = Stack::start().await;
    let table = Table::of(&stack).await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let (endpoint, hushed) =
        account.endpoint_with_secret(json!({ "url": receiver.url("/hook") })).await;
    // As 0.1.0 wrote it: bound to the endpoint's id alone, without the key's number.
    let file = stack.options.data_dir.join("deployment-key");
    let key = std::fs::read_to_string(file).expect("a file");
    let key = SealingKey::derive(key.trim().as_bytes(), "table");
    let sealed = key.seal(&json!({ "secret": hushed }).to_string(), &endpoint, 7);
    let mut old = table.item("acme", &endpoint).await;
    old.insert("s".to_owned(), text(&sealed));
    old.remove("k").expect("the key's number");
    table.put(old).await;

    assert_eq!(secret(&account, &endpoint).await.json["secret"], json!(hushed));
    assert_eq!(table.item("acme", &endpoint).await["s"], text(&sealed), "reading changes nothing");
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&event, &endpoint, "delivered").await;

    let path = format!("/v1/endpoints/{endpoint}");
    account.patch(&path, json!({ "description": "changed" })).await;
    let bound = table.item("acme", &endpoint).await;
    assert_ne!(bound["s"], text(&sealed));
    assert_eq!(bound["k"], AttributeValue::N("1".to_owned()));
    assert_eq!(secret(&account, &endpoint).await.json["secret"], json!(hushed));
    account.patch(&path, json!({ "description": "once more" })).await;
    assert_eq!(seal(&table.item("acme", &endpoint).await), seal(&bound));
}
