//! `functions/dispatch`: what may become of a message of the events queue.
//!
//! An invocation is one step here, although it makes several calls. All that others see of it are
//! the messages that it sends and the message that comes back, and a message may wait: an order in
//! which something happens between two sends is the same as one in which all are sent at once, and
//! one of them waits. So only how far it came makes a difference.

use crate::case::{Case, Without};
use crate::delivery::{Delivery, Message, Record};
use crate::state::{ENDPOINTS, State, Switch};
use crate::step::{Dispatched, Step};

/// Bits of the endpoints.
fn all(case: &Case) -> u8 {
    (1 << case.endpoints) - 1
}

impl State {
    pub fn dispatch_steps(&self, case: &Case, steps: &mut Vec<Step>) {
        let kinds = |event: usize| {
            let there = &self.events[event];
            [(there.fresh > 0, false), (there.again > 0, true)]
                .into_iter()
                .filter(|(there, _)| *there)
                .map(move |(_, again)| Dispatched { event, again, stored: true, sent: 0 })
        };
        for event in 0..case.events {
            for start in kinds(event) {
                let sent = self.wanted(case);
                steps.push(Step::Dispatch(Dispatched { sent, ..start }));
                if self.refusals > 0 {
                    let refused = self.partial(case, start).filter(|part| part.sent != sent);
                    steps.extend(refused.map(Step::DispatchRefused));
                }
                if self.crashes == 0 {
                    continue;
                }
                for part in self.partial(case, start) {
                    steps.push(Step::DispatchCrash(part, None));
                    let others = (event + 1..case.events).flat_map(kinds);
                    for other in others.flat_map(|other| self.partial(case, other)) {
                        steps.push(Step::DispatchCrash(part, Some(other)));
                    }
                }
            }
        }
    }

    fn wanted(&self, case: &Case) -> u8 {
        (0..case.endpoints).filter(|p| !self.is_off(*p)).fold(0, |bits, p| bits | 1 << p)
    }

    /// How far it may come: not stored, or stored and some messages sent.
    fn partial(&self, case: &Case, start: Dispatched) -> impl Iterator<Item = Dispatched> + use<> {
        let wanted = self.wanted(case);
        let stored = (0..=all(case)).filter(move |sent| sent & !wanted == 0);
        let stored = stored.map(move |sent| Dispatched { sent, ..start });
        std::iter::once(Dispatched { stored: false, ..start }).chain(stored)
    }

    /// Does this much, and deletes the message or has it come back.
    pub fn dispatch(&mut self, case: &Case, done: Dispatched, deleted: bool) {
        let Dispatched { event, again, stored, sent } = done;
        let of = &mut self.events[event];
        if again {
            of.again -= 1;
        } else {
            of.fresh -= 1;
        }
        if stored {
            of.items = if case.lacks(Without::IdempotentStore) { of.items + 1 } else { 1 };
        }
        of.again += u8::from(!deleted);
        let check = again;
        for endpoint in 0..case.endpoints {
            let delivery = &mut self.deliveries[event * ENDPOINTS + endpoint];
            if sent & (1 << endpoint) != 0 {
                // To one that is settled this makes no difference.
                if case.until_sent {
                    *delivery = Delivery::SETTLED;
                } else if delivery.record != Record::Settled {
                    delivery.send(Message::first(check));
                }
            } else if deleted && self.switches[endpoint] == Switch::Off {
                // Nobody wants it: there is no delivery.
                if delivery.record == Record::None && delivery.is_idle() {
                    delivery.record = Record::Cancelled;
                }
            }
        }
    }
}
