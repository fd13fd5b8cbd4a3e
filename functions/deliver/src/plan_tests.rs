//! Tables of what a message comes to, by what is on record and what the receiver answered.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use posthorn_shared::delivery::{Attempt, Delivery, SentRequest, Status, Trigger};
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::dialect::Dialect;
use posthorn_shared::endpoint::{DisabledReason, Endpoint};
use posthorn_shared::secret::Secret;
use posthorn_shared::tenant::Tenant;

use super::*;

const ENDPOINT: &str = "ep_01h455vb4pex5vsknk084sn02q";
const EVENT: &str = "evt_01h455vb4pex5vsknk084sn02q";

fn time() -> Time {
    Time { now: "2026-11-21T10:00:00Z".parse().unwrap(), scale: 1.0 }
}

fn message(attempt: u32) -> DeliveryMessage {
    let mut message = DeliveryMessage::first(
        "acme".parse().unwrap(),
        ENDPOINT.parse().unwrap(),
        EVENT.parse().unwrap(),
        None,
        "vault.created".parse().unwrap(),
    );
    message.attempt = attempt;
    message
}

fn target(disabled_reason: Option<DisabledReason>) -> Arc<Target> {
    let id = ENDPOINT.parse().unwrap();
    let account = Tenant { id: "acme".parse().unwrap(), created_at: time().now };
    let blank = Endpoint::new(id, account, Secret::generate(|| 7), time().now);
    let endpoint = Endpoint { url: "https://example.com/".to_owned(), disabled_reason, ..blank };
    Arc::new(Target { endpoint, dialect: Dialect::standard() })
}

fn made(number: u32, status_code: Option<u16>, retry_after: Option<u64>) -> Made {
    Made {
        attempt: Attempt {
            number,
            trigger: Trigger::Automatic,
            started_at: time().now,
            duration_ms: 5,
            status_code,
            error: None,
            request: SentRequest { url: String::new(), headers: Vec::new() },
            response: None,
        },
        retry_after: retry_after.map(Duration::from_secs),
        asked: None,
    }
}

fn history(attempts: u32, status: Status, next_attempt_at: Option<Timestamp>) -> Delivery {
    let message = message(1);
    Delivery {
        endpoint: message.endpoint,
        key: message.key,
        event_id: None,
        event_type: message.event_type,
        status,
        next_attempt_at,
        attempts: (1..=attempts).map(|number| made(number, Some(500), None).attempt).collect(),
    }
}

/// What an attempt with this answer leads to: the status, the road, and its seconds from now.
fn after(attempt: u32, status_code: Option<u16>, asked: Option<u64>) -> (Status, String, bool) {
    let made = made(attempt, status_code, asked);
    let record = after_attempt(message(attempt), &target(None), None, made, time(), 0.5).unwrap();
    let seconds = |at: Timestamp| at.duration_since(time().now).as_secs();
    let road = match record.wake_up {
        None => "none".to_owned(),
        Some(Next::Queue(next, at)) => format!("queue {} in {}", next.attempt, seconds(at)),
        Some(Next::Due(retry)) => format!("due {} in {}", retry.attempt, seconds(retry.due)),
    };
    (record.delivery.unwrap().status, road, record.switch_off.is_some())
}

#[test]
fn a_success_ends_it() {
    assert_eq!(after(1, Some(200), None), (Status::Delivered, "none".into(), false));
    assert_eq!(after(8, Some(299), None), (Status::Delivered, "none".into(), false));
}

#[test]
fn the_standard_schedule_takes_both_roads() {
    // DESIGN: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h after a failure, then it has failed.
    let roads: Vec<_> = (1..=8).map(|attempt| after(attempt, Some(500), None).1).collect();
    assert_eq!(
        roads,
        [
            "queue 2 in 5",
            "queue 3 in 300",
            "due 4 in 1800",
            "due 5 in 7200",
            "due 6 in 18000",
            "due 7 in 36000",
            "due 8 in 36000",
            "none"
        ]
    );
    assert_eq!(after(8, None, None).0, Status::Failed);
}

#[test]
fn retry_after_moves_it_later_and_onto_the_other_road() {
    assert_eq!(after(1, Some(503), Some(2)).1, "queue 2 in 5");
    assert_eq!(after(1, Some(503), Some(900)).1, "queue 2 in 900");
    assert_eq!(after(1, Some(429), Some(901)).1, "due 2 in 901");
}

/// The status that an attempt which somebody asked for leaves behind, and whether another follows.
fn after_asking(
    trigger: Trigger,
    record: Option<(u32, Status)>,
    status_code: u16,
) -> (Status, bool) {
    let record = record.map(|(attempts, status)| history(attempts, status, None));
    let number = record.as_ref().map_or(0, Delivery::last_attempt) + 1;
    let mut asked = message(number);
    asked.trigger = trigger;
    let made = made(number, Some(status_code), None);
    let target = target(None);
    let record = after_attempt(asked, &target, record.as_ref(), made, time(), 0.5).unwrap();
    (record.delivery.unwrap().status, record.wake_up.is_some())
}

#[test]
fn a_replay_of_what_is_over_is_one_attempt() {
    use Status::{Cancelled, Delivered, Failed, Retrying};
    for (status, if_it_fails) in [(Delivered, Delivered), (Failed, Failed), (Cancelled, Failed)] {
        let record = Some((2, status));
        assert_eq!(after_asking(Trigger::Replay, record, 200), (Delivered, false));
        assert_eq!(after_asking(Trigger::Replay, record, 500), (if_it_fails, false));
    }
    // What is not over goes on by its schedule.
    assert_eq!(after_asking(Trigger::Replay, Some((2, Retrying)), 500), (Retrying, true));
    assert_eq!(after_asking(Trigger::Replay, None, 500), (Retrying, true));
}

#[test]
fn a_test_is_not_retried() {
    assert_eq!(after_asking(Trigger::Test, None, 500), (Status::Failed, false));
    assert_eq!(after_asking(Trigger::Test, None, 200), (Status::Delivered, false));
}

#[test]
fn gone_fails_at_once_and_switches_off() {
    assert_eq!(after(1, Some(410), None), (Status::Failed, "none".into(), true));
}

/// What a message comes to before its attempt.
fn before(
    attempt: u32,
    again: bool,
    target: Option<&Arc<Target>>,
    record: Option<&Delivery>,
) -> String {
    match before_attempt(&message(attempt), again, target, record, time()) {
        Before::Attempt(_) => "attempt".to_owned(),
        Before::Conclude(None) => "nothing".to_owned(),
        Before::Conclude(Some(record)) => match (record.delivery, record.wake_up) {
            (Some(delivery), None) => format!("{:?}", delivery.status),
            (None, Some(Next::Queue(next, _))) => format!("wake {} by queue", next.attempt),
            (None, Some(Next::Due(retry))) => format!("wake {} by row", retry.attempt),
            _ => "unexpected".to_owned(),
        },
    }
}

#[test]
fn a_message_whose_attempt_is_on_record_is_not_attempted_again() {
    let soon = time().now + jiff::SignedDuration::from_secs(300);
    let later = time().now + jiff::SignedDuration::from_secs(7200);
    let target = target(None);
    let on = Some(&target);
    let retrying = |at| history(2, Status::Retrying, Some(at));
    // Another message that says the same has nothing to add…
    assert_eq!(before(2, false, on, Some(&retrying(soon))), "nothing");
    assert_eq!(before(1, true, on, Some(&retrying(soon))), "nothing");
    // …the same message may have died before it could wake up the next attempt.
    assert_eq!(before(2, true, on, Some(&retrying(soon))), "wake 3 by queue");
    assert_eq!(before(2, true, on, Some(&retrying(later))), "wake 3 by row");
    assert_eq!(before(3, false, on, Some(&retrying(soon))), "attempt");
    assert_eq!(before(3, true, on, Some(&retrying(soon))), "attempt");
}

#[test]
fn what_is_over_stays_over() {
    let target = target(None);
    for status in [Status::Delivered, Status::Failed, Status::Cancelled] {
        assert_eq!(before(3, false, Some(&target), Some(&history(2, status, None))), "nothing");
    }
}

#[test]
fn what_is_undecided_fails_without_an_attempt_and_says_nothing_of_the_endpoint() {
    let target = target(None);
    let mut message = message(1);
    message.undecided = true;
    let before = |history| match before_attempt(&message, false, Some(&target), history, time()) {
        Before::Conclude(step) => step,
        Before::Attempt(_) => panic!("an attempt"),
    };
    let record = before(None).unwrap();
    let delivery = record.delivery.unwrap();
    assert_eq!((delivery.status, delivery.next_attempt_at), (Status::Failed, None));
    assert!(delivery.is_undecided() && delivery.last_attempt() == 1, "{delivery:?}");
    assert!(record.wake_up.is_none() && record.switch_off.is_none());
    assert_eq!(record.happened.len(), 1);
    let (_, counters) = record.counted.unwrap();
    assert_eq!(counters, Counters { failed: 1, ..Counters::default() });
    // Its first message was enough.
    assert!(before(Some(&history(1, Status::Failed, None))).is_none());
}

#[test]
fn an_endpoint_that_is_off_or_deleted_cancels_what_was_planned() {
    let off = target(Some(DisabledReason::Manual));
    let retrying = history(1, Status::Retrying, Some(time().now));
    assert_eq!(before(2, false, Some(&off), Some(&retrying)), "Cancelled");
    assert_eq!(before(2, false, None, Some(&retrying)), "Cancelled");
    assert_eq!(before(1, false, Some(&off), None), "Cancelled");
    assert_eq!(before(2, false, None, Some(&history(1, Status::Delivered, None))), "nothing");
}

/// What an attempt leads to whose answer asks for something beside its status.
fn after_answer(status_code: u16, asked: Asked) -> (Status, bool, Option<DisabledReason>) {
    let made = Made { asked: Some(asked), ..made(1, Some(status_code), None) };
    let record = after_attempt(message(1), &target(None), None, made, time(), 0.5).unwrap();
    let reason = record.switch_off.map(|(_, reason)| reason);
    (record.delivery.unwrap().status, record.wake_up.is_some(), reason)
}

#[test]
fn receivers_may_ask_to_end_a_delivery_or_all() {
    let requested = Some(DisabledReason::Requested);
    assert_eq!(after_answer(500, Asked::AbortMessage), (Status::Failed, false, None));
    assert_eq!(after_answer(200, Asked::AbortMessage), (Status::Delivered, false, None));
    assert_eq!(after_answer(500, Asked::Disable), (Status::Failed, false, requested));
    assert_eq!(after_answer(200, Asked::Disable), (Status::Delivered, false, requested));
    let gone = Some(DisabledReason::Gone);
    assert_eq!(after_answer(410, Asked::Disable), (Status::Failed, false, gone));
}
