//! Without any one of its safeguards, the model has a run that breaks a rule: the checker finds it.

use posthorn_model::{Case, ENDS, OBEYS, ONCE, ONE_SCHEDULE, Without};
use stateright::{Checker, HasDiscoveries, Model};

const CASE: Case = Case { together: true, reduced: false, ..Case::NOTHING };

fn finds(broken: &'static str, case: Case) {
    let stop = HasDiscoveries::AnyFailures;
    let checker = case.checker().finish_when(stop).spawn_bfs().join();
    let run = checker.discovery(broken).unwrap_or_else(|| panic!("{case:?}: nothing found"));
    println!("{case:?}: {broken}: after {} steps", run.into_actions().len());
    // The same case with the safeguard.
    let whole = Case { without: None, ..case };
    assert!(whole.checker().spawn_bfs().join().discovery(broken).is_none());
}

#[test]
fn without_idempotent_store_an_event_is_stored_twice() {
    finds(ONCE, Case { crashes: 1, without: Some(Without::IdempotentStore), ..CASE });
}

#[test]
fn without_redelivery_check_what_is_over_is_attempted() {
    finds(OBEYS, Case { crashes: 1, without: Some(Without::RedeliveryCheck), ..CASE });
}

#[test]
fn without_redelivery_check_what_is_cancelled_is_attempted() {
    let case = Case { crashes: 1, switches: true, ..CASE };
    finds(OBEYS, Case { without: Some(Without::RedeliveryCheck), ..case });
}

#[test]
fn without_second_wake_up_a_crash_loses_the_next_attempt() {
    finds(ENDS, Case { crashes: 1, without: Some(Without::SecondWakeUp), ..CASE });
}

#[test]
fn without_the_sweep_a_schedule_that_is_refused_loses_its_rows() {
    finds(ENDS, Case { refusals: 1, without: Some(Without::Sweep), ..CASE });
}

#[test]
fn without_dispatchs_partial_response_what_is_refused_is_lost() {
    finds(ENDS, Case { refusals: 1, without: Some(Without::DispatchResponse), ..CASE });
}

#[test]
fn without_delivers_partial_response_what_is_refused_is_lost() {
    finds(ENDS, Case { refusals: 1, without: Some(Without::DeliverResponse), ..CASE });
}

#[test]
fn without_idempotent_schedules_two_rows_make_two() {
    let case = Case { events: 2, ..CASE };
    finds(ONE_SCHEDULE, Case { without: Some(Without::IdempotentSchedule), ..case });
}

/// No crash is needed: the bucket begins while its row is written.
#[test]
fn without_a_look_at_the_clock_a_late_row_is_overlooked() {
    finds(ENDS, Case { without: Some(Without::LateRows), ..CASE });
}
