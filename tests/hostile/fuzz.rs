//! Random requests of strangers to every route, beside another tenant whose events have to go through.
//!
//! Every answer is looked at: none is a fault of the server's, none is larger than Lambda could give,
//! none has anything of another account, none lets in who may not. At the end the attacked accounts
//! are as they were, and no delivery had anything of another account in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use posthorn_end_to_end::Stack;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::bounds;
use crate::requests::{Material, Request};
use crate::settings;
use crate::sink::Sink;
use crate::tenants::Tenants;
use crate::watcher::Watcher;
use crate::wire::{Outcome, Reply, exchange};

/// Requests under way at once, and the time from one to the next of each worker.
const WORKERS: u64 = 6;
const EVERY: Duration = Duration::from_millis(150);
/// Events a second of the watcher.
const EVENTS: u32 = 20;
/// How long an answer may take before it counts as none.
const PATIENCE: Duration = Duration::from_secs(90);
/// Findings that are told.
const TOLD: usize = 20;
/// How often accounts that attack get back what they have deleted.
const REFURNISH: Duration = Duration::from_secs(5);

/// What the requests came to.
#[derive(Default)]
struct Tally {
    answered: u64,
    /// Closed without an answer, which only a wrongly framed request may be.
    closed: u64,
    by_class: [u64; 6],
    largest: usize,
    found: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.closed += other.closed;
        for (sum, count) in self.by_class.iter_mut().zip(other.by_class) {
            *sum += count;
        }
        self.largest = self.largest.max(other.largest);
        self.found.extend(other.found);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn random_requests_to_every_route_harm_nobody() {
    let seed = settings::seed();
    let time = Duration::from_secs(settings::seconds());
    println!("POSTHORN_HOSTILE_SEED={seed}, {} s", time.as_secs());
    let (watcher, sink) = (Watcher::ready().await, Sink::start().await);
    let ports = format!("{},{}", sink.port(), settings::port_of(&watcher.url));
    let stack = Stack::with_environment(1.0, vec![("POSTHORN_ALLOWED_PORTS", ports)]).await;
    let tenants = Tenants::settle(&stack, &sink, seed).await;
    let before = tenants.picture(&stack).await;
    let material = Arc::new(Material::gather(&stack, tenants, &sink).await);
    let watching = watcher.watch(&stack, EVENTS).await;

    let (next, end) = (Arc::new(AtomicU64::new(0)), Instant::now() + time);
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        workers.spawn(work(Arc::clone(&material), seed, Arc::clone(&next), end));
    }
    let refurnish = async {
        loop {
            // A stack that stands still is what the watcher finds.
            let _ = tokio::time::timeout(PATIENCE, material.tenants.refurnish(&sink)).await;
            tokio::time::sleep(REFURNISH).await;
        }
    };
    let tallies = tokio::select! {
        tallies = workers.join_all() => tallies,
        () = refurnish => Vec::new(),
    };
    let mut tally = Tally::default();
    for worker in tallies {
        tally.add(worker);
    }
    let record = watching.end().await;
    let Tally { answered, closed, by_class, largest, mut found } = tally;
    println!(
        "{answered} requests answered ({} 2xx, {} 3xx, {} 4xx, {} 5xx), {closed} closed, \
         {largest} bytes at most; {}",
        by_class[2],
        by_class[3],
        by_class[4],
        by_class[5],
        record.figures()
    );
    found.extend(sink.leaks().into_iter().map(|leak| format!("a delivery has {leak}")));
    let after = tokio::time::timeout(PATIENCE, material.tenants.picture(&stack)).await;
    for (then, now) in before.iter().zip(after.expect("answers after all of it")) {
        if *then != now {
            found.push(format!("was changed: {then:?} is now {now:?}"));
        }
    }
    let panics = stack.log().into_iter().filter(|line| line.contains("panicked"));
    found.extend(panics.map(|line| format!("logged: {line}")));
    found.truncate(TOLD);
    assert!(found.is_empty(), "POSTHORN_HOSTILE_SEED={seed}\n{}", found.join("\n"));
    bounds::of_the_fuzzer(&record);
}

async fn work(material: Arc<Material>, seed: u64, next: Arc<AtomicU64>, end: Instant) -> Tally {
    let mut tally = Tally::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < end && tally.found.len() < TOLD {
        ticks.tick().await;
        let number = next.fetch_add(1, Ordering::Relaxed);
        let request = material.request(seed, number);
        let outcome = exchange(&request.address, &request.bytes, !request.is_whole, PATIENCE).await;
        let finding = match outcome {
            Outcome::Answered(reply) => {
                tally.answered += 1;
                tally.by_class[usize::from(reply.status / 100).min(5)] += 1;
                tally.largest = tally.largest.max(reply.body.len());
                objection(&material, &request, &reply)
            }
            Outcome::Closed => {
                tally.closed += 1;
                request.is_whole.then(|| "closed without an answer".to_owned())
            }
            Outcome::Silent => Some(format!("no answer in {PATIENCE:?}")),
        };
        let found = finding.map(|what| format!("request {number}: {what}; {}", request.describe()));
        tally.found.extend(found);
    }
    tally
}

/// What is wrong with an answer.
fn objection(material: &Material, request: &Request, reply: &Reply) -> Option<String> {
    let Request { caller, kind, .. } = request;
    if request.must_be_refused && reply.status < 400 {
        return Some(format!("the AWS port lets a stranger in: {}", reply.status));
    }
    bounds::objection(reply, *kind).or_else(|| caller.objection(&material.tenants, request, reply))
}
