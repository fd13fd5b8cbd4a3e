//! Counts what AWS would bill: requests, capacity units, invocations, handler time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// SQS bills every started 64 KB of a request's payload as one request.
/// Source: <https://aws.amazon.com/sqs/pricing/>
const SQS_BILLING_CHUNK: usize = 64 * 1024;

/// Counts every call since the start or the last reset. Clones share the counts.
#[derive(Clone, Default)]
pub struct Meter {
    counts: Arc<Mutex<Counts>>,
}

/// What the meter has counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Counts {
    /// By service (`dynamodb`, `sqs`, `scheduler`), then operation.
    pub calls: BTreeMap<&'static str, BTreeMap<String, Calls>>,
    pub dynamodb: Capacity,
    /// By function.
    pub lambda: BTreeMap<String, Invocations>,
}

/// Calls of one operation. A batch is one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Calls that did something: everything but the receives that found nothing.
    pub calls: u64,
    /// Requests that AWS bills for `calls`: for SQS one per started 64 KB of payload.
    pub requests_billed: u64,
    /// Receives that found nothing; AWS bills each as one request more.
    pub empty: u64,
    /// Calls answered with an error (counted in `calls` too).
    pub errors: u64,
}

/// DynamoDB's on-demand units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Capacity {
    pub read_units: f64,
    pub write_units: f64,
}

/// Lambda's two billed quantities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Invocations {
    pub invocations: u64,
    /// Time spent in the handler.
    pub milliseconds: f64,
}

impl Meter {
    /// A copy of the counts.
    pub fn read(&self) -> Counts {
        self.lock().clone()
    }

    /// Forgets everything counted.
    pub fn reset(&self) {
        *self.lock() = Counts::default();
    }

    /// One invocation of a function, and the time its handler took.
    pub fn lambda(&self, function: &str, duration: Duration) {
        let mut counts = self.lock();
        let entry = match counts.lambda.get_mut(function) {
            Some(entry) => entry,
            None => counts.lambda.entry(function.to_owned()).or_default(),
        };
        entry.invocations += 1;
        entry.milliseconds += duration.as_secs_f64() * 1_000.0;
    }

    /// A call that is billed as one request.
    pub fn call(&self, service: &'static str, operation: &str) {
        let mut counts = self.lock();
        let calls = counts.operation(service, operation);
        calls.calls += 1;
        calls.requests_billed += 1;
    }

    /// A call that was answered with an error; such calls are billed too.
    pub fn error(&self, service: &'static str, operation: &str) {
        self.lock().operation(service, operation).errors += 1;
    }

    /// An SQS call that carried `payload` bytes.
    pub fn sqs(&self, operation: &str, payload: usize) {
        let mut counts = self.lock();
        let calls = counts.operation("sqs", operation);
        calls.calls += 1;
        calls.requests_billed += payload.div_ceil(SQS_BILLING_CHUNK).max(1) as u64;
    }

    /// A receive that found nothing.
    pub fn sqs_empty_receive(&self) {
        self.lock().operation("sqs", "ReceiveMessage").empty += 1;
    }

    /// Units that DynamoDB reported for one call.
    pub fn dynamodb_units(&self, units: Capacity) {
        let mut counts = self.lock();
        counts.dynamodb.read_units += units.read_units;
        counts.dynamodb.write_units += units.write_units;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counters have no state in between that a panic could leave broken.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn operation(&mut self, service: &'static str, operation: &str) -> &mut Calls {
        let operations = self.calls.entry(service).or_default();
        operations.entry(operation.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_started_64_kb_is_one_request() {
        let meter = Meter::default();
        for payload in [0, 1, 64 * 1024, 64 * 1024 + 1] {
            meter.sqs("SendMessage", payload);
        }
        let calls = meter.read().calls["sqs"]["SendMessage"];
        assert_eq!((calls.calls, calls.requests_billed), (4, 5));
    }

    #[test]
    fn empty_receives_are_kept_apart() {
        let meter = Meter::default();
        meter.sqs_empty_receive();
        meter.sqs("ReceiveMessage", 10);
        let calls = meter.read().calls["sqs"]["ReceiveMessage"];
        assert_eq!((calls.calls, calls.requests_billed, calls.empty), (1, 1, 1));
        meter.reset();
        assert_eq!(meter.read(), Counts::default());
    }
}
