//! The deliver function: makes one attempt per message of the deliveries queue, all messages of a
//! batch side by side, and plans what comes next.
//!
//! The order of writes is what makes it safe to be killed anywhere: first the delivery's item, then
//! the wake-up of its next attempt, then the message leaves the queue. A message that comes back
//! finds its attempt on record and only makes sure of the wake-up.

mod attempt;
mod connector;
mod exchange;
mod failing;
mod gate;
mod header_case;
#[cfg(test)]
mod hostile_tests;
mod kept_response;
mod lanes;
mod measures;
mod newcomers;
mod pace;
mod plan;
mod span;
mod tally;
mod target;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::{BoxFuture, FutureExt as _, join_all};
use futures::stream::{self, BoxStream, FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use posthorn_shared::account_view::AccountViews;
use posthorn_shared::delivery::Delivery;
use posthorn_shared::delivery_message::{DeliveryMessage, InvalidMessage};
use posthorn_shared::due::{Bucket, DueRetry};
use posthorn_shared::ids::{EndpointId, EventKey};
use posthorn_shared::operational::Reporter;
use posthorn_shared::queue::{self, MESSAGE_ID_ATTRIBUTE, Outgoing, REASON_ATTRIBUTE};
use posthorn_shared::response_rules::Verdict;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::stats::Counters;
use posthorn_shared::store::Store;
use posthorn_shared::stored_event::StoredEvent;
use posthorn_shared::wake_up::WakeUps;

use attempt::Attempts;
use failing::Failing;
use gate::{Gate, Sign};
use lanes::Lanes;
use measures::Measures;
use newcomers::Newcomers;
use pace::{Pace, Ready, Turn};
use plan::{Next, Step};
use tally::Tally;
use target::{Known, Target, Targets};

/// Messages of a batch as large as Lambda makes them here (`BatchSize` in the template).
const FULL_BATCH: usize = 10;
/// Attempts that end within this time of each other are put on record with one call. It bounds
/// for how long a crash can make one come twice.
const TOGETHER: Duration = Duration::from_millis(200);

/// The function's state: lives as long as the process, its connections with it.
pub struct Deliver {
    runtime: Runtime,
    store: Store,
    targets: Targets,
    attempts: Attempts,
    gate: Gate,
    newcomers: Newcomers,
    pace: Pace,
    lanes: Lanes,
    wake_ups: WakeUps,
    tally: Tally,
    reporter: Reporter,
}

/// A message of the batch, read.
struct Received {
    message_id: String,
    /// Whether this message has been received before.
    again: bool,
    message: DeliveryMessage,
}

impl Received {
    fn subject(&self) -> (EndpointId, EventKey) {
        (self.message.endpoint.clone(), self.message.key.clone())
    }

    /// Whether the delivery may have a history. Of a first attempt it is known that it has none,
    /// which saves the read.
    fn has_history(&self) -> bool {
        let message = &self.message;
        self.again || message.check || message.attempt > 1
    }
}

/// Everything a batch's attempts need, read in three batched calls at the most.
struct Loaded {
    known: Known,
    history: HashMap<(EndpointId, EventKey), Delivery>,
    events: HashMap<EventKey, StoredEvent>,
}

/// A message that is done with, what is to be written of it, and what its attempt says of the
/// endpoint.
type Ended = (String, Step, Option<Heard>);

/// What an attempt says of its endpoint.
struct Heard {
    target: Arc<Target>,
    sign: Sign,
    /// Whether it is the first success there.
    proves: bool,
}

/// What became of messages that ended together.
#[derive(Default)]
struct Concluded {
    steps: usize,
    heard: Vec<Heard>,
    /// For the statistics.
    counted: Vec<(Arc<Target>, Counters)>,
    /// Those that have to come back.
    lost: HashSet<String>,
}

impl Loaded {
    fn history_of(&self, message: &DeliveryMessage) -> Option<&Delivery> {
        self.history.get(&(message.endpoint.clone(), message.key.clone()))
    }
}

impl Deliver {
    pub fn new(runtime: Runtime) -> Self {
        let store = Store::new(&runtime);
        let dialects = &runtime.settings.dialects;
        let accounts = AccountViews::new(store.clone(), dialects.clone());
        let reporter = Reporter::new(runtime.clone(), accounts);
        let targets = Targets::new(store.clone(), dialects.clone(), reporter.clone());
        let failing = Failing::new(store.clone(), targets.clone(), runtime.settings.disable_after);
        Self {
            attempts: Attempts::new(&runtime),
            gate: Gate::new(&runtime, targets.clone()),
            newcomers: Newcomers::new(&runtime, store.clone(), targets.clone()),
            pace: Pace::new(&runtime, store.clone()),
            lanes: Lanes::new(),
            reporter,
            targets,
            wake_ups: WakeUps::new(runtime.clone()),
            tally: Tally::new(store.clone(), failing),
            store,
            runtime,
        }
    }

    /// Handles one batch, and answers which of its messages have to come back.
    /// Boxed, so that it is compiled here once, not again in each program that awaits it.
    pub fn handle(&self, batch: SqsEvent) -> BoxFuture<'_, SqsBatchResponse> {
        self.attempt_all(batch).boxed()
    }

    async fn attempt_all(&self, batch: SqsEvent) -> SqsBatchResponse {
        let mut failed: Vec<String> = Vec::new();
        let (received, unreadable) = read(batch);
        self.bury(unreadable, &mut failed).await;

        // Two messages for one delivery in one batch: the second waits for the first one's end.
        let mut subjects = HashSet::new();
        let (received, twice): (Vec<_>, Vec<_>) =
            received.into_iter().partition(|received| subjects.insert(received.subject()));
        failed.extend(twice.into_iter().map(|received| received.message_id));

        let loaded = match self.load(&received).await {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::warn!(%error, "batch stays on the queue");
                failed.extend(received.into_iter().map(|received| received.message_id));
                return response(failed);
            }
        };
        let (mut steps, mut ready) = (Vec::with_capacity(received.len()), Vec::new());
        for Received { message_id, again, message } in received {
            if loaded.known.unreadable.contains(&message.endpoint) {
                failed.push(message_id);
                continue;
            }
            let id = (message.account.clone(), message.endpoint.clone());
            let target = loaded.known.targets.get(&id);
            let history = loaded.history_of(&message);
            match plan::before_attempt(&message, again, target, history, self.time()) {
                plan::Before::Conclude(step) => steps.push((message_id, step)),
                plan::Before::Attempt(target) => {
                    ready.push(Ready { message_id, message, target: Arc::clone(target) });
                }
            }
        }
        let (passed, mut turns) = self.gate.pass(ready).await;
        let (passed, postponed) = self.newcomers.pass(passed).await;
        turns.extend(postponed);
        let mut limited = HashMap::<EndpointId, Vec<Ready>>::new();
        for ready in passed {
            match self.pace.turn(&ready) {
                Some(turn) => turns.push((ready, turn)),
                None => limited.entry(ready.message.endpoint.clone()).or_default().push(ready),
            }
        }
        // Nobody waits for the slots of somebody else.
        let in_slots = limited.into_values().map(|ready| self.take_in_slots(ready, &loaded));
        let in_slots = stream::select_all(in_slots);
        let decided = stream::iter(steps.into_iter().map(|(id, step)| (id, step, None)));
        let ended = decided.chain(stream::select(self.take(turns, &loaded), in_slots));
        // Nor for the answers of somebody else: what has ended is put on record.
        let concluded = tokio_stream::StreamExt::chunks_timeout(ended, FULL_BATCH, TOGETHER)
            .map(|ended| self.conclude(ended))
            .buffer_unordered(FULL_BATCH)
            .collect::<Vec<_>>()
            .await;
        let (mut heard, mut counted, mut steps) = (Vec::new(), Vec::new(), 0);
        for one in concluded {
            steps += one.steps;
            heard.extend(one.heard);
            counted.extend(one.counted);
            failed.extend(one.lost);
        }
        let full = steps >= FULL_BATCH;
        self.tally.count(counted.into_iter(), full, self.runtime.clock.now()).await;
        let proven = heard.iter().filter(|heard| heard.proves);
        self.newcomers.prove(proven.map(|heard| Arc::clone(&heard.target)).collect()).await;
        self.gate.learn(heard.into_iter().map(|heard| (heard.target, heard.sign)).collect()).await;
        self.runtime.invocation_ends().await;
        response(failed)
    }

    async fn load(
        &self,
        received: &[Received],
    ) -> Result<Loaded, posthorn_shared::store::StoreError> {
        let wanted =
            received.iter().map(|r| (r.message.account.clone(), r.message.endpoint.clone()));
        let history = received.iter().filter(|r| r.has_history()).map(Received::subject);
        let by_reference: Vec<_> = received
            .iter()
            .filter(|r| r.message.payload.is_none() && !r.message.undecided)
            .map(|r| (r.message.account.clone(), r.message.key.clone()))
            .collect();
        let (known, history, events) = futures::future::try_join3(
            self.targets.get(wanted.collect()),
            self.store.deliveries(history),
            async {
                if by_reference.is_empty() {
                    return Ok(HashMap::new());
                }
                self.store.events(&by_reference).await
            },
        )
        .await?;
        Ok(Loaded { known, history, events })
    }

    fn take<'a>(
        &'a self,
        turns: Vec<(Ready, Turn)>,
        loaded: &'a Loaded,
    ) -> FuturesUnordered<BoxFuture<'a, Ended>> {
        turns.into_iter().map(|turn| self.take_turn(turn, loaded).boxed()).collect()
    }

    fn take_in_slots<'a>(&'a self, ready: Vec<Ready>, loaded: &'a Loaded) -> BoxStream<'a, Ended> {
        let turns = self.pace.reserve(ready);
        turns.map(|turns| self.take(turns, loaded)).flatten_stream().boxed()
    }

    /// Makes an attempt when it is its turn, or sees to it that it comes again then.
    async fn take_turn(&self, (ready, mut turn): (Ready, Turn), loaded: &Loaded) -> Ended {
        let Ready { message_id, message, target } = ready;
        let mut place = None;
        if let Turn::Now(pause) = turn {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            match self.lanes.place(&message.endpoint).await {
                Ok(free) => place = Some(free),
                Err(rest) => turn = self.pace.rest(&message, rest),
            }
        }
        if let Turn::Later(next) = turn {
            let record = plan::Record { wake_up: Some(next), ..plan::Record::default() };
            return (message_id, Some(Box::new(record)), None);
        }
        let event = loaded.events.get(&message.key);
        // The event expired: nothing to send, nobody to tell.
        let Some(made) = self.attempts.make(&message, &target, event).await else {
            return (message_id, None, None);
        };
        let attempt = &made.attempt;
        self.runtime.traces.record(&message.key, || span::of_attempt(&message, attempt));
        let sign = Sign::of(&made.attempt);
        let delivered = target.dialect.response.judge(attempt.status_code) == Verdict::Delivered;
        // What the guard has stopped never came there.
        let proves = sign != Sign::None && self.newcomers.note(&target.endpoint, delivered);
        if let Some(place) = place {
            let took = Duration::from_millis(made.attempt.duration_ms);
            place.leave(took, made.attempt.status_code.is_some());
        }
        let (history, unit) = (loaded.history_of(&message), self.runtime.clock.random_unit());
        let step = plan::after_attempt(message, &target, history, made, self.time(), unit);
        (message_id, step, Some(Heard { target, sign, proves }))
    }

    fn time(&self) -> plan::Time {
        plan::Time { now: self.runtime.clock.now(), scale: self.runtime.settings.time_scale }
    }

    /// Writes what happened, then wakes up what comes next; whatever can't be written down brings
    /// its message back.
    async fn conclude(&self, ended: Vec<Ended>) -> Concluded {
        let (steps, heard) = (ended.len(), Vec::with_capacity(ended.len()));
        let mut concluded = Concluded { steps, heard, ..Concluded::default() };
        let (mut writers, mut deliveries) = (Vec::new(), Vec::new());
        let mut next: Vec<(String, Next)> = Vec::new();
        let (mut switch_off, mut counted, mut told) = (Vec::new(), Vec::new(), Vec::new());
        let mut measured = Vec::new();
        for (message_id, step, heard) in ended {
            concluded.heard.extend(heard);
            let Some(record) = step else { continue };
            let plan::Record { delivery, wake_up, switch_off: off, happened, counted: counters } =
                *record;
            told.extend(happened.into_iter().map(|happened| (message_id.clone(), happened)));
            if let Some(delivery) = delivery {
                if let Some((target, counters)) = &counters {
                    let target = Arc::clone(target);
                    let measures = Measures::of(target, counters, &delivery, wake_up.is_some());
                    measured.push((message_id.clone(), measures));
                }
                counted.extend(counters.map(|counters| (message_id.clone(), counters)));
                writers.push(message_id.clone());
                deliveries.push(delivery);
            }
            switch_off.extend(off.map(|off| (message_id.clone(), off)));
            next.extend(wake_up.map(|wake_up| (message_id, wake_up)));
        }

        let scale = self.runtime.settings.time_scale;
        let (mut due_owners, mut due) = (Vec::new(), Vec::new());
        let mut queued = Vec::new();
        for (message_id, next) in next {
            match next {
                Next::Due(retry) => {
                    due_owners.push(message_id);
                    due.push(retry);
                }
                Next::Queue(message, at) => queued.push((message_id, message, at)),
            }
        }
        let (written, rows) = self.store.put_deliveries(&deliveries, &due, scale).await;
        let mut lost: HashSet<String> = HashSet::new();
        for (owner, result) in
            writers.into_iter().chain(due_owners.clone()).zip(written.into_iter().chain(rows))
        {
            if let Err(error) = result {
                tracing::warn!(message_id = owner, error, "not written; the message comes back");
                lost.insert(owner);
            }
        }
        // Only what is on record has consequences. What is not is attempted again: it would find
        // the next attempt made before it, or its endpoint switched off.
        queued.extend(self.schedule(due_owners.into_iter().zip(due)).await);
        queued.retain(|(owner, ..)| !lost.contains(owner));
        self.enqueue(queued, &mut lost).await;
        for (target, reason) in kept(switch_off, &lost) {
            self.targets.disable(&target.endpoint, reason, self.runtime.clock.now()).await;
        }
        self.reporter.tell(kept(told, &lost).collect()).await;
        for measures in kept(measured, &lost) {
            measures.record(&self.runtime.metrics);
        }
        concluded.counted.extend(kept(counted, &lost));
        concluded.lost = lost;
        concluded
    }

    /// Makes sure of the schedules of the rows just written. Answers those whose bucket has begun
    /// meanwhile and which may have been overlooked: they go by the queue as well.
    async fn schedule(
        &self,
        due: impl Iterator<Item = (String, DueRetry)>,
    ) -> Vec<(String, DeliveryMessage, Timestamp)> {
        let scale = self.runtime.settings.time_scale;
        let (mut buckets, mut begun) = (HashSet::new(), Vec::new());
        for (owner, retry) in due {
            let bucket = Bucket::of(retry.due, scale);
            if bucket.start() <= self.runtime.clock.now() {
                let at = retry.due;
                begun.push((owner, retry.into(), at));
            } else {
                buckets.insert((bucket, retry.shard()));
            }
        }
        let ensured =
            buckets.into_iter().map(|(bucket, shard)| self.wake_ups.ensure(bucket, shard));
        for error in join_all(ensured).await.into_iter().filter_map(Result::err) {
            // No failure of the message: the rows are there, and the sweep finds them.
            tracing::error!(%error, "retries wait for the sweep");
        }
        begun
    }

    async fn enqueue(
        &self,
        queued: Vec<(String, DeliveryMessage, Timestamp)>,
        lost: &mut HashSet<String>,
    ) {
        let now = self.runtime.clock.now();
        let (mut owners, mut outgoing) = (Vec::new(), Vec::new());
        for (owner, message, at) in queued {
            owners.push(owner);
            let delay = at.duration_since(now).try_into().unwrap_or_default();
            outgoing.push(message.outgoing(delay));
        }
        let url = &self.runtime.settings.deliveries_queue_url;
        let sent = queue::send_all(&self.runtime.sqs, url, outgoing).await;
        for (owner, sent) in owners.into_iter().zip(sent) {
            if let Err(error) = sent {
                tracing::warn!(message_id = owner, %error, "retry not sent; the message comes back");
                lost.insert(owner);
            }
        }
    }

    /// Moves what is no delivery message to the dead-letter queue.
    async fn bury(&self, unreadable: Vec<(SqsMessage, InvalidMessage)>, failed: &mut Vec<String>) {
        let (mut ids, mut letters) = (Vec::new(), Vec::new());
        for (message, reason) in unreadable {
            let id = message.message_id.unwrap_or_default();
            tracing::error!(message_id = id, %reason, "no delivery message");
            let attributes =
                vec![(MESSAGE_ID_ATTRIBUTE, id.clone()), (REASON_ATTRIBUTE, reason.to_string())];
            letters.push(Outgoing::dead_letter(message.body.unwrap_or_default(), attributes));
            ids.push(id);
        }
        let url = &self.runtime.settings.deliveries_dead_letter_queue_url;
        let sent = queue::send_all(&self.runtime.sqs, url, letters).await;
        failed
            .extend(ids.into_iter().zip(sent).filter(|(_, sent)| sent.is_err()).map(|(id, _)| id));
    }
}

fn read(batch: SqsEvent) -> (Vec<Received>, Vec<(SqsMessage, InvalidMessage)>) {
    let (mut received, mut unreadable) = (Vec::new(), Vec::new());
    for record in batch.records {
        match DeliveryMessage::parse(record.body.as_deref().unwrap_or_default()) {
            Ok(message) => {
                received.push(Received {
                    again: queue::receive_count(&record.attributes) > 1,
                    message_id: record.message_id.unwrap_or_default(),
                    message,
                });
            }
            Err(reason) => unreadable.push((record, reason)),
        }
    }
    (received, unreadable)
}

/// Without those of the messages that come back.
fn kept<T>(of_messages: Vec<(String, T)>, lost: &HashSet<String>) -> impl Iterator<Item = T> {
    let kept = of_messages.into_iter().filter(|(message_id, _)| !lost.contains(message_id));
    kept.map(|(_, one)| one)
}

fn response(failed: Vec<String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for id in failed {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        response.batch_item_failures.push(failure);
    }
    response
}
