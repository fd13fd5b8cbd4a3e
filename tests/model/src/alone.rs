//! Single deliveries, each by itself, to compare with what they come to together.

use std::collections::{HashMap, HashSet};

use stateright::Model;

use crate::bucket::Bucket;
use crate::case::Case;
use crate::state::{ENDPOINTS, Event, State};

/// What single deliveries may come to, each by itself: to see whether they come to anything else
/// when they are together.
pub struct Alone {
    case: Case,
    states: HashSet<State>,
}

impl Alone {
    /// Collects them, for one delivery and what goes wrong in this case.
    pub fn of(case: Case) -> Self {
        let case = Case { events: 1, endpoints: 1, together: false, reduced: true, ..case };
        let mut states = HashSet::from([State::new(&case)]);
        let mut left: Vec<State> = states.iter().copied().collect();
        while let Some(state) = left.pop() {
            for next in after(&case, &state) {
                if states.insert(next) {
                    left.push(next);
                }
            }
        }
        Self { case, states }
    }

    /// Whether no state can come again after others: states are taken away that come after none of
    /// those that are left, until none is.
    pub fn every_run_ends(&self) -> bool {
        let mut before: HashMap<State, usize> = HashMap::new();
        for state in &self.states {
            for next in after(&self.case, state) {
                *before.entry(next).or_default() += 1;
            }
        }
        let first = self.states.iter().filter(|state| !before.contains_key(state));
        let mut left: Vec<State> = first.copied().collect();
        let mut taken = 0;
        while let Some(state) = left.pop() {
            taken += 1;
            for next in after(&self.case, &state) {
                let count = before.entry(next).or_default();
                *count -= 1;
                if *count == 0 {
                    left.push(next);
                }
            }
        }
        taken == self.states.len()
    }

    /// Whether each delivery of the state is as it may be by itself. What went wrong elsewhere has
    /// not happened to it.
    pub fn knows(&self, case: &Case, state: &State) -> bool {
        case.deliveries().all(|delivery| {
            let mut one = state.only(case, delivery);
            (state.crashes..=self.case.crashes).any(|crashes| {
                one.crashes = crashes;
                self.states.contains(&one.least(&self.case))
            })
        })
    }
}

fn after(case: &Case, state: &State) -> Vec<State> {
    let mut steps = Vec::new();
    case.actions(state, &mut steps);
    let next = |step| Some(case.next_state(state, step)?.least(case));
    steps.into_iter().filter_map(next).collect()
}

impl State {
    /// A delivery and what there is for it, as if it were the first of a case of its own.
    fn only(&self, case: &Case, delivery: usize) -> Self {
        let mut one = Self { disobeyed: self.disobeyed, ..Self::new(case) };
        one.events = [self.events[delivery / ENDPOINTS], Event::default()];
        one.switches[0] = self.switches[delivery % ENDPOINTS];
        one.deliveries[0] = self.deliveries[delivery];
        one.refusals = self.refusals;
        one.duplicates = self.duplicates;
        for (own, bucket) in case.buckets_of(delivery).enumerate() {
            let rows = self.buckets[bucket].rows >> delivery & 1;
            if rows != 0 || self.deliveries[delivery].names(bucket as u8) {
                one.buckets[own] = Bucket { rows, ..self.buckets[bucket] };
            }
        }
        one
    }
}
