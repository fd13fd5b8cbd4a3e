//! Another tenant: its events go through while strangers do their worst, and what it sees is noted.
//!
//! It has a thread and a runtime to itself, so that what it measures is the stack's delay and not
//! that of the test's other work.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use posthorn_end_to_end::{Account, Client, Receiver, Stack};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How long anything may take before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often `/healthz` is asked.
const HEALTH_EVERY: Duration = Duration::from_millis(200);
const MEMORY_EVERY: Duration = Duration::from_millis(100);

/// What the watcher needs to know of the stack.
struct Watch {
    account: Account,
    api_url: String,
    pid: u32,
    per_second: u32,
}

/// A watcher that has its receiver, and waits for a stack.
pub struct Watcher {
    /// Where its endpoint is.
    pub url: String,
    begin: oneshot::Sender<Watch>,
    end: oneshot::Sender<()>,
    record: oneshot::Receiver<Record>,
}

/// A watcher at work.
pub struct Watching {
    end: oneshot::Sender<()>,
    record: oneshot::Receiver<Record>,
}

impl Watcher {
    /// Starts its receiver.
    ///
    /// # Panics
    /// When that does not start.
    pub async fn ready() -> Self {
        let (told, url) = oneshot::channel();
        let (begin, watch) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let (keep, record) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let receiver = Receiver::start().await;
                let _ = told.send(receiver.url("/hook"));
                if let Ok(watch) = watch.await {
                    let _ = keep.send(observe(&receiver, watch, ended).await);
                }
            });
        });
        Self { url: url.await.expect("a receiver"), begin, end, record }
    }

    /// Creates the account and its endpoint, and sends the first event.
    ///
    /// # Panics
    /// When the stack does none of that.
    pub async fn watch(self, stack: &Stack, per_second: u32) -> Watching {
        let account = stack.account("quiet").await;
        account.endpoint(json!({ "url": self.url })).await;
        let (api_url, pid) = (stack.api_url.clone(), stack.pid().expect("a process"));
        let watch = Watch { account, api_url, pid, per_second };
        assert!(self.begin.send(watch).is_ok(), "the watcher's thread has ended");
        Watching { end: self.end, record: self.record }
    }
}

impl Watching {
    /// Ends it, when what it has sent has arrived.
    ///
    /// # Panics
    /// When the watcher did.
    pub async fn end(self) -> Record {
        let _ = self.end.send(());
        self.record.await.expect("a record: the watcher's thread says why there is none")
    }
}

/// What the watcher saw.
pub struct Record {
    /// From the moment before the POST to the arrival of the delivery.
    pub events: Delays,
    /// Of answers to `GET /healthz`.
    pub health: Delays,
    /// Events that were acknowledged and did not arrive.
    pub lost: usize,
    /// Requests of the watcher that were not answered as they should be.
    pub wrong: Vec<String>,
    /// The most that the process had in memory (VmHWM).
    pub peak_mib: f64,
    /// What it had in the end.
    pub left_mib: f64,
}

impl Record {
    /// The figures in a line.
    pub fn figures(&self) -> String {
        format!(
            "events {}; healthz {}; memory {:.0} MiB at most, {:.0} in the end",
            self.events, self.health, self.peak_mib, self.left_mib
        )
    }
}

/// Delays, from the shortest to the longest.
pub struct Delays(Vec<Duration>);

impl Delays {
    fn of(mut delays: Vec<Duration>) -> Self {
        delays.sort_unstable();
        Self(delays)
    }

    /// The delay that this share of all does not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.0.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.0.get(at).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Delays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [half, most, all] = [0.5, 0.99, 1.0].map(|share| self.quantile(share).as_millis());
        write!(f, "{}: p50 {half}, p99 {most}, max {all} ms", self.0.len())
    }
}

/// An event that was sent.
struct Sent {
    number: usize,
    at: Instant,
    problem: Option<String>,
}

async fn observe(receiver: &Receiver, watch: Watch, mut ended: oneshot::Receiver<()>) -> Record {
    let nobody = Client::new(&watch.api_url, "");
    let mut next = interval(Duration::from_secs(1) / watch.per_second);
    // Each event at its time, however late the one before is.
    next.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut look = interval(HEALTH_EVERY);
    let mut weigh = interval(MEMORY_EVERY);
    weigh.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut events, mut looks) = (JoinSet::new(), JoinSet::new());
    let (mut number, mut memory) = (0, Memory::default());
    loop {
        tokio::select! {
            _ = next.tick() => {
                events.spawn(send(watch.account.client.clone(), number));
                number += 1;
            }
            _ = look.tick() => {
                looks.spawn(ask(nobody.clone()));
            }
            _ = weigh.tick() => memory.read(watch.pid),
            _ = &mut ended => break,
        }
    }
    let (sent, looks) = (events.join_all().await, looks.join_all().await);
    let taken: Vec<&Sent> = sent.iter().filter(|event| event.problem.is_none()).collect();
    let deadline = Instant::now() + PATIENCE;
    let mut arrived = arrivals(receiver);
    while taken.iter().any(|event| !arrived.contains_key(&event.number))
        && Instant::now() < deadline
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
        arrived = arrivals(receiver);
    }
    memory.read(watch.pid);

    let mut wrong: Vec<String> = sent.iter().filter_map(|event| event.problem.clone()).collect();
    let mut health = Vec::new();
    for look in looks {
        match look {
            Ok(took) => health.push(took),
            Err(problem) => wrong.push(problem),
        }
    }
    wrong.extend(memory.gone.then(|| "the process has ended".to_owned()));
    let took = |event: &&Sent| Some(arrived.get(&event.number)?.duration_since(event.at));
    let events: Vec<Duration> = taken.iter().filter_map(took).collect();
    Record {
        lost: taken.len() - events.len(),
        events: Delays::of(events),
        health: Delays::of(health),
        wrong,
        peak_mib: memory.peak_mib,
        left_mib: memory.now_mib,
    }
}

async fn send(client: Client, number: usize) -> Sent {
    let at = Instant::now();
    let event = json!({ "type": "quiet.event", "data": { "n": number } }).to_string();
    let answer = client.try_request("POST", "/v1/events", &[], event);
    let problem = match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) if answer.status == 202 => None,
        Ok(Ok(answer)) => Some(format!("event {number}: {} {}", answer.status, answer.text)),
        Ok(Err(error)) => Some(format!("event {number}: {error}")),
        Err(_) => Some(format!("event {number}: no answer in {PATIENCE:?}")),
    };
    Sent { number, at, problem }
}

async fn ask(client: Client) -> Result<Duration, String> {
    let at = Instant::now();
    match tokio::time::timeout(PATIENCE, client.try_request("GET", "/healthz", &[], "")).await {
        Ok(Ok(answer)) if answer.status == 200 => Ok(at.elapsed()),
        Ok(Ok(answer)) => Err(format!("GET /healthz: {} {}", answer.status, answer.text)),
        Ok(Err(error)) => Err(format!("GET /healthz: {error}")),
        Err(_) => Err(format!("GET /healthz: no answer in {PATIENCE:?}")),
    }
}

/// When each event came first.
fn arrivals(receiver: &Receiver) -> HashMap<usize, Instant> {
    let mut arrived = HashMap::new();
    for request in receiver.requests("/hook") {
        let number = request.json()["data"]["n"].as_u64().expect("a number") as usize;
        arrived.entry(number).or_insert(request.at);
    }
    arrived
}

/// What the kernel says of a process' memory.
#[derive(Default)]
struct Memory {
    peak_mib: f64,
    now_mib: f64,
    gone: bool,
}

impl Memory {
    fn read(&mut self, pid: u32) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
        };
        // A process that has ended and whose parent has not asked yet has no memory.
        match (mib("VmHWM:"), mib("VmRSS:")) {
            (Some(peak), Some(now)) => (self.peak_mib, self.now_mib) = (peak, now),
            _ => self.gone = true,
        }
    }
}
