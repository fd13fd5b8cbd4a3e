//! The model: its steps put together, and what must always be true.

use stateright::{Model, Property};

use crate::case::{Case, Without};
use crate::delivery::{Fate, Record, Stage, Token};
use crate::state::{State, Switch};
use crate::step::{Caller, Step};

/// Nothing that was accepted is left without an end.
pub const ENDS: &str = "what was accepted ends, delivered, failed or cancelled";
/// An event is stored before its message is gone, and once.
pub const ONCE: &str = "an event is stored, once";
/// An end is an end, but for an event's very first message, which is not checked against the record.
pub const OBEYS: &str =
    "no attempt for a message read when the delivery is over or the endpoint off";
/// However many retries are due in it.
pub const ONE_SCHEDULE: &str = "a bucket has one schedule";

/// What must hold in every state.
pub const ALWAYS: [&str; 4] = [ENDS, ONCE, OBEYS, ONE_SCHEDULE];

impl State {
    fn steps(&self, case: &Case, steps: &mut Vec<Step>) {
        if case.reduced {
            self.first_steps(case, steps);
            if !steps.is_empty() {
                return;
            }
        }
        self.dispatch_steps(case, steps);
        for delivery in case.deliveries() {
            self.deliver_steps(case, delivery, steps);
        }
        self.crashing_batches(case, steps);
        self.retry_steps(case, steps);
        self.unfinished_calls(case, steps);
        for endpoint in 0..case.endpoints {
            if self.may_switch(endpoint, case) {
                steps.push(Step::Switch(endpoint));
            }
        }
        if self.duplicates > 0 {
            let there = |event: &usize| self.events[*event].fresh > 0;
            steps.extend((0..case.events).filter(there).map(Step::EventTwice));
        }
    }

    fn make(&mut self, case: &Case, step: Step) {
        match step {
            Step::Dispatch(done) => self.dispatch(case, done, true),
            Step::DispatchRefused(done) => {
                self.refusals -= 1;
                self.dispatch(case, done, case.lacks(Without::DispatchResponse));
            }
            Step::DispatchCrash(done, other) => {
                self.crashes -= 1;
                self.dispatch(case, done, false);
                if let Some(other) = other {
                    self.dispatch(case, other, false);
                }
            }
            Step::Take(taken) => self.take(taken, Fate::Deleted),
            Step::TakeAndCrash(taken, other) => {
                self.crashes -= 1;
                self.take(taken, Fate::Dies);
                if let Some(other) = other {
                    self.take(other, Fate::Dies);
                }
            }
            Step::Go(delivery, token) => self.go(case, delivery, token, None),
            Step::Refused(delivery, token, entry) => {
                self.refusals -= 1;
                self.go(case, delivery, token, Some(entry));
            }
            Step::Crash(delivery, token, written) => self.crash(delivery, token, written),
            Step::Begin(bucket) => self.buckets[bucket].begun = true,
            Step::OtherSchedules(bucket) => self.buckets[bucket].schedules = 1,
            Step::Retry(bucket, caller) => self.retry(bucket, caller),
            Step::RetryTwice(bucket) => {
                self.duplicates -= 1;
                self.retry(bucket, Caller::Schedule);
                self.buckets[bucket].schedules += 1;
            }
            Step::RetryCrash(sent) => {
                self.crashes -= 1;
                self.send_rows(sent);
            }
            Step::RetryRefused(sent) => {
                self.refusals -= 1;
                self.send_rows(sent);
            }
            Step::Switch(endpoint) => {
                let switch = &mut self.switches[endpoint];
                *switch = if *switch == Switch::On { Switch::Off } else { Switch::OnAgain };
            }
            Step::Follow(delivery) => self.follow(delivery),
            Step::EventTwice(event) => {
                self.duplicates -= 1;
                self.events[event].fresh += 1;
            }
            Step::MessageTwice(delivery, message) => {
                self.duplicates -= 1;
                self.deliveries[delivery].send(message);
            }
        }
        self.tidy(case);
    }

    fn is_at_its_end(&self, case: &Case) -> bool {
        // Whatever is under way has a step: that need not be worked out.
        let idle = case
            .deliveries()
            .all(|delivery| self.deliveries[delivery].is_idle() && self.is_dispatched(delivery));
        let mut steps = Vec::new();
        if idle {
            self.steps(case, &mut steps);
        }
        idle && steps.is_empty()
    }

    fn all_over(&self, case: &Case) -> bool {
        case.deliveries().all(|delivery| self.deliveries[delivery].record.is_over())
    }

    fn is_stored_once(&self, case: &Case) -> bool {
        self.events[..case.events].iter().all(|event| {
            let gone = event.fresh == 0 && event.again == 0;
            event.items <= 1 && (!gone || event.items == 1)
        })
    }

    fn has_taken(&self, case: &Case, record: Record) -> bool {
        let writes = |token| matches!(token, Token::Taken(_, Stage::Write(w), _) if w == record);
        case.deliveries().any(|delivery| self.deliveries[delivery].tokens().any(writes))
    }
}

impl Model for Case {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        state.steps(self, steps);
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = *last;
        state.make(self, step);
        Some(if self.reduced { state.least(self) } else { state })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ENDS, |case: &Case, state: &State| {
                state.all_over(case) || !state.is_at_its_end(case)
            }),
            Property::always(ONCE, |case: &Case, state: &State| state.is_stored_once(case)),
            Property::always(OBEYS, |_, state: &State| !state.disobeyed),
            Property::always(ONE_SCHEDULE, |_, state: &State| {
                state.buckets.iter().all(|bucket| bucket.schedules <= 1)
            }),
            Property::sometimes("all are over", |case: &Case, state: &State| {
                state.all_over(case) && state.is_at_its_end(case)
            }),
            Property::sometimes("one fails", |case: &Case, state: &State| {
                state.has_taken(case, Record::Failed)
            }),
            Property::sometimes("a row is written late", |_, state: &State| {
                state.buckets.iter().any(|bucket| bucket.passed && bucket.rows != 0)
            }),
        ]
    }
}
