//! What was acknowledged is delivered, whatever happens to the process.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use posthorn_end_to_end::{Receiver, Reply, Stack};
use serde_json::json;
use tokio::sync::{Mutex, RwLock};

const KILLS: usize = 10;
const PRODUCERS: usize = 4;

/// Posts events until told to stop, and keeps the ids of those that were acknowledged.
async fn produce(
    producer: usize,
    account: Arc<RwLock<posthorn_end_to_end::Account>>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        let account = account.read().await.clone();
        let own_id = format!("{producer}:{number}");
        number += 1;
        // Half of them bring an id of their own.
        let event = match number % 2 {
            0 => json!({ "id": own_id, "type": "a.b", "data": { "n": own_id } }),
            _ => json!({ "type": "a.b", "data": { "n": own_id } }),
        };
        let answer = account.try_request("POST", "/v1/events", &[], event.to_string()).await;
        match answer {
            Ok(answer) if answer.status == 202 => {
                let id = answer.json["id"].as_str().expect("an id").to_owned();
                acknowledged.lock().await.push(id);
            }
            // Not acknowledged: whatever became of it is nobody's loss.
            _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_in_ten_kills_under_load() {
    let mut stack = Stack::with_time_scale(10.0).await;
    let receiver = Receiver::start().await;
    // Now and then it fails, so that retries are on their way, too.
    receiver.replies(
        "/hook",
        (0..2_000).map(|n| Reply::status(if n % 7 == 0 { 503 } else { 200 })).collect(),
    );
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let key = account.key.clone();
    let current = Arc::new(RwLock::new(account));
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|n| tokio::spawn(produce(n, current.clone(), acknowledged.clone(), stop.clone())))
        .collect();
    for kill in 1..=KILLS {
        let target = acknowledged.lock().await.len() + 50;
        posthorn_end_to_end::eventually("events", async || {
            let count = acknowledged.lock().await.len();
            if count >= target { Ok(()) } else { Err(format!("{count} of {target}, kill {kill}")) }
        })
        .await;
        stack.kill9().await;
        stack.restart().await;
        *current.write().await = stack.account_with_key("acme", &key);
    }
    stop.store(true, Ordering::Relaxed);
    for producer in producers {
        producer.await.unwrap();
    }
    let acknowledged = acknowledged.lock().await.clone();
    let received = posthorn_end_to_end::eventually("every event", async || {
        let mut received: HashMap<String, usize> = HashMap::new();
        for request in receiver.requests("/hook") {
            *received.entry(request.header("webhook-id").to_owned()).or_default() += 1;
        }
        let missing = acknowledged.iter().filter(|id| !received.contains_key(*id)).count();
        if missing == 0 { Ok(received) } else { Err(format!("{missing} missing")) }
    })
    .await;
    let requests: usize = received.values().sum();
    println!(
        "{} acknowledged, {} distinct received, {requests} requests, {KILLS} kills, none lost",
        acknowledged.len(),
        received.len(),
    );
    stack.wait_until_idle().await;
    assert_eq!(stack.queue_depth("events-dlq").await, 0);
    assert_eq!(stack.queue_depth("deliveries-dlq").await, 0);
}

#[tokio::test]
async fn a_retry_that_was_planned_survives_a_kill() {
    let mut stack = Stack::with_time_scale(600.0).await;
    let receiver = Receiver::start().await;
    receiver.replies("/hook", vec![Reply::status(500)]);
    let account = stack.account("acme").await;
    // Longer than SQS can delay: the road of the due rows.
    let endpoint = account
        .endpoint(json!({ "url": receiver.url("/hook"), "retry": { "schedule": ["1h"] } }))
        .await;
    let id = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    account.delivery(&id, &endpoint, "retrying").await;
    stack.kill9().await;
    stack.restart().await;
    let account = stack.account_with_key("acme", &account.key);
    let delivery = account.delivery(&id, &endpoint, "delivered").await;
    assert_eq!(delivery["attempt_count"], 2);
}
