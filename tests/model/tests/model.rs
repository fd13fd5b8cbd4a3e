//! The protocol between producer, queues, table, dispatch, deliver, retry and sweep, with every step
//! that is one call to AWS a step of the model. Any process may end between two of them, and SQS may
//! deliver a message twice and in any order. Checked exhaustively for a small case.
//!
//! | model | code |
//! | --- | --- |
//! | `Dispatch` | `functions/dispatch`: store the event, send its messages, delete the event's message |
//! | `Deliver` | `functions/deliver`: read what is on record, attempt, write, wake up the next, delete the message |
//! | `Retry`, `Sweep` | `functions/retry`: read a bucket's rows, send them, mark it done |
//! | `State::load` | `plan::before_attempt`, with `on_record` |
//! | `State::write` | `plan::after_attempt` |

use stateright::{Checker, Model, Property};

const EVENTS: usize = 2;
const ENDPOINTS: usize = 2;
const ATTEMPTS: u8 = 2;
const DELIVERERS: usize = 2;

/// The case to check.
#[derive(Clone, Copy, Debug)]
struct Case {
    events: usize,
    endpoints: usize,
    crashes: u8,
    duplicates: u8,
    /// Whether an endpoint may be switched off in the middle.
    switch_off: bool,
}

/// A message of the events queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum EventMessage {
    NotSent,
    /// On the queue; whether it was received before.
    Visible(bool),
    Taken(bool),
    Deleted,
}

/// A message of the deliveries queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Message {
    event: usize,
    endpoint: usize,
    attempt: u8,
    check: bool,
    again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Status {
    None,
    Retrying,
    Delivered,
    Failed,
    Cancelled,
}

/// A delivery's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Record {
    attempts: u8,
    status: Status,
    /// The road to the next attempt, which follows from its time, and that time.
    next: Road,
    due: usize,
}

const NOTHING: Record = Record { attempts: 0, status: Status::None, next: Road::Queue, due: 0 };

/// A due row, each in a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Row {
    event: usize,
    endpoint: usize,
    attempt: u8,
    /// Its due time: every attempt that fails has one of its own.
    due: usize,
    scheduled: bool,
    done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Road {
    Queue,
    Row,
}

/// How far a deliverer is with its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    /// The attempt was made: its outcome, and what was on record when it was read.
    Attempted(bool, Record),
    /// What happened is written; the next attempt is to be woken up.
    Written(Option<(Road, usize)>),
    /// Everything is done but the deletion of the message.
    Finished,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    events: [EventMessage; EVENTS],
    stored: [bool; EVENTS],
    /// Sorted: their order says nothing.
    queue: Vec<Message>,
    records: [[Record; ENDPOINTS]; EVENTS],
    rows: Vec<Row>,
    dispatching: Option<(usize, u8)>,
    delivering: [Option<(Message, Stage)>; DELIVERERS],
    /// A row that is being sent; whether it has been.
    waking: Option<(Row, bool)>,
    off: bool,
    arrived: [[bool; ENDPOINTS]; EVENTS],
    crashes: u8,
    duplicates: u8,
    /// An attempt was made although the endpoint was off when the message was read.
    disobeyed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Post(usize),
    TakeEvent(usize),
    Dispatch,
    /// Takes a message and reads what is on record; the receiver answers so.
    Take(usize, usize, bool),
    /// Writes; if another attempt follows, it takes this road.
    Write(usize, Road),
    WakeUp(usize),
    Delete(usize),
    Fire(usize),
    Sweep(usize),
    Wake,
    SwitchOff,
    CrashDispatch,
    CrashDeliver(usize),
    CrashRetry,
    Duplicate(usize),
}

impl Record {
    fn is_over(self) -> bool {
        matches!(self.status, Status::Delivered | Status::Failed | Status::Cancelled)
    }
}

impl State {
    fn send(&mut self, message: Message) {
        let at = self.queue.partition_point(|other| *other < message);
        self.queue.insert(at, message);
    }

    fn rows_of(&mut self, event: usize, endpoint: usize) -> impl Iterator<Item = &mut Row> {
        self.rows.iter_mut().filter(move |row| (row.event, row.endpoint) == (event, endpoint))
    }

    /// The last endpoint is the one that may be switched off.
    fn is_off(&self, endpoint: usize, case: &Case) -> bool {
        self.off && endpoint + 1 == case.endpoints
    }

    /// `plan::before_attempt`: what a message comes to, given an answer of the receiver.
    fn load(&mut self, message: Message, ok: bool, case: &Case) -> Stage {
        let Message { event, endpoint, attempt, check, again } = message;
        let reads = again || check || attempt > 1;
        let before = if reads { self.records[event][endpoint] } else { NOTHING };
        if self.is_off(endpoint, case) {
            if !before.is_over() {
                self.records[event][endpoint] = Record { status: Status::Cancelled, ..before };
            }
            return Stage::Finished;
        }
        if before.attempts >= attempt {
            let waiting = before.status == Status::Retrying && before.attempts == attempt;
            let next = (before.next, before.due);
            return if again && waiting { Stage::Written(Some(next)) } else { Stage::Finished };
        }
        if before.is_over() {
            return Stage::Finished;
        }
        self.arrived[event][endpoint] |= ok;
        Stage::Attempted(ok, before)
    }

    /// `plan::after_attempt`: the item is put without a condition.
    fn write(&mut self, message: Message, ok: bool, before: Record, road: Road) -> Stage {
        let Message { event, endpoint, attempt, .. } = message;
        let more = !ok && attempt < ATTEMPTS && !before.is_over();
        let status = match (ok, more) {
            (true, _) => Status::Delivered,
            (false, true) => Status::Retrying,
            (false, false) if before.status == Status::Delivered => Status::Delivered,
            (false, false) => Status::Failed,
        };
        let due = self.rows_of(event, endpoint).count();
        self.records[event][endpoint] = Record { attempts: attempt, status, next: road, due };
        if more && road == Road::Row {
            // In the same call as the item.
            self.add_row(message, due);
        }
        Stage::Written(more.then_some((road, due)))
    }

    fn add_row(&mut self, message: Message, due: usize) {
        let Message { event, endpoint, attempt, .. } = message;
        let attempt = attempt + 1;
        if self.rows_of(event, endpoint).all(|row| row.due != due) {
            let row = Row { event, endpoint, attempt, due, scheduled: false, done: false };
            let at = self.rows.partition_point(|other| *other < row);
            self.rows.insert(at, row);
        }
    }

    fn wake_up(&mut self, message: Message, road: Road, due: usize) {
        let Message { event, endpoint, attempt, .. } = message;
        match road {
            Road::Queue => {
                self.send(Message { attempt: attempt + 1, check: false, again: false, ..message })
            }
            // A bucket that has begun may have been read before the row was there: then the retry
            // goes by the queue as well.
            Road::Row => {
                self.add_row(message, due);
                let mut begun = false;
                for row in self.rows_of(event, endpoint).filter(|row| row.due == due) {
                    begun = row.done;
                    row.scheduled = true;
                }
                if begun {
                    self.wake_up(message, Road::Queue, due);
                }
            }
        }
    }

    fn is_quiet(&self) -> bool {
        let events = self.events.iter();
        self.queue.is_empty()
            && self.dispatching.is_none()
            && self.delivering.iter().all(Option::is_none)
            && self.waking.is_none()
            && self.rows.iter().all(|row| row.done)
            && events.clone().all(|e| matches!(e, EventMessage::NotSent | EventMessage::Deleted))
    }

    fn deliveries<'s>(&'s self, case: &'s Case) -> impl Iterator<Item = (Record, bool)> + 's {
        (0..case.events).filter(|event| self.events[*event] != EventMessage::NotSent).flat_map(
            move |event| {
                (0..case.endpoints).map(move |endpoint| {
                    (self.records[event][endpoint], self.arrived[event][endpoint])
                })
            },
        )
    }
}

impl Model for Case {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            events: [EventMessage::NotSent; EVENTS],
            stored: [false; EVENTS],
            queue: Vec::new(),
            records: [[NOTHING; ENDPOINTS]; EVENTS],
            rows: Vec::new(),
            dispatching: None,
            delivering: [None; DELIVERERS],
            waking: None,
            off: false,
            arrived: [[false; ENDPOINTS]; EVENTS],
            crashes: self.crashes,
            duplicates: self.duplicates,
            disobeyed: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for event in 0..self.events {
            match state.events[event] {
                EventMessage::NotSent => steps.push(Step::Post(event)),
                EventMessage::Visible(_) if state.dispatching.is_none() => {
                    steps.push(Step::TakeEvent(event));
                }
                _ => {}
            }
        }
        if state.dispatching.is_some() {
            steps.push(Step::Dispatch);
        }
        // Deliverers are alike: a free one is as good as another.
        if let Some(free) = state.delivering.iter().position(Option::is_none) {
            for (index, message) in state.queue.iter().enumerate() {
                if index == 0 || state.queue[index - 1] != *message {
                    steps.push(Step::Take(free, index, true));
                    steps.push(Step::Take(free, index, false));
                }
            }
        }
        for (index, delivering) in state.delivering.iter().enumerate() {
            match delivering {
                Some((message, Stage::Attempted(ok, _))) => {
                    steps.push(Step::Write(index, Road::Queue));
                    if !ok && message.attempt < ATTEMPTS {
                        steps.push(Step::Write(index, Road::Row));
                    }
                }
                Some((_, Stage::Written(_))) => steps.push(Step::WakeUp(index)),
                Some((_, Stage::Finished)) => steps.push(Step::Delete(index)),
                None => {}
            }
            if delivering.is_some() && state.crashes > 0 {
                steps.push(Step::CrashDeliver(index));
            }
        }
        if state.waking.is_some() {
            steps.push(Step::Wake);
        } else {
            for (index, row) in state.rows.iter().enumerate().filter(|(_, row)| !row.done) {
                let step = if row.scheduled { Step::Fire(index) } else { Step::Sweep(index) };
                steps.push(step);
            }
        }
        if self.switch_off && !state.off {
            steps.push(Step::SwitchOff);
        }
        if state.crashes > 0 && state.dispatching.is_some() {
            steps.push(Step::CrashDispatch);
        }
        if state.crashes > 0 && state.waking.is_some() {
            steps.push(Step::CrashRetry);
        }
        if state.duplicates > 0 {
            steps.extend((0..state.queue.len()).map(Step::Duplicate));
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Post(event) => state.events[event] = EventMessage::Visible(false),
            Step::TakeEvent(event) => {
                let EventMessage::Visible(again) = state.events[event] else { return None };
                state.events[event] = EventMessage::Taken(again);
                state.dispatching = Some((event, 0));
            }
            Step::Dispatch => {
                let (event, done) = state.dispatching?;
                let again = state.events[event] == EventMessage::Taken(true);
                state.dispatching = Some((event, done + 1));
                match done {
                    0 => state.stored[event] = true,
                    1 => {
                        for endpoint in 0..self.endpoints {
                            if !state.is_off(endpoint, self) {
                                let check = again;
                                let again = false;
                                state.send(Message { event, endpoint, attempt: 1, check, again });
                            } else if state.records[event][endpoint].status == Status::None {
                                // Nobody wants it: there is no delivery.
                                state.records[event][endpoint].status = Status::Cancelled;
                            }
                        }
                    }
                    _ => {
                        state.events[event] = EventMessage::Deleted;
                        state.dispatching = None;
                    }
                }
            }
            Step::Take(worker, index, ok) => {
                let message = state.queue.remove(index);
                let stage = state.load(message, ok, self);
                let attempted = matches!(stage, Stage::Attempted(..));
                state.disobeyed |= attempted && state.is_off(message.endpoint, self);
                state.delivering[worker] = Some((message, stage));
            }
            Step::Write(worker, road) => {
                let (message, Stage::Attempted(ok, before)) = state.delivering[worker]? else {
                    return None;
                };
                let stage = state.write(message, ok, before, road);
                state.delivering[worker] = Some((message, stage));
            }
            Step::WakeUp(worker) => {
                let (message, Stage::Written(road)) = state.delivering[worker]? else {
                    return None;
                };
                if let Some((road, due)) = road {
                    state.wake_up(message, road, due);
                }
                state.delivering[worker] = Some((message, Stage::Finished));
            }
            Step::Delete(worker) => state.delivering[worker] = None,
            Step::Fire(index) | Step::Sweep(index) => {
                state.waking = Some((state.rows[index], false));
            }
            Step::Wake => {
                let (row, sent) = state.waking?;
                let Row { event, endpoint, attempt, .. } = row;
                if sent {
                    for other in state.rows_of(event, endpoint).filter(|o| o.due == row.due) {
                        other.done = true;
                    }
                    state.waking = None;
                } else {
                    let (check, again) = (false, false);
                    state.send(Message { event, endpoint, attempt, check, again });
                    state.waking = Some((row, true));
                }
            }
            Step::SwitchOff => state.off = true,
            Step::CrashDispatch => {
                let (event, _) = state.dispatching.take()?;
                state.events[event] = EventMessage::Visible(true);
                state.crashes -= 1;
            }
            Step::CrashDeliver(worker) => {
                let (message, _) = state.delivering[worker].take()?;
                state.send(Message { again: true, ..message });
                state.crashes -= 1;
            }
            Step::CrashRetry => {
                state.waking = None;
                state.crashes -= 1;
            }
            Step::Duplicate(index) => {
                let message = state.queue[index];
                state.send(message);
                state.duplicates -= 1;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "what was accepted ends, delivered, failed or cancelled",
                |case: &Case, state: &State| {
                    !state.is_quiet() || state.deliveries(case).all(|(record, _)| record.is_over())
                },
            ),
            Property::always("delivered means that it arrived", |case: &Case, state: &State| {
                state
                    .deliveries(case)
                    .all(|(record, arrived)| record.status != Status::Delivered || arrived)
            }),
            Property::always("what failed had all its attempts", |case: &Case, state: &State| {
                state.deliveries(case).all(|(record, _)| {
                    record.status != Status::Failed || record.attempts == ATTEMPTS
                })
            }),
            Property::always(
                "no attempt once the message is read of an endpoint that is off",
                |_, state: &State| !state.disobeyed,
            ),
            Property::sometimes("all are delivered", |case: &Case, state: &State| {
                state.is_quiet()
                    && state.events[..case.events].iter().all(|e| *e == EventMessage::Deleted)
                    && state.deliveries(case).all(|(record, _)| record.status == Status::Delivered)
            }),
            Property::sometimes("one fails", |case: &Case, state: &State| {
                state.is_quiet()
                    && state.deliveries(case).any(|(record, _)| record.status == Status::Failed)
            }),
        ]
    }
}

fn check(case: Case) {
    let checker = case.checker().threads(2).spawn_bfs().join();
    println!(
        "{case:?}: {} states, {} different",
        checker.state_count(),
        checker.unique_state_count()
    );
    checker.assert_properties();
    assert!(checker.is_done());
}

#[test]
fn two_crashes_at_any_point_lose_nothing() {
    check(Case { events: 1, endpoints: 1, crashes: 2, duplicates: 0, switch_off: true });
}

#[test]
fn neither_do_a_crash_and_a_duplicate() {
    check(Case { events: 1, endpoints: 1, crashes: 1, duplicates: 1, switch_off: true });
}

/// What no crash disturbs: several events and endpoints have nothing in common.
#[test]
fn two_events_do_not_get_into_each_others_way() {
    check(Case { events: 2, endpoints: 1, crashes: 0, duplicates: 0, switch_off: false });
}
