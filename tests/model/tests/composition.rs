//! Deliveries that share batches, buckets, crashes and endpoints come to nothing that each of them
//! could not come to by itself. So what is true of a delivery by itself, among others that may do
//! anything, is true of it among any number of others.

use posthorn_model::{Alone, Case};
use stateright::{Checker, Model, Property};

const FARES_ALIKE: &str = "each delivery is as it may be by itself";

struct Together {
    case: Case,
    alone: Alone,
}

impl Model for Together {
    type State = <Case as Model>::State;
    type Action = <Case as Model>::Action;

    fn init_states(&self) -> Vec<Self::State> {
        self.case.init_states()
    }

    fn actions(&self, state: &Self::State, steps: &mut Vec<Self::Action>) {
        self.case.actions(state, steps);
    }

    fn next_state(&self, state: &Self::State, step: Self::Action) -> Option<Self::State> {
        self.case.next_state(state, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(FARES_ALIKE, |model: &Self, state: &Self::State| {
            model.alone.knows(&model.case, state)
        })]
    }
}

fn compare(case: Case) {
    let alone = Alone::of(case);
    let checker = Together { case, alone }.checker().threads(2).spawn_dfs().join();
    println!(
        "{case:?}: {} states, {} different",
        checker.state_count(),
        checker.unique_state_count()
    );
    checker.assert_properties();
}

const TOGETHER: Case = Case { together: true, ..Case::NOTHING };

#[test]
fn two_events_and_two_endpoints_while_nothing_goes_wrong() {
    compare(Case { events: 2, endpoints: 2, ..TOGETHER });
}

#[test]
fn two_events_of_an_endpoint_and_a_crash() {
    compare(Case { events: 2, endpoints: 1, crashes: 1, ..TOGETHER });
}

#[test]
fn an_event_for_two_endpoints_one_switched_off() {
    compare(Case { events: 1, endpoints: 2, switches: true, ..TOGETHER });
}
