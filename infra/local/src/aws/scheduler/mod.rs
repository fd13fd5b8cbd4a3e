//! EventBridge Scheduler on SQLite: schedules are kept, and handed out when they are due.
//!
//! It does not invoke targets: whoever asks [`Scheduler::due`] does, and reports back. A
//! firing stays on record until it is reported, so that a crash between the two fires it
//! again, as AWS may do too ("at least once").

mod definition;
mod error;
mod expression;
mod protocol;
mod store;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use posthorn_shared::clock::Clock;

pub use error::SchedulerError;
pub(super) use protocol::is_path;

use super::{ACCOUNT, DataDir, Meter, REGION};
use definition::{Definition, FlexibleTimeWindow, Target};
use expression::Expression;
use store::{Schedule, Store};

/// Longest pause between two tries of a failing target.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_secs(60);

/// The schedules. Clones share them.
///
/// Calls go to SQLite on the caller's thread: schedules are few, and a commit is no fsync.
#[derive(Clone)]
pub struct Scheduler {
    state: Arc<Mutex<State>>,
    meter: Meter,
    clock: Clock,
}

struct State {
    store: Store,
    /// Group and name of what is handed out and not reported yet.
    firing: HashSet<(String, String)>,
}

/// A schedule that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    pub group: String,
    pub name: String,
    pub target_arn: String,
    /// The target's `Input` as it was given, or `{}`: JSON text.
    pub input: String,
    /// When it was to fire.
    pub scheduled_time: Timestamp,
}

impl Scheduler {
    /// Opens the schedules of the data directory.
    ///
    /// # Errors
    /// When the database can't be opened.
    pub fn open(data_dir: &DataDir, meter: Meter, clock: Clock) -> anyhow::Result<Self> {
        let state = State { store: Store::open(data_dir)?, firing: HashSet::new() };
        Ok(Self { state: Arc::new(Mutex::new(state)), meter, clock })
    }

    /// Makes sure that a group exists.
    ///
    /// # Errors
    /// An invalid name; a failing database.
    pub fn create_group(&self, group: &str) -> Result<(), SchedulerError> {
        definition::check_name("name", group)?;
        self.lock().store.create_group(group, self.clock.now()).map(|_| ())
    }

    /// Makes sure that a schedule exists as described, for those of the template. One that
    /// does already keeps its rhythm.
    ///
    /// # Errors
    /// An invalid name or expression; an unknown group; a failing database.
    pub fn put(
        &self,
        group: &str,
        name: &str,
        expression: &str,
        target_arn: &str,
        input: &str,
    ) -> Result<(), SchedulerError> {
        let definition = Definition {
            group_name: Some(group.to_owned()),
            schedule_expression: Some(expression.to_owned()),
            flexible_time_window: Some(FlexibleTimeWindow {
                mode: Some("OFF".to_owned()),
                maximum_window_in_minutes: None,
            }),
            target: Some(Target {
                arn: Some(target_arn.to_owned()),
                role_arn: Some(format!("arn:aws:iam::{ACCOUNT}:role/scheduler")),
                input: Some(input.to_owned()),
                ..Target::default()
            }),
            ..Definition::default()
        }
        .with_defaults();
        let state = self.lock();
        match state.store.get(group, name)? {
            Some(existing) if existing.definition == definition => Ok(()),
            _ => state.put(name, definition, self.clock.now()),
        }
    }

    /// Up to `max` schedules that are due and not handed out, the most overdue first. Each
    /// stays handed out until [`Scheduler::completed`] or [`Scheduler::failed`] is called.
    ///
    /// # Errors
    /// A failing database.
    pub fn due(&self, now: Timestamp, max: usize) -> Result<Vec<Firing>, SchedulerError> {
        let mut state = self.lock();
        let found = state.store.due(now, max.saturating_add(state.firing.len()))?;
        let firings = found.into_iter().filter_map(firing);
        let new: Vec<_> = firings.filter(|f| !state.firing.contains(&f.key())).take(max).collect();
        state.firing.extend(new.iter().map(Firing::key));
        Ok(new)
    }

    /// The target took it: a one-time schedule is over (and deleted, if that is its
    /// `ActionAfterCompletion`), a recurring one gets its next time.
    ///
    /// # Errors
    /// A failing database; the firing will be handed out again.
    pub fn completed(&self, firing: &Firing, now: Timestamp) -> Result<(), SchedulerError> {
        self.meter.call("scheduler", "Invocation");
        let mut state = self.lock();
        state.firing.remove(&firing.key());
        match state.current(firing)? {
            Some(schedule) => state.finish(&schedule, firing.scheduled_time, now),
            None => Ok(()),
        }
    }

    /// The target failed: it is tried again after 1, 2, 4 … 60 s, as often and as long as its
    /// `RetryPolicy` allows; after that the firing is given up.
    ///
    /// # Errors
    /// A failing database; the firing will be handed out again at once.
    pub fn failed(&self, firing: &Firing, now: Timestamp) -> Result<(), SchedulerError> {
        self.meter.call("scheduler", "Invocation");
        let mut state = self.lock();
        state.firing.remove(&firing.key());
        let Some(schedule) = state.current(firing)? else {
            return Ok(());
        };
        let failures = schedule.failures + 1;
        if !schedule.definition.retries(failures, firing.scheduled_time, now) {
            tracing::error!(group = %firing.group, name = %firing.name, "a schedule's target kept failing: given up");
            return state.finish(&schedule, firing.scheduled_time, now);
        }
        let backoff = SignedDuration::from_secs(1 << schedule.failures.clamp(0, 10));
        let try_at = now.checked_add(backoff.min(LONGEST_BACKOFF)).unwrap_or(Timestamp::MAX);
        state.store.set_retry(&firing.group, &firing.name, failures, try_at)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every method is one transaction: a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Checks and stores a schedule.
    fn put(
        &self,
        name: &str,
        definition: Definition,
        now: Timestamp,
    ) -> Result<(), SchedulerError> {
        definition::check_name("name", name)?;
        definition::check_name("groupName", definition.group())?;
        let expression = definition.check()?;
        let group = definition.group();
        if !self.store.groups()?.iter().any(|(name, _)| name == group) {
            return Err(SchedulerError::NotFound(format!(
                "Schedule group {group} does not exist."
            )));
        }
        let first = expression.first(now, definition.start_date.and_then(seconds));
        let due = definition.is_enabled().then_some(first);
        let due = due.filter(|due| in_time(&definition, *due));
        self.store.put(name, &definition.with_defaults(), due, now)
    }

    /// The schedule of a firing, if it was neither deleted nor changed since.
    fn current(&self, firing: &Firing) -> Result<Option<Schedule>, SchedulerError> {
        let schedule = self.store.get(&firing.group, &firing.name)?;
        Ok(schedule.filter(|schedule| schedule.due_at == Some(firing.scheduled_time)))
    }

    fn finish(
        &self,
        schedule: &Schedule,
        fired: Timestamp,
        now: Timestamp,
    ) -> Result<(), SchedulerError> {
        let definition = &schedule.definition;
        let next = definition.check()?.after(fired, now).filter(|next| in_time(definition, *next));
        if next.is_none() && definition.deletes_itself() {
            return self.store.delete(&schedule.group, &schedule.name).map(|_| ());
        }
        self.store.set_due(&schedule.group, &schedule.name, next)
    }
}

impl Firing {
    fn key(&self) -> (String, String) {
        (self.group.clone(), self.name.clone())
    }
}

fn firing(schedule: Schedule) -> Option<Firing> {
    let target = schedule.definition.target?;
    Some(Firing {
        group: schedule.group,
        name: schedule.name,
        target_arn: target.arn?,
        input: target.input.unwrap_or_else(|| "{}".to_owned()),
        scheduled_time: schedule.due_at?,
    })
}

/// A recurring schedule has a last moment; a one-time schedule ignores it, as on AWS.
fn in_time(definition: &Definition, due: Timestamp) -> bool {
    let once = matches!(definition.check(), Ok(Expression::Once(_)));
    once || definition.end_date.and_then(seconds).is_none_or(|end| due <= end)
}

fn seconds(value: f64) -> Option<Timestamp> {
    let millisecond = (value * 1_000.0).round();
    // Larger than any time that jiff knows, and exact in an f64.
    const LIMIT: f64 = 9e15;
    if millisecond.abs() > LIMIT {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    Timestamp::from_millisecond(millisecond as i64).ok()
}

fn arn(group: &str, name: &str) -> String {
    format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/{group}/{name}")
}

fn group_arn(name: &str) -> String {
    format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{name}")
}
