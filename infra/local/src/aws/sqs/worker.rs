//! The one thread that owns the queues.
//!
//! Requests line up in its channel; it takes all that wait, runs them in one SQLite
//! transaction, and answers them after the commit. Under load many share a commit, and alone
//! one waits for nobody. Receives are served last, so that they find what the same round sent.

mod serve;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use posthorn_shared::clock::Clock;
use tokio::sync::oneshot;

use super::Depth;
use super::error::SqsError;
use super::index::{MessageKey, Millis, VisibilityIndex};
use super::message::NewMessage;
use super::queue::{Extras, Queue, QueueSpec};
use super::receipt::Receipt;
use super::store::{Store, StoredMessage};

/// Requests that share a transaction at most: bounds how long the first one waits.
const ROUND: usize = 256;
/// How often expired messages are looked for.
const RETENTION_SWEEP: Millis = 60_000;
/// Expired messages deleted at a time: a sweep must not hold up requests.
const RETENTION_PAGE: usize = 1_000;

/// The queues by name, for whoever needs their attributes without asking the thread.
pub type Directory = Arc<RwLock<BTreeMap<String, Arc<Queue>>>>;
pub type Reply<T> = oneshot::Sender<Result<T, SqsError>>;

/// What the thread can be asked.
pub enum Job {
    PutQueue { spec: QueueSpec, extras: Extras, reply: Reply<()> },
    DeleteQueue { queue: i64, reply: Reply<()> },
    Purge { queue: i64, reply: Reply<()> },
    Depth { queue: i64, reply: Reply<Depth> },
    Send { queue: i64, messages: Vec<NewMessage>, reply: Reply<()> },
    Receive(ReceiveJob),
    Delete { queue: i64, receipts: Vec<Receipt>, reply: Reply<()> },
    ChangeVisibility { queue: i64, changes: Vec<(Receipt, Millis)>, reply: VisibilityReply },
}

/// One result per change.
pub type VisibilityReply = Reply<Vec<Result<(), SqsError>>>;

pub struct ReceiveJob {
    pub queue: i64,
    pub max: usize,
    /// Milliseconds.
    pub visibility: Millis,
    /// Until when to wait for a first message.
    pub deadline: Millis,
    /// Whether the receiver lives in this process.
    pub in_process: bool,
    pub reply: Reply<Vec<Taken>>,
}

/// A received message.
pub struct Taken {
    pub key: MessageKey,
    pub receipt: Receipt,
    pub first_at: Millis,
    pub message: StoredMessage,
}

struct QueueState {
    queue: Arc<Queue>,
    index: VisibilityIndex,
    /// Receives that wait, the longest first.
    waiting: VecDeque<ReceiveJob>,
}

/// Answers one request, given how the commit went.
type Answer = Box<dyn FnOnce(Result<(), &SqsError>) + Send>;

pub struct Worker {
    store: Store,
    directory: Directory,
    queues: HashMap<i64, QueueState>,
    answers: Vec<Answer>,
    /// Why this round can't be committed.
    failure: Option<SqsError>,
    next_sweep: Millis,
    clock: Clock,
}

pub fn now_millis(clock: &Clock) -> Millis {
    clock.now().as_millisecond()
}

impl Worker {
    /// # Errors
    /// When the database can't be read.
    pub fn new(store: Store, directory: Directory, clock: Clock) -> Result<Self, SqsError> {
        let mut worker = Self {
            store,
            directory,
            queues: HashMap::new(),
            answers: Vec::new(),
            failure: None,
            next_sweep: 0,
            clock,
        };
        worker.load(now_millis(&worker.clock))?;
        Ok(worker)
    }

    /// Works until every sender is gone.
    pub fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let wait = self.next_wake().saturating_sub(now_millis(&self.clock)).max(0);
            let first = match jobs.recv_timeout(Duration::from_millis(wait.unsigned_abs())) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let round = first.into_iter().chain(jobs.try_iter().take(ROUND));
            let now = now_millis(&self.clock);
            self.round(round, now);
        }
    }

    fn round(&mut self, jobs: impl Iterator<Item = Job>, now: Millis) {
        for job in jobs {
            self.accept(job, now);
        }
        if now >= self.next_sweep {
            let swept = self.sweep_expired(now);
            self.note_failure(&swept);
        }
        self.serve_receives(now);
        if self.failure.is_none()
            && let Err(error) = self.store.commit()
        {
            self.failure = Some(error.into());
        }
        let failure = self.failure.take();
        if let Some(error) = &failure {
            tracing::error!(%error, "a round of queue requests failed and was undone");
            self.store.roll_back();
            if let Err(error) = self.load(now) {
                // The next round fails likewise and loads again.
                self.failure = Some(error);
            }
        }
        for answer in self.answers.drain(..) {
            answer(failure.as_ref().map_or(Ok(()), Err));
        }
    }

    fn accept(&mut self, job: Job, now: Millis) {
        match job {
            Job::PutQueue { spec, extras, reply } => {
                let result = self.put_queue(spec, extras, now);
                self.answer(reply, result);
            }
            Job::DeleteQueue { queue, reply } => {
                let result = self.delete_queue(queue);
                self.answer(reply, result);
            }
            Job::Purge { queue, reply } => {
                let result = self.purge(queue);
                self.answer(reply, result);
            }
            Job::Depth { queue, reply } => {
                let result = self.state(queue).map(|state| {
                    state.index.release_due(now);
                    state.index.depth()
                });
                self.answer(reply, result);
            }
            Job::Send { queue, messages, reply } => {
                let result = self.send(queue, &messages, now);
                self.answer(reply, result);
            }
            Job::Receive(receive) => match self.queues.get_mut(&receive.queue) {
                Some(state) => state.waiting.push_back(receive),
                None => self.answer(receive.reply, Err(SqsError::QueueDoesNotExist)),
            },
            Job::Delete { queue, receipts, reply } => {
                let result = receipts.iter().try_for_each(|receipt| self.delete(queue, receipt));
                self.answer(reply, result);
            }
            Job::ChangeVisibility { queue, changes, reply } => {
                let changed = changes
                    .iter()
                    .map(|(receipt, timeout)| self.change(queue, receipt, now + timeout, now))
                    .collect();
                self.answer(reply, Ok(changed));
            }
        }
    }

    /// Answers after the commit: a mistake of the caller as it is, a failure of ours to all.
    fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, result: Result<T, SqsError>) {
        self.note_failure(&result);
        self.answers.push(Box::new(move |committed| {
            // Whoever asked may be gone.
            let _ = reply.send(committed.map_err(SqsError::clone).and(result));
        }));
    }

    fn note_failure<T>(&mut self, result: &Result<T, SqsError>) {
        if let Err(error @ SqsError::Internal(_)) = result {
            self.failure.get_or_insert_with(|| error.clone());
        }
    }

    fn state(&mut self, queue: i64) -> Result<&mut QueueState, SqsError> {
        self.queues.get_mut(&queue).ok_or(SqsError::QueueDoesNotExist)
    }

    fn put_queue(&mut self, spec: QueueSpec, extras: Extras, now: Millis) -> Result<(), SqsError> {
        let id = self.store.put_queue(&spec, &extras, now)?;
        let created_at = self.queues.get(&id).map_or(now / 1_000, |state| state.queue.created_at);
        let queue = Arc::new(Queue { id, spec, extras, created_at, modified_at: now / 1_000 });
        self.publish(|names| {
            names.insert(queue.spec.name.clone(), Arc::clone(&queue));
        });
        match self.queues.get_mut(&id) {
            Some(state) => state.queue = queue,
            None => {
                self.queues.insert(id, QueueState::new(queue));
            }
        }
        Ok(())
    }

    fn delete_queue(&mut self, queue: i64) -> Result<(), SqsError> {
        let state = self.queues.remove(&queue).ok_or(SqsError::QueueDoesNotExist)?;
        self.store.delete_queue(queue)?;
        self.publish(|names| {
            names.remove(&state.queue.spec.name);
        });
        for receive in state.waiting {
            self.answer(receive.reply, Err(SqsError::QueueDoesNotExist));
        }
        Ok(())
    }

    fn publish(&self, change: impl FnOnce(&mut BTreeMap<String, Arc<Queue>>)) {
        change(&mut self.directory.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn purge(&mut self, queue: i64) -> Result<(), SqsError> {
        self.state(queue)?.index = VisibilityIndex::default();
        self.store.purge(queue)
    }

    fn send(&mut self, queue: i64, messages: &[NewMessage], now: Millis) -> Result<(), SqsError> {
        let state = self.queues.get_mut(&queue).ok_or(SqsError::QueueDoesNotExist)?;
        let delay = Millis::try_from(state.queue.spec.delay.as_millis()).unwrap_or(0);
        for message in messages {
            let visible_at = now + message.delay.unwrap_or(delay);
            let key = self.store.insert(queue, message, visible_at, now)?;
            state.index.add(key, &message.group, visible_at, now);
        }
        Ok(())
    }

    /// Deletes by the newest handle; what is gone already, or was received again since, is
    /// left alone, as SQS does.
    fn delete(&mut self, queue: i64, receipt: &Receipt) -> Result<(), SqsError> {
        let key = receipt.message;
        let state = self.queues.get_mut(&queue).ok_or(SqsError::QueueDoesNotExist)?;
        let visible_at = if state.index.is_held(key, receipt.count) {
            0
        } else {
            match self.store.last_receive(queue, key)? {
                Some((count, visible_at)) if count == receipt.count => visible_at,
                _ => return Ok(()),
            }
        };
        self.store.delete(key)?;
        state.index.remove(key, visible_at);
        Ok(())
    }

    fn change(
        &mut self,
        queue: i64,
        receipt: &Receipt,
        until: Millis,
        now: Millis,
    ) -> Result<(), SqsError> {
        let key = receipt.message;
        let state = self.queues.get_mut(&queue).ok_or(SqsError::QueueDoesNotExist)?;
        state.index.release_due(now);
        if state.index.is_held(key, receipt.count) && state.index.change(key, until, now) {
            let changed = self.store.set_visible_at(key, until);
            self.note_failure(&changed);
            return changed;
        }
        match self.store.last_receive(queue, key)? {
            Some(_) => Err(SqsError::MessageNotInflight),
            None => Err(SqsError::InvalidParameterValue(format!(
                "Value {} for parameter ReceiptHandle is invalid. Reason: Message does not exist \
                 or is not available for visibility timeout change.",
                receipt.encode()
            ))),
        }
    }

    fn sweep_expired(&mut self, now: Millis) -> Result<(), SqsError> {
        let mut more = false;
        for (id, state) in &mut self.queues {
            let retention = Millis::try_from(state.queue.spec.retention.as_millis()).unwrap_or(0);
            let oldest = Store::first_key_at(now - retention);
            let expired = self.store.sent_before(*id, oldest, RETENTION_PAGE)?;
            more |= expired.len() == RETENTION_PAGE;
            for (key, visible_at) in expired {
                self.store.delete(key)?;
                state.index.remove(key, visible_at);
            }
        }
        self.next_sweep = if more { now } else { now + RETENTION_SWEEP };
        Ok(())
    }

    /// Builds everything in memory from the database; receives that wait go on waiting.
    fn load(&mut self, now: Millis) -> Result<(), SqsError> {
        let mut before = std::mem::take(&mut self.queues);
        for queue in self.store.queues()? {
            let mut state = QueueState::new(Arc::new(queue));
            if let Some(old) = before.remove(&state.queue.id) {
                state.waiting = old.waiting;
            }
            self.queues.insert(state.queue.id, state);
        }
        let queues = &mut self.queues;
        self.store.positions(now, |position| {
            let Some(state) = queues.get_mut(&position.queue) else {
                return;
            };
            let (key, group) = (position.key, position.group.as_str());
            match position.held {
                Some(count) => state.index.add_held(key, group, position.visible_at, count),
                None => state.index.add(key, group, position.visible_at, now),
            }
        })?;
        let names: BTreeMap<_, _> = self
            .queues
            .values()
            .map(|state| (state.queue.spec.name.clone(), Arc::clone(&state.queue)))
            .collect();
        self.publish(|directory| *directory = names);
        Ok(())
    }

    /// When something becomes due by itself.
    fn next_wake(&self) -> Millis {
        let due = self.queues.values().flat_map(|state| {
            // Nobody waits: the next request will find what became visible meanwhile.
            let visible = state.index.next_due().filter(|_| !state.waiting.is_empty());
            visible.into_iter().chain(state.waiting.iter().map(|receive| receive.deadline))
        });
        due.min().unwrap_or(Millis::MAX).min(self.next_sweep)
    }
}

impl QueueState {
    fn new(queue: Arc<Queue>) -> Self {
        Self { queue, index: VisibilityIndex::default(), waiting: VecDeque::new() }
    }
}
