//! Metrics for CloudWatch, in its embedded metric format: a line of the log that CloudWatch reads as
//! numbers. They cost what a line costs; no call is made for them.
//!
//! What happens is added up in the process, and a function writes it once per invocation: one line
//! for each dialect, and one for what belongs to none. Dimensions are the deployment and the
//! dialect, never an account or an endpoint: each combination is a metric that is paid for.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use metrique_writer_core::format::Format;
use metrique_writer_core::unit::NegativeScale;
use metrique_writer_core::{
    Entry, EntryWriter, MetricFlags, Observation, Unit, Value, ValueWriter,
};
use metrique_writer_format_emf::Emf;

use crate::dialect::Dialect;

/// What CloudWatch keeps them under.
pub const NAMESPACE: &str = "Posthorn";
const DEPLOYMENT: &str = "Deployment";
const DIALECT: &str = "Dialect";
/// Different values of one metric that fit into a line.
const MAX_VALUES: usize = 100;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Count {
    /// Events stored; one that came twice counts once for each time it was not known as such.
    Accepted,
    /// Events that went to the dead-letter queue.
    Rejected,
    /// Attempts made, tests left out.
    Attempts,
    /// Those of them that failed.
    FailedAttempts,
    /// Deliveries that succeeded.
    Delivered,
    /// Deliveries given up.
    Failed,
    /// Attempts that failed and have a next one planned.
    Retried,
    /// Endpoints left alone because nothing of them answered.
    CircuitsOpened,
    /// Sweeps that came to their end.
    Sweeps,
    /// Retries that the sweep found, because nothing had woken them up in time.
    OverdueRetries,
    /// Calls to AWS that were refused because there were too many.
    Throttles,
}

/// What is measured, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// How long an attempt took, from its beginning to the end of the answer.
    AttemptDuration,
    /// From an event's acceptance to its first attempt at an endpoint.
    DeliveryLag,
}

/// Adds up and writes. Clones share what they add up.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Sink>>);

struct Sink {
    deployment: String,
    state: Mutex<State>,
}

struct State {
    of_dialects: Emf,
    of_all: Emf,
    /// By dialect; the empty name is for what belongs to none.
    waiting: BTreeMap<String, Waiting>,
}

#[derive(Default)]
struct Waiting {
    counts: BTreeMap<Count, u64>,
    /// How often each number of milliseconds was measured.
    spans: BTreeMap<Span, BTreeMap<u64, u64>>,
}

struct Line<'a> {
    deployment: &'a str,
    dialect: &'a str,
    waiting: &'a Waiting,
}

/// How often each value occurred.
struct Distribution<'a>(&'a BTreeMap<u64, u64>);

impl Metrics {
    /// Metrics of a deployment; `None`: nothing is added up nor written.
    pub fn of(deployment: Option<&str>) -> Self {
        let sets = |sets: &[&[&str]]| -> Vec<Vec<String>> {
            sets.iter().map(|set| set.iter().map(|&name| name.to_owned()).collect()).collect()
        };
        let emf = |dimensions| Emf::builder(NAMESPACE.to_owned(), dimensions).build();
        Self(deployment.map(|deployment| {
            let state = State {
                of_dialects: emf(sets(&[&[DEPLOYMENT], &[DEPLOYMENT, DIALECT]])),
                of_all: emf(sets(&[&[DEPLOYMENT]])),
                waiting: BTreeMap::new(),
            };
            Arc::new(Sink { deployment: deployment.to_owned(), state: Mutex::new(state) })
        }))
    }

    /// Counts what has to do with an account.
    pub fn count(&self, dialect: &Dialect, what: Count, number: u64) {
        self.add(&dialect.name, what, number);
    }

    /// Counts what has to do with no account.
    pub fn count_of_all(&self, what: Count, number: u64) {
        self.add("", what, number);
    }

    /// Records how long something took.
    pub fn took(&self, dialect: &Dialect, what: Span, time: Duration) {
        let Some(sink) = &self.0 else { return };
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let mut state = sink.lock();
        let spans = &mut state.waiting.entry(dialect.name.clone()).or_default().spans;
        *spans.entry(what).or_default().entry(two_digits(millis)).or_default() += 1;
    }

    /// Writes what has been added up to the log. What can't be written is left out.
    pub fn write(&self) {
        let Some(sink) = &self.0 else { return };
        let lines = sink.take_lines();
        if !lines.is_empty() {
            // At once: a line is read as a whole or not at all.
            let mut out = io::stdout().lock();
            drop(out.write_all(&lines).and_then(|()| out.flush()));
        }
    }

    fn add(&self, dialect: &str, what: Count, number: u64) {
        let Some(sink) = self.0.as_ref().filter(|_| number > 0) else { return };
        let mut state = sink.lock();
        let counts = &mut state.waiting.entry(dialect.to_owned()).or_default().counts;
        *counts.entry(what).or_default() += number;
    }
}

impl Sink {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_lines(&self) -> Vec<u8> {
        let mut state = self.lock();
        let waiting = std::mem::take(&mut state.waiting);
        let mut lines = Vec::new();
        for (dialect, waiting) in &waiting {
            let emf = if dialect.is_empty() { &mut state.of_all } else { &mut state.of_dialects };
            let line = Line { deployment: &self.deployment, dialect, waiting };
            if let Err(error) = emf.format(&line, &mut lines) {
                tracing::error!(%error, "metrics not written");
            }
        }
        lines
    }
}

impl Entry for Line<'_> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        writer.timestamp(SystemTime::now());
        writer.value(DEPLOYMENT, self.deployment);
        if !self.dialect.is_empty() {
            writer.value(DIALECT, self.dialect);
        }
        for (what, number) in &self.waiting.counts {
            writer.value(format!("{what:?}"), number);
        }
        for (what, values) in &self.waiting.spans {
            writer.value(format!("{what:?}"), &Distribution(values));
        }
    }
}

impl Value for Distribution<'_> {
    fn write(&self, writer: impl ValueWriter) {
        let observations = self.0.iter().take(MAX_VALUES).map(|(&millis, &occurrences)| {
            Observation::Repeated { total: (millis * occurrences) as f64, occurrences }
        });
        let unit = Unit::Second(NegativeScale::Milli);
        writer.metric(observations, unit, [], MetricFlags::empty());
    }
}

/// The number with its two highest digits: 90 values for each power of ten, so that a line has room
/// for nearly everything an invocation measures.
fn two_digits(number: u64) -> u64 {
    let unit = 10_u64.pow(number.max(1).ilog10().saturating_sub(1));
    number / unit * unit
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::Dialects;

    #[test]
    fn a_line_for_each_dialect_and_one_for_all() {
        let dialects = Dialects::built_in();
        let (standard, fltr) =
            (dialects.standard().clone(), dialects.named("fltr").unwrap().clone());
        let metrics = Metrics::of(Some("prod"));
        for (dialect, millis) in [(&standard, 17), (&standard, 17), (&standard, 1_234), (&fltr, 0)]
        {
            metrics.count(dialect, Count::Attempts, 1);
            metrics.took(dialect, Span::AttemptDuration, Duration::from_millis(millis));
        }
        metrics.count(&fltr, Count::Failed, 0);
        metrics.count_of_all(Count::Throttles, 3);
        let lines = String::from_utf8(metrics.0.as_ref().unwrap().take_lines()).unwrap();
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [all, fltr, standard] = lines.as_slice() else { panic!("{lines:#?}") };
        assert_eq!((&all["Throttles"], &all["Dialect"]), (&json!(3), &Value::Null));
        let directive = |line: &Value| line["_aws"]["CloudWatchMetrics"][0].clone();
        assert_eq!(directive(all)["Dimensions"], json!([["Deployment"]]));
        assert_eq!((&fltr["Dialect"], &fltr["Attempts"]), (&json!("fltr"), &json!(1)));
        assert_eq!(fltr["Failed"], Value::Null, "what is nought is left out");
        assert_eq!(standard["Deployment"], "prod");
        assert_eq!(standard["Attempts"], 3);
        let durations = &standard["AttemptDuration"];
        assert_eq!(durations["Counts"], json!([2, 1]));
        assert_eq!(durations["Values"], json!([17, 1_200]), "{durations}");
        let directive = directive(standard);
        assert_eq!(directive["Namespace"], NAMESPACE);
        assert_eq!(directive["Dimensions"], json!([["Deployment"], ["Deployment", "Dialect"]]));
        let unit = json!({ "Name": "AttemptDuration", "Unit": "Milliseconds" });
        assert!(directive["Metrics"].as_array().unwrap().contains(&unit), "{directive}");
        assert_eq!(metrics.0.as_ref().unwrap().take_lines(), b"", "each is written once");
    }

    #[test]
    fn two_digits_are_kept() {
        for (number, kept) in [(0, 0), (9, 9), (10, 10), (99, 99), (101, 100), (30_999, 30_000)] {
            assert_eq!(two_digits(number), kept);
        }
        assert_eq!(two_digits(u64::MAX), 18_000_000_000_000_000_000);
    }
}
