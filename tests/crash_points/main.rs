//! Every crash point: the real handlers over real services, and each of their calls to AWS gone
//! wrong once in each way. After that everything goes well again, and must come right by itself:
//! each endpoint got each event, each delivery ended as it should, and nothing is left over.

mod due_minute;
mod faults;
mod scenarios;
mod world;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use serde_json::Value;

use faults::Fault;
use scenarios::{Expected, Strike};
use world::{Seed, World};

/// Runs a scenario without a fault, then with every fault at every call that it made.
async fn explore(
    name: &str,
    every: usize,
    scenario: impl AsyncFn(&mut World, Strike) -> Vec<Expected>,
) {
    let seed = Seed::take();
    let mut world = World::create(seed).await;
    let problems = run(&mut world, None, &scenario).await;
    assert_eq!(problems, Vec::<String>::new(), "{name} without a fault, seed {seed}");
    let calls = world.faults.calls();
    assert!(!calls.is_empty(), "{name} calls nobody");

    let (mut points, mut missed, mut broken) = (0, 0, Vec::new());
    for fault in Fault::ALL {
        for (index, call) in calls.iter().enumerate().step_by(every) {
            if fault == Fault::HalfTaken && !call.contains("Batch") {
                continue;
            }
            let mut world = World::create(seed).await;
            let problems = run(&mut world, Some((index, fault)), &scenario).await;
            let struck = world.faults.struck();
            // What is kept for a second of the machine's time may be read once more or less.
            *if struck.is_some() { &mut points } else { &mut missed } += 1;
            let told = problems.into_iter();
            broken.extend(told.map(|it| format!("{index} {struck:?} {fault:?}: {it}")));
        }
    }
    let (count, failures) = (calls.len(), broken.len());
    println!("{name}: {count} calls, {points} crash points, {missed} missed, {failures} broken");
    assert!(missed * 20 <= points, "{name}: {missed} of {points} calls were not made");
    assert!(broken.is_empty(), "{name}, seed {seed}:\n{}\ncalls: {calls:#?}", broken.join("\n"));
}

/// What is wrong after a run.
async fn run(
    world: &mut World,
    strike: Strike,
    scenario: &impl AsyncFn(&mut World, Strike) -> Vec<Expected>,
) -> Vec<String> {
    let expected = match AssertUnwindSafe(scenario(world, strike)).catch_unwind().await {
        Ok(expected) => expected,
        Err(_) => return vec!["the scenario failed, see above".to_owned()],
    };
    world.faults.end();
    let mut problems = world.leftovers().await;
    let events = world.get("/v1/events?limit=250").await;
    let events = events["data"].as_array().expect("a list").iter();
    let ids: Vec<&str> = events.map(|event| event["id"].as_str().expect("an id")).collect();
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        problems.push(format!("an event is stored twice: {ids:?}"));
    }
    for Expected { event, endpoint, path, status } in expected {
        if !ids.contains(&event.as_str()) {
            problems.push(format!("{event} is not listed: {ids:?}"));
        }
        let came = |path: &str| {
            let requests = world.receiver.requests(path);
            requests.iter().any(|request| request.header("webhook-id") == event)
        };
        if path.is_some_and(|path| !came(path)) {
            problems.push(format!("{event} never came to {path:?}"));
        }
        let deliveries = world.get(&format!("/v1/events/{event}/deliveries")).await;
        let deliveries = deliveries["data"].as_array().expect("a list");
        let delivery = deliveries.iter().find(|delivery| delivery["endpoint_id"] == endpoint);
        match delivery {
            None => problems.push(format!("no delivery of {event} to {path:?} on record")),
            Some(delivery) if delivery["status"] != status => {
                problems.push(format!("{event} to {path:?} should be {status}: {delivery}"));
            }
            Some(delivery) if !is_whole(delivery) => {
                problems.push(format!("attempts are missing: {delivery}"));
            }
            Some(_) => {}
        }
    }
    problems
}

/// Whether no attempt is missing on record.
fn is_whole(delivery: &Value) -> bool {
    let attempts = delivery["attempts"].as_array().expect("attempts");
    attempts.iter().zip(1..).all(|(attempt, number)| attempt["number"] == number)
        && delivery["attempt_count"] == attempts.len()
}

/// SQS and Lambda may give a message to a function again although it was done with.
#[tokio::test]
async fn what_comes_twice_is_attempted_once() {
    let mut world = World::create(Seed::take()).await;
    world.lose_deletes();
    let expected = scenarios::two_roads(&mut world, None).await;
    assert_eq!(world.leftovers().await, Vec::<String>::new());
    for Expected { event, path, .. } in &expected {
        let requests = world.receiver.requests(path.expect("it is sent"));
        let count = requests.iter().filter(|request| request.header("webhook-id") == event).count();
        assert_eq!(count, 3, "{event}: three attempts, though every message came twice");
        let deliveries = world.get(&format!("/v1/events/{event}/deliveries")).await;
        let delivery = &deliveries["data"][0];
        assert!(is_whole(delivery) && delivery["attempt_count"] == 3, "{delivery}");
    }
}

/// One test for each scenario, with the distance from one crash point to the next.
macro_rules! scenarios {
    ($($name:ident $every:literal),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                explore(stringify!($name), $every, scenarios::$name).await;
            }
        )*
    };
}

scenarios!(
    ingest_by_post 1,
    ingest_by_queue 1,
    three_endpoints 1,
    large_payload 1,
    undecided 1,
    short_retry 1,
    long_retry 1,
    sweep 1,
    schedule_runs_out 1,
    rate_limited 1,
    unproven 3,
    replay 1,
    recover 1,
    replay_missing 1,
    rotation 1,
    gone 1,
    account_made_again 1,
    full_batch 3,
);
