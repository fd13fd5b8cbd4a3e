//! The deployment key is replaced while the system works on.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use posthorn_end_to_end::{Account, Program, Receiver, Stack, eventually};
use posthorn_shared::key_ring::{KeyRing, Stage};
use posthorn_shared::secret::Secret;
use posthorn_shared::signing::standard_webhooks;
use serde_json::json;

use super::seals::{Item, Table, seal};

const ROTATE: [&str; 2] = ["admin", "rotate-deployment-key"];
const FINISH: [&str; 3] = ["admin", "rotate-deployment-key", "--finish"];

fn file(stack: &Stack) -> PathBuf {
    stack.options.data_dir.join("deployment-key")
}

fn kept(stack: &Stack) -> KeyRing {
    KeyRing::parse(&std::fs::read_to_string(file(stack)).expect("a file")).expect("keys")
}

/// Which key sealed an endpoint's secrets.
fn number(item: &Item) -> &str {
    item["k"].as_n().expect("a number")
}

/// Endpoints of an account, with their secrets, each at a path of its own.
async fn endpoints(account: &Account, receiver: &Receiver, count: usize) -> Vec<(String, String)> {
    let mut endpoints = Vec::new();
    for number in 0..count {
        let hook = json!({ "url": receiver.url(&format!("/{number}")) });
        endpoints.push(account.endpoint_with_secret(hook).await);
    }
    endpoints
}

async fn assert_known(account: &Account, endpoints: &[(String, String)]) {
    for (endpoint, secret) in endpoints {
        let shown = account.get(&format!("/v1/endpoints/{endpoint}/secret")).await;
        assert_eq!(shown["secret"], json!(secret));
    }
}

async fn assert_sealed(table: &Table, endpoints: &[(String, String)], with: &str) {
    for (endpoint, _) in endpoints {
        assert_eq!(number(&table.item("acme", endpoint).await), with, "{endpoint}");
    }
}

#[tokio::test]
async fn a_rotation_loses_no_event_and_every_signature_verifies() {
    let mut stack = Stack::start().await;
    let table = Table::of(&stack).await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoints = endpoints(&account, &receiver, 10).await;
    let first = std::fs::read_to_string(file(&stack)).expect("a file");
    // Known to all functions.
    account.post_until_known(json!({ "type": "a.b", "data": {} }), &endpoints[9].0).await;

    let stop = Arc::new(AtomicBool::new(false));
    let producer = {
        let (account, stop) = (account.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut sent = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                sent.push(account.post_event(json!({ "type": "a.b", "data": {} })).await);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            sent
        })
    };
    receiver.wait_for("/0", 3).await;
    let printed = stack.command(&ROTATE).await.expect("a rotation");
    assert!(printed.contains("made key 2 beside key 1"), "{printed}");
    assert!(printed.contains("sealed 10 of 10 endpoints anew, with key 2"), "{printed}");
    assert_sealed(&table, &endpoints, "2").await;
    assert_eq!(kept(&stack).stage(), Stage::TakenOver);
    // The new one seals what is made or changed from now on.
    let (made, _) = account.endpoint_with_secret(json!({ "url": receiver.url("/made") })).await;
    assert_eq!(number(&table.item("acme", &made).await), "2");

    let finished = stack.command(&FINISH).await.expect("nothing is sealed with the former key");
    assert!(finished.contains("key 2 is the only one; 11 endpoints have it"), "{finished}");
    let seen = receiver.count("/0");
    receiver.wait_for("/0", seen + 3).await;
    stop.store(true, Ordering::Relaxed);
    let sent = producer.await.expect("a list");

    for (number, (_, secret)) in endpoints.iter().enumerate() {
        let secret: Secret = secret.parse().expect("a secret");
        let path = format!("/{number}");
        eventually(&format!("all events at {path}"), async || {
            let came: HashSet<String> = receiver
                .requests(&path)
                .iter()
                .map(|r| r.header("webhook-id").to_owned())
                .collect();
            let missing = sent.iter().filter(|id| !came.contains(*id)).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} of {} missing", sent.len())) }
        })
        .await;
        for request in receiver.requests(&path) {
            let id = request.header("webhook-id");
            let at = request.header("webhook-timestamp").parse().expect("seconds");
            let expected = standard_webhooks(&secret, id, at, &request.body);
            assert_eq!(request.header("webhook-signature"), expected, "{path}");
        }
    }
    stack.wait_until_idle().await;
    assert_eq!(stack.queue_depth("deliveries-dlq").await, 0);

    // Nothing needs the first one any more, and nobody else reads the new one.
    let now = std::fs::read_to_string(file(&stack)).expect("a file");
    assert!(!now.contains(first.trim()), "the first key is still there");
    let mode = std::fs::metadata(file(&stack)).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    stack.kill9().await;
    stack.restart().await;
    let account = stack.account_with_key("acme", &account.key);
    assert_known(&account, &endpoints).await;
    let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&event, &endpoints[0].0, "delivered").await;
}

#[tokio::test]
async fn a_rotation_that_is_cut_off_goes_on_where_it_was() {
    let stack = Stack::start().await;
    let table = Table::of(&stack).await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoints = endpoints(&account, &receiver, 60).await;
    let mut former: HashMap<String, Item> = HashMap::new();
    for (endpoint, _) in &endpoints {
        former.insert(endpoint.clone(), table.item("acme", endpoint).await);
    }
    let mut after = Duration::from_millis(5);
    while !stack.command_cut_off(&ROTATE, after).await {
        // Whatever it left behind opens, and there is never a third key.
        assert_known(&account, &endpoints).await;
        assert!(kept(&stack).newest() <= 2);
        after += after / 4 + Duration::from_millis(5);
    }
    assert_known(&account, &endpoints).await;
    assert_sealed(&table, &endpoints, "2").await;
    assert_eq!(kept(&stack).newest(), 2);

    // One that was not sealed anew, as when it was cut off, keeps the former key from being dropped.
    let (left, _) = &endpoints[7];
    let mut unsealed = table.item("acme", left).await;
    for name in ["s", "k"] {
        unsealed.insert(name.to_owned(), former[left][name].clone());
    }
    table.put(unsealed).await;
    let refused = stack.command(&FINISH).await.expect_err("one is left");
    assert_eq!(refused.exit_code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains(&format!("acme  {left}")), "{refused:?}");
    assert!(
        refused.stderr.contains("1 of 60 endpoints are sealed with a former key"),
        "{refused:?}"
    );
    assert_eq!(kept(&stack).stage(), Stage::TakenOver);

    let mut others: HashMap<String, Item> = HashMap::new();
    for (endpoint, _) in endpoints.iter().filter(|(endpoint, _)| endpoint != left) {
        others.insert(endpoint.clone(), table.item("acme", endpoint).await);
    }
    let printed = stack.command(&ROTATE).await.expect("a rotation");
    assert!(printed.contains("sealed 1 of 60 endpoints anew, with key 2"), "{printed}");
    for (endpoint, before) in &others {
        let after = table.item("acme", endpoint).await;
        assert_eq!((seal(&after), &after["r"]), (seal(before), &before["r"]), "{endpoint}");
    }
    stack.command(&FINISH).await.expect("nothing is left");
    assert_eq!((kept(&stack).stage(), kept(&stack).sealing()), (Stage::Settled, 2));
    let again = stack.command(&FINISH).await.expect("nothing to do");
    assert!(again.contains("key 2 is the only one: there is nothing to drop"), "{again}");
    assert_known(&account, &endpoints).await;
}

#[tokio::test]
async fn a_key_that_was_announced_is_the_one_that_is_rotated_to() {
    let stack = Stack::start().await;
    let table = Table::of(&stack).await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoints = endpoints(&account, &receiver, 2).await;
    // As a rotation leaves it that is cut off after its first step.
    let value = "an-announced-key-of-the-tests-".repeat(2);
    let announced = kept(&stack).announcing(&value, jiff::Timestamp::now()).expect("a key");
    std::fs::write(file(&stack), announced.to_text()).expect("a file");
    let changed = json!({ "headers": { "X-Own": "mine" } });
    account.patch(&format!("/v1/endpoints/{}", endpoints[0].0), changed).await;
    assert_sealed(&table, &endpoints, "1").await;
    let refused = stack.command(&FINISH).await.expect_err("nothing is sealed with it");
    assert!(refused.stderr.contains("key 2 does not seal yet"), "{refused:?}");

    stack.command(&ROTATE).await.expect("a rotation");
    assert_eq!(kept(&stack).newest(), 2);
    assert!(kept(&stack).to_text().contains(&value));
    assert_sealed(&table, &endpoints, "2").await;
    assert_known(&account, &endpoints).await;
}

#[tokio::test]
async fn what_can_not_be_opened_is_named_and_nothing_else_suffers() {
    let stack = Stack::start().await;
    let table = Table::of(&stack).await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoints = endpoints(&account, &receiver, 3).await;
    let (spoiled, _) = &endpoints[1];
    let mut item_of_it = table.item("acme", spoiled).await;
    item_of_it.insert("s".to_owned(), AttributeValue::S("AAAA".to_owned()));
    table.put(item_of_it).await;
    let refused = stack.command(&ROTATE).await.expect_err("one can't be opened");
    assert_eq!(refused.exit_code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains(&format!("acme  {spoiled}")), "{refused:?}");
    assert!(refused.stderr.contains("1 endpoints could not be sealed anew"), "{refused:?}");
    for (endpoint, _) in [&endpoints[0], &endpoints[2]] {
        assert_eq!(number(&table.item("acme", endpoint).await), "2");
    }
}

#[tokio::test]
async fn it_needs_the_data_directory_of_the_stack() {
    let directory = tempfile::tempdir().expect("a directory");
    let elsewhere = directory.path().to_str().expect("a text");
    let ended = Program::new(&ROTATE).env("POSTHORN_DATA_DIR", elsewhere).run().await;
    assert_eq!(ended.exit_code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("there is no deployment-key in"), "{ended:?}");
    assert!(ended.stderr.contains("POSTHORN_DATA_DIR"), "{ended:?}");
    let made: Vec<_> = std::fs::read_dir(directory.path()).expect("a directory").collect();
    assert!(made.is_empty(), "{made:?}");
    // One at a time: two could make two new keys, of which one would be lost.
    let stack = Stack::start().await;
    let lock = stack.options.data_dir.join("deployment-key-rotation.lock");
    let lock = std::fs::File::create(lock).expect("a file");
    lock.try_lock().expect("nobody has it");
    let refused = stack.command(&ROTATE).await.expect_err("another one is at work");
    assert!(refused.stderr.contains("another rotation is at work"), "{refused:?}");
    assert_eq!(kept(&stack).stage(), Stage::Settled);
}
