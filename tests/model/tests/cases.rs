//! The cases that are checked whole. `README.md` has their sizes.

use posthorn_model::{ALWAYS, Alone, Case};
use stateright::{Checker, HasDiscoveries, Model};

const ISSUE: Case = Case { events: 2, endpoints: 2, crashes: 2, ..Case::NOTHING };

/// Goes through all states, and sees to it that these happen among others.
fn check(case: Case, happens: &[&'static str]) {
    let began = std::time::Instant::now();
    let checker =
        case.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    println!(
        "{case:?}: {} states, {} different, {:.1?}",
        checker.state_count(),
        checker.unique_state_count(),
        began.elapsed()
    );
    for rule in ALWAYS {
        checker.assert_no_discovery(rule);
    }
    for name in happens {
        checker.assert_any_discovery(name);
    }
}

const ENDS: [&str; 2] = ["all are over", "one fails"];

#[test]
fn two_crashes_where_retries_come_by_the_queue() {
    check(Case { rows: false, together: true, ..ISSUE }, &ENDS);
}

#[test]
fn two_crashes_of_each_delivery_one_endpoint_switched_off_and_on() {
    let late = ["all are over", "one fails", "a row is written late"];
    check(Case { switches: true, ..ISSUE }, &late);
}

#[test]
fn two_crashes_in_dispatch() {
    check(Case { together: true, until_sent: true, switches: true, ..ISSUE }, &["all are over"]);
}

#[test]
fn a_crash_and_a_refused_call() {
    check(Case { crashes: 1, refusals: 1, ..ISSUE }, &ENDS);
}

#[test]
fn a_crash_and_a_duplicate() {
    check(Case { crashes: 1, duplicates: 1, ..ISSUE }, &ENDS);
}

/// A single delivery with nothing left out: the reductions hide nothing.
#[test]
fn two_crashes_in_every_order() {
    let all = Case { together: true, reduced: false, switches: true, crashes: 2, ..Case::NOTHING };
    check(all, &ENDS);
}

/// So that "where nothing is left to do, everything is over" means that everything ends.
#[test]
fn no_run_is_endless() {
    assert!(Alone::of(ISSUE).every_run_ends());
}
