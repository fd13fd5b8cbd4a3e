//! Which states and orders are like others, so that one of them is enough.
//!
//! *Alike states.* Events, endpoints and buckets are interchangeable: of the states that differ in
//! their names only, the least stands for all.
//!
//! *Alike orders.* Steps that have nothing in common may be made in either order. Where some steps
//! have nothing in common with whatever the rest may do before them, it is enough to make them
//! first: any run of the rest up to one of them can be rearranged so that it comes first, and ends
//! in the same state. No run is endless (every message that comes back costs a crash, a refusal or a
//! duplicate), so nothing is put off for ever. What the properties look at is either a delivery's
//! own or the state in which nothing is left to do, and neither depends on the order.
//!
//! *Deliveries that share nothing any more.* Where no crash is left and no bucket in use, what
//! becomes of one delivery does not depend on the others: each is followed by itself, instead of all
//! their states being combined.

use crate::case::Case;
use crate::delivery::{Delivery, Record, Token};
use crate::state::{ATTEMPTS, BUCKETS_EACH, ENDPOINTS, EVENTS, Event, State};
use crate::step::Step;

impl State {
    /// The steps that are to be made first, if there are any.
    pub fn first_steps(&self, case: &Case, steps: &mut Vec<Step>) {
        let unsettled =
            || case.deliveries().filter(|d| self.deliveries[*d].record != Record::Settled);
        // Without rows, what is left to share are batches, and they matter only if they crash.
        let nothing_shared = !case.rows && self.crashes == 0 && !case.until_sent;
        if !case.together || nothing_shared {
            if unsettled().count() > 1 {
                steps.extend(unsettled().map(Step::Follow));
            }
            return;
        }
        for delivery in unsettled().filter(|delivery| self.is_by_itself(case, *delivery)) {
            self.deliver_steps(case, delivery, steps);
            if !steps.is_empty() {
                return;
            }
        }
    }

    /// Leaves out all deliveries but one, and the events of which no delivery is left.
    pub fn follow(&mut self, delivery: usize) {
        for other in (0..self.deliveries.len()).filter(|other| *other != delivery) {
            self.deliveries[other] = Delivery::SETTLED;
            for bucket in &mut self.buckets {
                bucket.rows &= !(1 << other);
            }
        }
        for (event, of) in self.events.iter_mut().enumerate() {
            if event != delivery / ENDPOINTS {
                *of = Event { fresh: 0, again: 0, items: of.items.max(1) };
            }
        }
    }

    /// Whether no step of anybody else can do anything to a delivery or learn anything from it: no
    /// message of its event is left, its endpoint stays as it is, and it has nothing to do with
    /// buckets. While there is a crash left, a message that waits may be taken together with another
    /// one by a batch that crashes: so then none must wait.
    fn is_by_itself(&self, case: &Case, delivery: usize) -> bool {
        let local = |token| match token {
            Token::Waiting(message) => {
                self.crashes == 0
                    && message.attempt == ATTEMPTS
                    && !self.may_switch(delivery % ENDPOINTS, case)
            }
            Token::Taken(_, stage, _) => !stage.is_of_a_row(),
            Token::Nothing => true,
        };
        self.is_dispatched(delivery)
            && !self.has_row(delivery)
            && self.deliveries[delivery].tokens().all(local)
    }

    /// The least of all states that differ from this one in names only.
    pub fn least(&self, case: &Case) -> Self {
        let mut least = *self;
        if !case.together {
            for delivery in case.deliveries() {
                least.swap_own_buckets(case, delivery);
            }
        }
        let first = least;
        for names in 1..8 {
            let (events, endpoints, buckets) = (names & 1 != 0, names & 2 != 0, names & 4 != 0);
            if (events && case.events < EVENTS)
                || (endpoints && case.endpoints < ENDPOINTS)
                || (buckets && !case.together)
            {
                continue;
            }
            let other = first.renamed(case, events, endpoints, buckets);
            if other < least {
                least = other;
            }
        }
        least
    }

    fn swap_own_buckets(&mut self, case: &Case, index: usize) {
        let own = case.buckets_of(index);
        let (first, second) = (own.start, own.start + 1);
        let swapped = self.deliveries[index].in_buckets(|bucket| bucket ^ 1);
        let now = (self.deliveries[index], self.buckets[first], self.buckets[second]);
        if (swapped, self.buckets[second], self.buckets[first]) < now {
            self.deliveries[index] = swapped;
            self.buckets.swap(first, second);
        }
    }

    fn renamed(&self, case: &Case, events: bool, endpoints: bool, buckets: bool) -> Self {
        let by = (usize::from(events) * ENDPOINTS) ^ usize::from(endpoints);
        let bucket_by = if case.together { usize::from(buckets) } else { by * BUCKETS_EACH };
        let mut other = *self;
        for index in 0..self.deliveries.len() {
            let moved = &self.deliveries[index];
            other.deliveries[index ^ by] =
                if bucket_by == 0 { *moved } else { moved.in_buckets(|b| b ^ bucket_by as u8) };
        }
        for (index, bucket) in self.buckets.iter().enumerate() {
            let mut moved = *bucket;
            if bucket.rows != 0 {
                moved.rows = (0..self.deliveries.len())
                    .filter(|delivery| bucket.rows & (1 << delivery) != 0)
                    .fold(0, |rows, delivery| rows | 1 << (delivery ^ by));
            }
            other.buckets[index ^ bucket_by] = moved;
        }
        if events {
            other.events.swap(0, 1);
        }
        if endpoints {
            other.switches.swap(0, 1);
        }
        other
    }
}
