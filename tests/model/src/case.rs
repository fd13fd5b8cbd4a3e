//! What to check.

use std::ops::Range;

use crate::state::{BUCKETS_EACH, DELIVERIES, ENDPOINTS};

/// The size of the case, and what may go wrong in it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// 1 or 2.
    pub events: usize,
    /// 1 or 2.
    pub endpoints: usize,
    /// Invocations that end in the middle. One may take the messages of a whole batch with it.
    pub crashes: u8,
    /// Calls that SQS, DynamoDB or Scheduler refuse for good, of one entry of a batch.
    pub refusals: u8,
    /// Messages, or calls of a schedule, that come twice.
    pub duplicates: u8,
    /// Whether one endpoint may be switched off, and on again.
    pub switches: bool,
    /// Whether retries may come by a row; if not, all come by the queue.
    pub rows: bool,
    /// Whether deliveries are looked at together, with the batches and buckets that they share. If
    /// not, each by itself: crashes, refusals and duplicates are those that befall this one, and the
    /// others may do to its buckets whatever they like.
    pub together: bool,
    /// Whether to leave it at that when the deliveries' messages are sent.
    pub until_sent: bool,
    /// Whether to leave out orders and states that are like others (`order.rs`).
    pub reduced: bool,
    /// A safeguard to leave out.
    pub without: Option<Without>,
}

/// A safeguard of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// An event that is stored again is the same item.
    IdempotentStore,
    /// What is on record is read before an attempt that may not be the first.
    RedeliveryCheck,
    /// A message that finds its own attempt on record makes sure of the next one's wake-up.
    SecondWakeUp,
    /// A row whose bucket has begun goes by the queue as well.
    LateRows,
    /// A schedule is named after its bucket, so that there is one.
    IdempotentSchedule,
    /// What its schedule has missed is found by the sweep.
    Sweep,
    /// What dispatch failed to store or send comes back, although the rest of its batch does not.
    DispatchResponse,
    /// What deliver failed to write or send comes back, although the rest of its batch does not.
    DeliverResponse,
}

impl Case {
    /// One event for one endpoint, and nothing goes wrong.
    pub const NOTHING: Self = Self {
        events: 1,
        endpoints: 1,
        crashes: 0,
        refusals: 0,
        duplicates: 0,
        switches: false,
        rows: true,
        together: false,
        until_sent: false,
        reduced: true,
        without: None,
    };

    pub(crate) fn lacks(&self, safeguard: Without) -> bool {
        self.without == Some(safeguard)
    }

    /// The buckets that a delivery's retries may be due in.
    pub(crate) fn buckets_of(&self, delivery: usize) -> Range<usize> {
        let first = if self.together { 0 } else { delivery * BUCKETS_EACH };
        first..first + BUCKETS_EACH
    }

    /// The deliveries of the case.
    pub(crate) fn deliveries(&self) -> impl Iterator<Item = usize> + use<> {
        let (events, endpoints) = (self.events, self.endpoints);
        (0..DELIVERIES).filter(move |d| d / ENDPOINTS < events && d % ENDPOINTS < endpoints)
    }
}
