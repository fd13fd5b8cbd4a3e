//! What to do with a message, before its attempt and after. Pure: no clock, no I/O.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use posthorn_shared::delivery::{
    Attempt, AttemptError, Delivery, ErrorKind, SentRequest, Status, Trigger,
};
use posthorn_shared::delivery_message::DeliveryMessage;
use posthorn_shared::due::{self, DueRetry, MAX_QUEUE_DELAY};
use posthorn_shared::endpoint::DisabledReason;
use posthorn_shared::operational::{self, FAILING_AFTER, OperationalEvent};
use posthorn_shared::response_rules::{Asked, Verdict};
use posthorn_shared::retry_policy;
use posthorn_shared::stats::Counters;

use crate::attempt::Made;
use crate::target::Target;

/// Attempts that a delivery's item keeps, the newest: replayed again and again, it must not outgrow
/// what DynamoDB takes (400 KB, at 6 KB a failed attempt).
const MAX_KEPT_ATTEMPTS: usize = 40;

/// Below a second, an attempt waits for its slot where it is.
const LAST_SECOND: Duration = Duration::from_millis(999);

/// The time, and how many times faster than in production it runs.
#[derive(Clone, Copy)]
pub struct Time {
    pub now: Timestamp,
    pub scale: f64,
}

/// What a message comes to before an attempt is made.
pub enum Before<'t> {
    Attempt(&'t Arc<Target>),
    Conclude(Step),
}

/// What is to be written down, if anything.
pub type Step = Option<Box<Record>>;

/// What a message came to.
#[derive(Default)]
pub struct Record {
    pub delivery: Option<Delivery>,
    pub wake_up: Option<Next>,
    /// Why the endpoint is to be switched off.
    pub switch_off: Option<(Arc<Target>, DisabledReason)>,
    /// What there is to tell of it.
    pub happened: Vec<OperationalEvent>,
    /// What the endpoint's statistics count.
    pub counted: Option<(Arc<Target>, Counters)>,
}

/// The road to the next attempt.
pub enum Next {
    /// Up to 15 minutes: the message itself, delayed.
    Queue(DeliveryMessage, Timestamp),
    /// Longer: a row under the minute it is due in.
    Due(DueRetry),
}

/// Decides by what is on record whether to attempt.
pub fn before_attempt<'t>(
    message: &DeliveryMessage,
    again: bool,
    target: Option<&'t Arc<Target>>,
    history: Option<&Delivery>,
    time: Time,
) -> Before<'t> {
    let Some(target) = target else {
        return Before::Conclude(cancel(message, history));
    };
    if !target.endpoint.is_active() {
        return Before::Conclude(cancel(message, history));
    }
    match history {
        Some(history) if history.last_attempt() >= message.attempt => {
            Before::Conclude(on_record(message, again, history, time))
        }
        Some(history) if history.is_over() && message.trigger == Trigger::Automatic => {
            Before::Conclude(None)
        }
        _ if message.undecided => Before::Conclude(undecided(message, target, history, time)),
        _ => Before::Attempt(target),
    }
}

/// The attempt was made before. If by this very message, it may have died before it could wake up
/// the next attempt, so that is made sure of. Another message that says the same (a duplicate) has
/// nothing to add.
fn on_record(message: &DeliveryMessage, again: bool, history: &Delivery, time: Time) -> Step {
    let waiting = history.status == Status::Retrying && history.last_attempt() == message.attempt;
    match history.next_attempt_at {
        Some(due) if again && waiting => {
            let left = Duration::try_from(due.duration_since(time.now)).unwrap_or_default();
            let wake_up = wake_up(message, due, left.mul_f64(time.scale), time);
            Some(Box::new(Record { wake_up: Some(wake_up), ..Record::default() }))
        }
        _ => None,
    }
}

/// Chooses the road by the pause as it is in production.
fn wake_up(message: &DeliveryMessage, due: Timestamp, pause: Duration, time: Time) -> Next {
    if pause <= MAX_QUEUE_DELAY {
        Next::Queue(message.next(), due)
    } else {
        Next::Due(due_retry(message, due.max(due::earliest(time.now, time.scale))))
    }
}

/// The endpoint is switched off or deleted.
fn cancel(message: &DeliveryMessage, history: Option<&Delivery>) -> Step {
    if history.is_some_and(Delivery::is_over) {
        return None;
    }
    let delivery = Delivery {
        endpoint: message.endpoint.clone(),
        key: message.key.clone(),
        event_id: message.event_id.clone(),
        event_type: message.event_type.clone(),
        status: Status::Cancelled,
        next_attempt_at: None,
        attempts: history.map(|h| h.attempts.clone()).unwrap_or_default(),
    };
    Some(Box::new(Record { delivery: Some(delivery), ..Record::default() }))
}

/// It is not known whether the endpoint wants the event: that is on record as a failure, which can
/// be recovered, and says nothing of how the endpoint is doing.
fn undecided(
    message: &DeliveryMessage,
    target: &Arc<Target>,
    history: Option<&Delivery>,
    time: Time,
) -> Step {
    let detail = "not sent: the filters of the account's endpoints take too many steps for this \
                  event; make them simpler, then recover the endpoint's failed deliveries";
    let attempt = Attempt {
        number: message.attempt,
        trigger: message.trigger,
        started_at: time.now,
        duration_ms: 0,
        status_code: None,
        error: Some(AttemptError { kind: ErrorKind::Filter, detail: detail.to_owned() }),
        request: SentRequest { url: target.endpoint.url.clone(), headers: Vec::new() },
        response: None,
    };
    let made = Made { attempt, retry_after: None, asked: None };
    let mut step = conclude(message.clone(), target, history, made, Verdict::GiveUp, time, 0.0);
    if let Some((_, counters)) = step.as_mut().and_then(|record| record.counted.as_mut()) {
        *counters = Counters { failed: counters.failed, ..Counters::default() };
    }
    step
}

/// Judges the attempt and plans the next one.
pub fn after_attempt(
    message: DeliveryMessage,
    target: &Arc<Target>,
    history: Option<&Delivery>,
    made: Made,
    time: Time,
    unit: f64,
) -> Step {
    let verdict = target.dialect.response.judge(made.attempt.status_code).or_asked(made.asked);
    conclude(message, target, history, made, verdict, time, unit)
}

fn conclude(
    message: DeliveryMessage,
    target: &Arc<Target>,
    history: Option<&Delivery>,
    made: Made,
    verdict: Verdict,
    time: Time,
    unit: f64,
) -> Step {
    let policy = target.endpoint.retry_policy(&target.dialect);
    // What somebody asked for is one attempt, unless the schedule goes on anyway.
    let before = history.filter(|history| history.is_over()).map(|history| history.status);
    let scheduled = before.is_none() && message.trigger != Trigger::Test;
    let next = match verdict {
        Verdict::Retry if scheduled => retry_policy::next_attempt(
            policy,
            message.attempt,
            time.now,
            made.retry_after,
            unit,
            time.scale,
        ),
        Verdict::Retry | Verdict::Delivered | Verdict::GiveUp | Verdict::Gone => None,
    };
    let status = match (verdict, &next) {
        (Verdict::Delivered, _) => Status::Delivered,
        (_, Some(_)) => Status::Retrying,
        // A replay that fails takes nothing away from what was delivered.
        (_, None) if before == Some(Status::Delivered) => Status::Delivered,
        (_, None) => Status::Failed,
    };
    let counted = count(&message, verdict, before, status, &made.attempt)
        .map(|counters| (Arc::clone(target), counters));
    let wake_up = next.map(|(due, pause)| wake_up(&message, due, pause, time));
    let next_attempt_at = wake_up.as_ref().map(|next| match next {
        Next::Queue(_, due) => *due,
        Next::Due(retry) => retry.due,
    });
    log(&message, status, &made.attempt);
    let trigger = message.trigger;
    let mut attempts = history.map(|h| h.attempts.clone()).unwrap_or_default();
    if attempts.len() >= MAX_KEPT_ATTEMPTS {
        attempts.drain(..=attempts.len() - MAX_KEPT_ATTEMPTS);
    }
    attempts.push(made.attempt);
    let switch_off = match (verdict, made.asked) {
        (Verdict::Gone, _) => Some(DisabledReason::Gone),
        (_, Some(Asked::Disable)) => Some(DisabledReason::Requested),
        _ => None,
    };
    let switch_off = switch_off.map(|reason| (Arc::clone(target), reason));
    let delivery = Delivery {
        endpoint: message.endpoint,
        key: message.key,
        event_id: message.event_id,
        event_type: message.event_type,
        status,
        next_attempt_at,
        attempts,
    };
    let happened = happened(trigger, target, before, verdict, &delivery);
    Some(Box::new(Record { delivery: Some(delivery), wake_up, switch_off, happened, counted }))
}

/// What is told of an attempt. Of tests nothing; and of operational events nothing, which would
/// otherwise cause themselves.
fn happened(
    trigger: Trigger,
    target: &Target,
    before: Option<Status>,
    verdict: Verdict,
    delivery: &Delivery,
) -> Vec<OperationalEvent> {
    let mut happened = Vec::new();
    let quiet = trigger == Trigger::Test || operational::is_operational(&delivery.event_type);
    if quiet || verdict == Verdict::Delivered {
        return happened;
    }
    if before.is_none() && delivery.last_attempt() == FAILING_AFTER {
        happened.push(OperationalEvent::endpoint_failing(&target.endpoint, delivery));
    }
    if delivery.status == Status::Failed && before != Some(Status::Failed) {
        happened.push(OperationalEvent::delivery_failed(&target.endpoint, delivery));
    }
    happened
}

/// A test is nobody's delivery, and a delivery that is over is not counted as ended again.
fn count(
    message: &DeliveryMessage,
    verdict: Verdict,
    before: Option<Status>,
    status: Status,
    attempt: &Attempt,
) -> Option<Counters> {
    if message.trigger == Trigger::Test {
        return None;
    }
    let ended_so = |wanted| u64::from(status == wanted && before != Some(wanted));
    let mut counters = Counters {
        attempts: 1,
        failed_attempts: u64::from(verdict != Verdict::Delivered),
        delivered: ended_so(Status::Delivered),
        failed: ended_so(Status::Failed),
        ..Counters::default()
    };
    counters.took(Duration::from_millis(attempt.duration_ms));
    Some(counters)
}

/// The same attempt in a slot that is still to come.
pub fn wait(message: &DeliveryMessage, slot: Timestamp, time: Time) -> Next {
    let ahead = Duration::try_from(slot.duration_since(time.now)).unwrap_or_default();
    if ahead.mul_f64(time.scale) <= MAX_QUEUE_DELAY {
        // SQS counts in whole seconds, and what is left of one is waited for here.
        let early = slot.checked_sub(LAST_SECOND).unwrap_or(slot);
        return Next::Queue(message.in_slot(slot), early);
    }
    let due = slot.max(due::earliest(time.now, time.scale));
    let attempt = message.attempt;
    Next::Due(DueRetry { attempt, waits: Some(message.trigger), ..due_retry(message, due) })
}

fn due_retry(message: &DeliveryMessage, due: Timestamp) -> DueRetry {
    DueRetry {
        waits: None,
        due,
        account: message.account.clone(),
        endpoint: message.endpoint.clone(),
        key: message.key.clone(),
        event_id: message.event_id.clone(),
        event_type: message.event_type.clone(),
        attempt: message.attempt + 1,
    }
}

fn log(message: &DeliveryMessage, status: Status, attempt: &Attempt) {
    tracing::info!(
        account = %message.account,
        endpoint = %message.endpoint,
        event_id = message.public_event_id(),
        attempt = attempt.number,
        status_code = attempt.status_code,
        error = attempt.error.as_ref().map(|error| tracing::field::debug(error.kind)),
        duration_ms = attempt.duration_ms,
        delivery = ?status,
        "attempt"
    );
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
