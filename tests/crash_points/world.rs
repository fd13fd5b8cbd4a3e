//! The functions' real code over the one-machine stack's services, one call at a time, at a time of
//! its own: nothing here waits for a clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use axum::Router;
use axum::body::Body;
use jiff::{SignedDuration, Timestamp};
use posthorn::aws::scheduler::Firing;
use posthorn::aws::{DataDir, LocalAws};
use posthorn::door::Hosts;
use posthorn::event_source::batch;
use posthorn::stack::{create_resources, settings};
use posthorn::template::{BUILT_IN, Template};
use posthorn_deliver::Deliver;
use posthorn_dispatch::Dispatch;
use posthorn_end_to_end::Receiver;
use posthorn_retry::{Retry, RetryEvent, RetryOutcome};
use posthorn_shared::account_view::FORGOTTEN_AFTER;
use posthorn_shared::aws_endpoint::{AwsEndpoint, AwsKey};
use posthorn_shared::clock::Clock;
use posthorn_shared::deployment_key::DeploymentKey;
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::due::Bucket;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::settings::Settings;
use posthorn_shared::store::{Store, SweepCursor};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::faults::{Faults, FaultyClient, Life};

const ADMIN_KEY: &str = "the admin key of these tests";
/// How far the time goes on when there is nothing to do.
const STEP: Duration = Duration::from_secs(60);
/// After this time every wake-up should have come, and the sweep looks after those that have not.
const SWEEP_AFTER: Duration = Duration::from_secs(300);
/// A run that has not come to rest by then goes in circles.
const MAX_STEPS: usize = 2_000;
/// A client gives up then: it has tried for longer than a task that stalled keeps others from
/// starting.
const MAX_TRIES: usize = 60;

const MILLIS_PER_HOUR: i64 = 3_600_000;

/// A process of a function: its caches and connections, for as long as it lives; and the next one.
struct Process<F> {
    machine: Machine,
    start: fn(Runtime) -> F,
    function: F,
    life: Life,
}

impl<F> Process<F> {
    fn start(machine: &Machine, start: fn(Runtime) -> F) -> Self {
        let life = Life::begin();
        let function = start(machine.runtime(life.clone()));
        Self { machine: machine.clone(), start, function, life }
    }

    fn restart(&mut self) {
        *self = Self::start(&self.machine, self.start);
    }

    /// What it answers; `None` when it died meanwhile, and another took its place.
    async fn run<T>(&mut self, call: impl AsyncFnOnce(&F) -> T) -> Option<T> {
        let answer = tokio::select! {
            biased;
            () = self.life.over() => None,
            answer = call(&self.function) => Some(answer),
        };
        if answer.is_none() {
            self.restart();
        }
        answer
    }
}

/// What processes run on.
#[derive(Clone)]
struct Machine {
    http: SharedHttpClient,
    faults: Faults,
    services: AwsEndpoint,
    clock: Clock,
    settings: Settings,
}

impl Machine {
    fn runtime(&self, life: Life) -> Runtime {
        let (inner, faults, services) =
            (self.http.clone(), self.faults.clone(), self.services.clone());
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.services.url)
            .credentials_provider(SharedCredentialsProvider::new(self.services.key.credentials()))
            .http_client(SharedHttpClient::new(FaultyClient { inner, faults, life, services }))
            // Whatever goes wrong with a call is the function's to deal with, not the SDK's.
            .retry_config(RetryConfig::disabled())
            .build();
        Runtime::with_config(self.settings.clone(), &config, self.clock.clone())
    }
}

/// An account's answer to a request.
pub struct Answer {
    pub status: u16,
    pub json: Value,
}

impl Answer {
    /// Whether the request is being answered already, and not refused for something else.
    fn is_under_way(&self) -> bool {
        self.status == 409 && self.json["detail"].to_string().contains("Idempotency-Key")
    }
}

/// One deployment, with an account and a receiver.
pub struct World {
    pub faults: Faults,
    pub receiver: Receiver,
    aws: LocalAws,
    time: Arc<AtomicI64>,
    template: Template,
    /// Of nobody's process, for whoever looks on: its calls neither count nor fail.
    onlooker: Runtime,
    api: Process<Router>,
    dispatch: Process<Dispatch>,
    deliver: Process<Deliver>,
    retry: Process<Retry>,
    account_key: String,
    requests: usize,
    slowest: Duration,
    deletes_are_lost: bool,
    /// Messages whose first deletion was lost.
    lost_deletes: BTreeSet<String>,
}

/// What the functions' random numbers are made from: with the same seed they are the same, so that
/// ids, shards and the minutes of retries are, and with them the calls.
#[derive(Debug, Clone, Copy)]
pub struct Seed(u128);

impl Seed {
    /// The one of the environment, or a new one.
    pub fn take() -> Self {
        let given = std::env::var("POSTHORN_CRASH_POINTS_SEED");
        let given = given.map(|text| text.parse().expect("a whole number"));
        Self(given.unwrap_or_else(|_| Clock::system().random()))
    }

    fn numbers(self) -> impl Fn() -> u128 + Send + Sync {
        let count = AtomicU64::new(0);
        move || {
            let count = count.fetch_add(1, Ordering::Relaxed);
            let digest = sha256_hex(&format!("{} {count}", self.0));
            u128::from_str_radix(&digest[..32], 16).expect("hexadecimal digits")
        }
    }
}

impl std::fmt::Display for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl World {
    pub async fn create(seed: Seed) -> Self {
        // On the hour, so that minutes and hours end where they did in every other run.
        let hour = Timestamp::now().as_millisecond() / MILLIS_PER_HOUR * MILLIS_PER_HOUR;
        let time = Arc::new(AtomicI64::new(hour));
        let now = {
            let time = Arc::clone(&time);
            move || {
                let millis = time.load(Ordering::Relaxed);
                Timestamp::from_millisecond(millis).expect("a time")
            }
        };
        let clock = Clock::fixed(now.clone(), seed.numbers());
        // The services have numbers of their own: they are not asked in the same order every time.
        let system = Clock::system();
        let theirs = Clock::fixed(now, move || system.random());
        let aws = LocalAws::open_at(DataDir::Memory, &theirs).expect("services in memory");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let services = AwsEndpoint { url, key: AwsKey::generate(&Clock::system()) };
        aws.sqs.set_endpoint(&services.url);
        let router = aws.router(services.key.clone(), Hosts::default());
        tokio::spawn(async move { axum::serve(listener, router).await });

        let template = Template::parse(BUILT_IN, &services.url).expect("the template");
        let mut settings = settings(&template).expect("its settings");
        settings.admin_key_sha256 = Some(sha256_hex(ADMIN_KEY));
        settings.allowed_networks = "127.0.0.0/8".parse().expect("a network");
        settings.deployment_key = Some(DeploymentKey::new(&"k".repeat(52)).expect("a key"));
        let faults = Faults::default();
        let http = aws_smithy_http_client::Builder::new().build_http();
        let machine = Machine { http, faults: faults.clone(), services, clock, settings };
        let onlooker = Machine { faults: Faults::default(), ..machine.clone() };
        let onlooker = onlooker.runtime(Life::begin());
        create_resources(&aws, &onlooker, &template).await.expect("queues and table");

        let mut world = Self {
            api: Process::start(&machine, posthorn_api::router),
            dispatch: Process::start(&machine, Dispatch::new),
            deliver: Process::start(&machine, Deliver::new),
            retry: Process::start(&machine, Retry::new),
            faults,
            receiver: Receiver::start().await,
            aws,
            time,
            template,
            onlooker,
            account_key: String::new(),
            requests: 0,
            slowest: Duration::ZERO,
            deletes_are_lost: false,
            lost_deletes: BTreeSet::new(),
        };
        // The sweep's cursor is where it is in a deployment that runs.
        world.move_sweep_cursor(Bucket::of(world.now(), 1.0)).await;
        world.create_account().await;
        world
    }

    async fn create_account(&mut self) {
        let account = json!({ "id": "acme", "name": "Acme" });
        let created = self.admin("POST", "/v1/accounts", account).await;
        // 409: a try before, whose answer was lost, has created it.
        assert!([201, 409].contains(&created.status), "{}", created.json);
        let key = json!({ "name": "tests", "scopes": ["manage"] });
        let key = self.admin("POST", "/v1/accounts/acme/keys", key).await;
        key.json["key"].as_str().expect("a key").clone_into(&mut self.account_key);
    }

    /// Deletes the account, and creates another with its id.
    pub async fn make_account_again(&mut self) {
        let deleted = self.admin("DELETE", "/v1/accounts/acme", Value::Null).await;
        // 404: a try before has deleted it.
        assert!([204, 404].contains(&deleted.status), "{}", deleted.json);
        // Creating it would wait for that.
        self.pass(FORGOTTEN_AFTER);
        self.create_account().await;
    }

    /// New processes, as after a pause; then the scenario counts.
    pub fn begin(&mut self, strike: Option<(usize, crate::faults::Fault)>) {
        self.api.restart();
        self.dispatch.restart();
        self.deliver.restart();
        self.retry.restart();
        self.faults.begin(strike);
    }

    /// From now on every message has to be deleted twice.
    pub fn lose_deletes(&mut self) {
        self.deletes_are_lost = true;
    }

    /// Lets the time go on.
    pub fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).expect("no eternity");
        self.time.fetch_add(millis, Ordering::Relaxed);
    }

    /// The beginning of what happened here.
    pub fn since_yesterday(&self) -> String {
        let day = SignedDuration::from_hours(24);
        self.now().saturating_sub(day).expect("a time").to_string()
    }

    pub fn now(&self) -> Timestamp {
        self.onlooker.clock.now()
    }

    // --- a client ------------------------------------------------------------------------------

    /// Asks as the account does, and again with the same `Idempotency-Key` until there is an answer.
    pub async fn post(&mut self, path: &str, body: Value) -> Value {
        let key = self.account_key.clone();
        let answer = self.request(&key, "POST", path, body).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.json);
        answer.json
    }

    /// Starts a recover or a replay, lets it do its work, and sees that it came to its end: it, or
    /// the one that is said to be on already.
    pub async fn carry_out(&mut self, path: &str, body: Value) {
        let key = self.account_key.clone();
        let answer = self.request(&key, "POST", path, body).await;
        let text = answer.json.to_string();
        let id = text.split(|c: char| c != '_' && !c.is_alphanumeric());
        let id = id.into_iter().find(|word| word.starts_with("task_") && *word != "task_id");
        let id = id.unwrap_or_else(|| panic!("{path}: {text}")).to_owned();
        self.settle().await;
        let task = self.get(&format!("/v1/tasks/{id}")).await;
        assert_eq!(task["status"], "completed", "{task}, after {text}");
    }

    pub async fn get(&mut self, path: &str) -> Value {
        let key = self.account_key.clone();
        let answer = self.request(&key, "GET", path, Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json);
        answer.json
    }

    /// As the platform team asks.
    pub async fn admin(&mut self, method: &str, path: &str, body: Value) -> Answer {
        self.request(ADMIN_KEY, method, path, body).await
    }

    async fn request(&mut self, key: &str, method: &str, path: &str, body: Value) -> Answer {
        self.requests += 1;
        let idempotency_key = format!("request-{}", self.requests);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        for _ in 0..MAX_TRIES {
            let request = http::Request::builder()
                .method(method)
                .uri(path)
                .header("authorization", format!("Bearer {key}"))
                .header("content-type", "application/json")
                .header("idempotency-key", &idempotency_key)
                .body(Body::from(body.clone()))
                .expect("a request");
            let answer = self
                .api
                .run(async |router| {
                    let response = router.clone().oneshot(request).await.expect("no failure");
                    let status = response.status().as_u16();
                    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await;
                    let bytes = bytes.expect("a body");
                    Answer { status, json: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
                })
                .await;
            match answer {
                Some(answer) if answer.status < 500 && !answer.is_under_way() => return answer,
                _ => {}
            }
            // Longer than a request may be under way.
            self.pass(Duration::from_secs(90));
        }
        panic!("{method} {path} had no answer in {MAX_TRIES} tries")
    }

    /// Pushes an event to the events queue as a producer does, whose calls are not ours.
    pub async fn push(&self, event: &Value) {
        let send = self.onlooker.sqs.send_message();
        send.queue_url(&self.onlooker.settings.events_queue_url)
            .message_body(event.to_string())
            .send()
            .await
            .expect("sent");
    }

    // --- what AWS does -------------------------------------------------------------------------

    /// Calls the functions with whatever waits for them, lets the time go on when nothing does, and
    /// sweeps in the end; until all is quiet.
    pub async fn settle(&mut self) {
        for _ in 0..MAX_STEPS {
            if self.work().await {
                continue;
            }
            if self.queues_hold_something().await {
                self.pass(STEP);
                continue;
            }
            // Schedules are named after the time at which they fire.
            let wake_ups = self.wake_ups().await;
            let times = wake_ups.iter().filter_map(|name| name.split('-').nth(1)?.parse().ok());
            if let Some(next) = times.min().map(Bucket::start) {
                // One whose call has failed is called again a little later.
                let ahead = Duration::try_from(next.duration_since(self.now())).unwrap_or_default();
                self.pass(ahead.max(STEP));
                continue;
            }
            self.pass(SWEEP_AFTER);
            self.skip_sweeps().await;
            // One that was struck is done by the next, a minute later.
            if !matches!(self.sweep().await, Some(outcome) if outcome.sent == 0) {
                continue;
            }
            // Retries whose schedule could not be created, and whose time has not come.
            match self.first_open_bucket().await {
                Some(bucket) => {
                    let ahead = Duration::try_from(bucket.start().duration_since(self.now()));
                    self.pass(ahead.unwrap_or_default());
                }
                None => return,
            }
        }
        let (calls, left) = (self.faults.calls(), self.leftovers().await);
        let last = &calls[calls.len().saturating_sub(12)..];
        panic!("no rest in {MAX_STEPS} steps; left: {left:?}; the last calls: {last:?}");
    }

    /// Calls the functions as long as something waits for them, without letting the time go on;
    /// answers how long the slowest call by a schedule took.
    pub async fn work_off(&mut self) -> Duration {
        self.slowest = Duration::ZERO;
        while self.work().await {}
        self.slowest
    }

    /// One round of calls; answers whether there were any.
    async fn work(&mut self) -> bool {
        let mut worked = false;
        for name in ["dispatch", "deliver", "retry"] {
            let sources = self.template.function(name).expect("a function").sources.clone();
            for source in sources {
                let sqs = &self.aws.sqs;
                let received = sqs.receive(&source.queue, source.batch_size, None, Duration::ZERO);
                let received = received.await.expect("a queue");
                if received.is_empty() {
                    continue;
                }
                worked = true;
                let receipts: Vec<_> = received
                    .iter()
                    .map(|message| (message.message_id.clone(), message.receipt_handle.clone()))
                    .collect();
                let event = batch(received, &sqs.queue_arn(&source.queue));
                let Some(response) = self.invoke(name, event).await else { continue };
                let failed: BTreeSet<_> =
                    response.batch_item_failures.into_iter().map(|f| f.item_identifier).collect();
                let done = receipts.into_iter().filter(|(id, _)| {
                    // A message that was not deleted comes back when its time is over.
                    let lost = self.deletes_are_lost && self.lost_deletes.insert(id.clone());
                    !failed.contains(id) && !lost
                });
                let done: Vec<_> = done.map(|(_, receipt)| receipt).collect();
                self.aws.sqs.delete_batch(&source.queue, &done).await.expect("deleted");
            }
        }
        for firing in self.due() {
            worked = true;
            let event: RetryEvent = serde_json::from_str(&firing.input).expect("an event of ours");
            let began = Instant::now();
            let outcome = self.retry.run(async |retry| retry.handle(event).await).await;
            self.slowest = self.slowest.max(began.elapsed());
            let (now, scheduler) = (self.now(), &self.aws.scheduler);
            match outcome {
                Some(Ok(_)) => scheduler.completed(&firing, now).expect("noted"),
                Some(Err(_)) | None => scheduler.failed(&firing, now).expect("noted"),
            }
        }
        worked
    }

    async fn invoke(&mut self, name: &str, event: SqsEvent) -> Option<SqsBatchResponse> {
        match name {
            "dispatch" => self.dispatch.run(async |dispatch| dispatch.handle(event).await).await,
            "deliver" => self.deliver.run(async |deliver| deliver.handle(event).await).await,
            _ => self.retry.run(async |retry| retry.handle_tasks(event).await).await,
        }
    }

    /// Schedules of due retries that have come; those of the template are called by hand.
    fn due(&self) -> Vec<Firing> {
        let due = self.aws.scheduler.due(self.now(), 100).expect("schedules");
        let (due, others): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|firing| firing.name.starts_with("due-"));
        for other in others {
            self.aws.scheduler.completed(&other, self.now()).expect("noted");
        }
        due
    }

    /// Sweeps that found nothing to do have brought the cursor to the first minute that is not done.
    async fn skip_sweeps(&self) {
        let recent = self.now().saturating_sub(SignedDuration::from_mins(4)).expect("a time");
        let first = self.first_open_bucket().await;
        self.move_sweep_cursor(first.unwrap_or_else(|| Bucket::of(recent, 1.0))).await;
    }

    /// Every event is found by the mark of its hour, or not at all.
    async fn move_sweep_cursor(&self, bucket: Bucket) {
        let events_marked_from = Some(Timestamp::UNIX_EPOCH);
        let cursor = SweepCursor { bucket, events_marked_from };
        Store::new(&self.onlooker).move_sweep_cursor(cursor).await.expect("a cursor");
    }

    async fn sweep(&mut self) -> Option<RetryOutcome> {
        let sweep = RetryEvent::Sweep { sweep: true };
        self.retry.run(async |retry| retry.handle(sweep).await).await?.ok()
    }

    /// Whether a queue that a function reads holds anything, visible or not.
    async fn queues_hold_something(&self) -> bool {
        for name in ["events", "deliveries", "tasks"] {
            if self.waiting(name).await > 0 {
                return true;
            }
        }
        false
    }

    async fn waiting(&self, name: &str) -> usize {
        let depth = self.aws.sqs.depth(&format!("posthorn-{name}")).await.expect("a queue");
        depth.visible + depth.in_flight + depth.delayed
    }

    /// Schedules of due retries.
    pub async fn wake_ups(&self) -> Vec<String> {
        let list = self.onlooker.scheduler.list_schedules().name_prefix("due-");
        let group = &self.onlooker.settings.schedule_group;
        let found = list.group_name(group).send().await.expect("a list");
        found.schedules().iter().filter_map(|schedule| schedule.name().map(str::to_owned)).collect()
    }

    // --- what is left --------------------------------------------------------------------------

    /// What should not be there any more.
    pub async fn leftovers(&self) -> Vec<String> {
        let mut left = Vec::new();
        for name in ["events", "deliveries", "tasks", "events-dlq", "deliveries-dlq", "tasks-dlq"] {
            let count = self.waiting(name).await;
            if count > 0 {
                left.push(format!("{count} messages on {name}"));
            }
        }
        left.extend(self.wake_ups().await);
        let open = self.open_buckets().await.into_iter();
        left.extend(open.map(|(bucket, rows)| format!("{bucket} not done: {rows:?}")));
        left
    }

    async fn first_open_bucket(&self) -> Option<Bucket> {
        let open = self.open_buckets().await;
        open.iter().filter_map(|(pk, _)| pk.split('#').nth(1)?.parse().ok()).min()
    }

    /// Minutes' shards that have rows and are not marked as done.
    async fn open_buckets(&self) -> Vec<(String, BTreeSet<String>)> {
        let mut buckets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let scan = self.onlooker.dynamodb.scan().table_name(&self.onlooker.settings.table);
        let mut items = scan.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.expect("a scan");
            let text = |name: &str| item[name].as_s().cloned().unwrap_or_default();
            if text("pk").starts_with("DUE#") {
                buckets.entry(text("pk")).or_default().insert(text("sk"));
            }
        }
        buckets.into_iter().filter(|(_, rows)| !rows.contains("#DONE")).collect()
    }
}
