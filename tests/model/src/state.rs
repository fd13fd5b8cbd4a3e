//! The state of everything.

use crate::bucket::Bucket;
use crate::case::{Case, Without};
use crate::delivery::{Delivery, Fate, Past, Road, Stage, Token};

pub const EVENTS: usize = 2;
pub const ENDPOINTS: usize = 2;
pub const DELIVERIES: usize = EVENTS * ENDPOINTS;
pub const ATTEMPTS: u8 = 2;
pub const BUCKETS_EACH: usize = 2;
pub const BUCKETS: usize = DELIVERIES * BUCKETS_EACH;

/// An event: its messages on the events queue, and its item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Event {
    /// Messages that were not received before.
    pub fresh: u8,
    /// Messages that came back.
    pub again: u8,
    /// Items that hold it.
    pub items: u8,
}

/// What an endpoint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Switch {
    On,
    Off,
    OnAgain,
}

/// Everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct State {
    pub events: [Event; EVENTS],
    /// By event, then endpoint.
    pub deliveries: [Delivery; DELIVERIES],
    pub buckets: [Bucket; BUCKETS],
    pub switches: [Switch; ENDPOINTS],
    /// What may still go wrong.
    pub crashes: u8,
    pub refusals: u8,
    pub duplicates: u8,
    /// An attempt was made that must not be.
    pub disobeyed: bool,
}

impl State {
    /// Every event is on the queue: that of one which is posted later could wait there as well.
    pub fn new(case: &Case) -> Self {
        let mut events = [Event::default(); EVENTS];
        for event in &mut events[..case.events] {
            event.fresh = 1;
        }
        Self {
            events,
            deliveries: [Delivery::NEW; DELIVERIES],
            buckets: [Bucket::default(); BUCKETS],
            switches: [Switch::On; ENDPOINTS],
            crashes: case.crashes,
            refusals: case.refusals,
            duplicates: case.duplicates,
            disobeyed: false,
        }
    }

    pub fn is_off(&self, delivery: usize) -> bool {
        self.switches[delivery % ENDPOINTS] == Switch::Off
    }

    pub fn may_switch(&self, endpoint: usize, case: &Case) -> bool {
        case.switches
            && match self.switches[endpoint] {
                Switch::On => self.switches.iter().all(|switch| *switch == Switch::On),
                Switch::Off => true,
                Switch::OnAgain => false,
            }
    }

    /// Whether nothing can come to a delivery but what its tokens do.
    pub fn is_dispatched(&self, delivery: usize) -> bool {
        let event = &self.events[delivery / ENDPOINTS];
        event.fresh == 0 && event.again == 0
    }

    pub fn has_row(&self, delivery: usize) -> bool {
        self.buckets.iter().any(|bucket| bucket.rows & (1 << delivery) != 0)
    }

    /// Forgets what nobody will ask for again.
    pub fn tidy(&mut self, case: &Case) {
        // What is over stays over, if the safeguards are there.
        if case.reduced && case.without.is_none() {
            self.settle(case);
        }
        let sweeps = !case.lacks(Without::Sweep);
        let buckets = if case.together { BUCKETS_EACH } else { BUCKETS };
        for index in 0..buckets {
            if self.buckets[index] == Bucket::default() {
                continue;
            }
            if !self.buckets[index].is_live(sweeps) {
                self.buckets[index].rows = 0;
            }
            // Nobody has to do with this bucket any more: it may as well be one to come.
            let named = || self.deliveries.iter().any(|delivery| delivery.names(index as u8));
            if self.buckets[index].rows == 0 && !named() {
                self.buckets[index] = Bucket::default();
            }
        }
    }

    /// A delivery that is over, with no write under way, stays so: each message to come reads the
    /// record and is dropped, so that what they are makes no difference. (The first message of all
    /// does not read, so it must be gone; and an invocation that makes sure of a bucket's schedule
    /// does so for others as well.)
    fn settle(&mut self, case: &Case) {
        for index in case.deliveries() {
            let delivery = &self.deliveries[index];
            let stays = |token| match token {
                Token::Waiting(message) => message.reads(),
                Token::Taken(message, Stage::Wake(Road::Queue), fate) => {
                    fate == Fate::Deleted || message.back().reads()
                }
                Token::Taken(..) => false,
                Token::Nothing => true,
            };
            let unread = self.events[index / ENDPOINTS].fresh > 0;
            if delivery.record.is_over() && !unread && delivery.tokens().all(stays) {
                self.deliveries[index] = Delivery::SETTLED;
                for bucket in &mut self.buckets {
                    bucket.rows &= !(1 << index);
                }
            }
        }
    }

    /// Whether this message must not lead to an attempt: its endpoint is off, or its delivery is
    /// over. An event's very first message is not checked against the record, so it can't know: that
    /// costs a request.
    pub fn forbids(&self, delivery: usize, past: Past, attempt: u8) -> bool {
        let unknown = past == Past::None && attempt == 1;
        self.is_off(delivery) || (self.deliveries[delivery].record.is_over() && !unknown)
    }
}
