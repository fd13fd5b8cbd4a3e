//! `functions/deliver`: what becomes of a message of the deliveries queue.
//!
//! The last call for a message and the message's deletion are one step: a message that is deleted
//! later, or comes back later, might as well wait.

use crate::case::{Case, Without};
use crate::delivery::{Fate, Message, Past, Record, Road, Stage, Token};
use crate::state::{ATTEMPTS, State};
use crate::step::{Entry, Step, Taken};

impl State {
    /// What may happen to a delivery's tokens.
    pub fn deliver_steps(&self, case: &Case, delivery: usize, steps: &mut Vec<Step>) {
        let mut last = Token::Nothing;
        for token in self.deliveries[delivery].tokens() {
            if token == last {
                continue;
            }
            last = token;
            match token {
                Token::Waiting(message) => {
                    for taken in self.plans(case, delivery, message) {
                        steps.push(Step::Take(taken));
                        if self.crashes > 0 {
                            steps.push(Step::TakeAndCrash(taken, None));
                        }
                    }
                    if self.duplicates > 0 {
                        steps.push(Step::MessageTwice(delivery, message));
                    }
                }
                Token::Taken(_, stage, Fate::Dies) => {
                    steps.push(Step::Go(delivery, token));
                    steps.push(Step::Crash(delivery, token, None));
                    if let Stage::Write(Record::Retrying(_, Road::Row(_))) = stage {
                        steps.push(Step::Crash(delivery, token, Some(Entry::Item)));
                        steps.push(Step::Crash(delivery, token, Some(Entry::Row)));
                    }
                }
                Token::Taken(_, stage, _) => {
                    steps.push(Step::Go(delivery, token));
                    if self.refusals > 0 {
                        let entries: &[Entry] = match stage {
                            Stage::Write(Record::Retrying(_, Road::Row(_))) => {
                                &[Entry::Item, Entry::Row]
                            }
                            Stage::Write(_) => &[Entry::Item],
                            Stage::WriteRow(_) => &[Entry::Row],
                            Stage::Wake(_) => &[Entry::WakeUp],
                        };
                        let refused = |entry: &Entry| Step::Refused(delivery, token, *entry);
                        steps.extend(entries.iter().map(refused));
                    }
                }
                Token::Nothing => {}
            }
        }
    }

    /// Batches of two that end on the way. (Of a batch that comes to its end, each message fares as
    /// it would by itself.)
    pub fn crashing_batches(&self, case: &Case, steps: &mut Vec<Step>) {
        if self.crashes == 0 {
            return;
        }
        let plans = |delivery: usize| {
            let mut plans = Vec::new();
            for token in self.deliveries[delivery].tokens() {
                if let Token::Waiting(message) = token {
                    plans.extend(self.plans(case, delivery, message));
                }
            }
            plans.dedup();
            plans
        };
        let all: Vec<Vec<Taken>> = (0..self.deliveries.len()).map(plans).collect();
        for (index, ones) in all.iter().enumerate() {
            for one in ones {
                for other in all[index + 1..].iter().flatten() {
                    steps.push(Step::TakeAndCrash(*one, Some(*other)));
                }
            }
        }
    }

    /// `plan::before_attempt` and, for every outcome of an attempt, `plan::after_attempt`.
    fn plans(&self, case: &Case, delivery: usize, message: Message) -> Vec<Taken> {
        let plan = |attempted, stage| Taken { delivery, message, attempted, stage };
        let reads = message.reads() && !case.lacks(Without::RedeliveryCheck);
        let record = if reads { self.deliveries[delivery].record } else { Record::None };
        if self.is_off(delivery) {
            let cancel = (!record.is_over()).then_some(Stage::Write(Record::Cancelled));
            return vec![plan(false, cancel)];
        }
        if record.is_over() {
            return vec![plan(false, None)];
        }
        if let Record::Retrying(attempt, road) = record
            && attempt >= message.attempt
        {
            let own = attempt == message.attempt && message.past == Past::Again;
            return match road {
                _ if !own || case.lacks(Without::SecondWakeUp) => vec![plan(false, None)],
                Road::Row(bucket) if !self.buckets[bucket as usize].begun => {
                    // The nearer road if less than 15 minutes are left.
                    let stages = [Stage::WriteRow(bucket), Stage::Wake(Road::Queue)];
                    stages.map(|stage| plan(false, Some(stage))).to_vec()
                }
                _ => vec![plan(false, Some(Stage::Wake(Road::Queue)))],
            };
        }
        let attempt = message.attempt;
        let mut records = vec![Record::Delivered];
        if attempt == ATTEMPTS {
            records.push(Record::Failed);
        } else {
            records.push(Record::Retrying(attempt, Road::Queue));
            let rows = self.buckets_to_come(case, delivery).map(Road::Row);
            let rows = rows.filter(|_| case.rows);
            records.extend(rows.map(|road| Record::Retrying(attempt, road)));
        }
        records.into_iter().map(|record| plan(true, Some(Stage::Write(record)))).collect()
    }

    /// Buckets that a retry may be due in. One that is not in use is as good as another.
    fn buckets_to_come(&self, case: &Case, delivery: usize) -> impl Iterator<Item = u8> + '_ {
        let unused = |bucket: &usize| {
            let named = self.deliveries.iter().any(|delivery| delivery.names(*bucket as u8));
            self.buckets[*bucket].rows == 0 && !named
        };
        let first = case.buckets_of(delivery).find(unused);
        case.buckets_of(delivery)
            .filter(|bucket| !self.buckets[*bucket].begun)
            .filter(move |bucket| !unused(bucket) || Some(*bucket) == first)
            .map(|bucket| bucket as u8)
    }

    pub fn take(&mut self, taken: Taken, fate: Fate) {
        let Taken { delivery, message, attempted, stage } = taken;
        self.disobeyed |= attempted && self.forbids(delivery, message.past, message.attempt);
        let old = Token::Waiting(message);
        match stage {
            Some(stage) => {
                self.deliveries[delivery].replace(old, Token::Taken(message, stage, fate));
            }
            None => self.end(delivery, old, message, fate),
        }
    }

    /// Makes a call, all but the refused entry, and goes on to the next.
    pub fn go(&mut self, case: &Case, delivery: usize, token: Token, refused: Option<Entry>) {
        let Token::Taken(message, stage, mut fate) = token else { return };
        // What a schedule's creation comes to is nobody's failure: the sweep finds the rows.
        let scheduled = matches!(stage, Stage::Wake(Road::Row(b)) if !self.is_late(case, b));
        if refused.is_some() && !scheduled && !case.lacks(Without::DeliverResponse) {
            fate = Fate::ComesBack;
        }
        self.call(case, delivery, message, stage, refused);
        let next = match stage {
            Stage::Write(Record::Retrying(_, road)) => Some(Stage::Wake(road)),
            Stage::WriteRow(bucket) => Some(Stage::Wake(Road::Row(bucket))),
            Stage::Write(_) | Stage::Wake(_) => None,
        };
        match next {
            Some(stage) => {
                self.deliveries[delivery].replace(token, Token::Taken(message, stage, fate));
            }
            None => self.end(delivery, token, message, fate),
        }
    }

    fn call(
        &mut self,
        case: &Case,
        delivery: usize,
        message: Message,
        stage: Stage,
        refused: Option<Entry>,
    ) {
        if let Stage::Write(record) = stage
            && refused != Some(Entry::Item)
        {
            self.deliveries[delivery].record = record;
        }
        match stage {
            Stage::Write(Record::Retrying(_, Road::Row(bucket))) | Stage::WriteRow(bucket)
                if refused != Some(Entry::Row) =>
            {
                self.buckets[bucket as usize].rows |= 1 << delivery;
            }
            Stage::Wake(_) if refused == Some(Entry::WakeUp) => {}
            Stage::Wake(Road::Row(bucket)) if !self.is_late(case, bucket) => {
                let schedules = &mut self.buckets[bucket as usize].schedules;
                let again = case.lacks(Without::IdempotentSchedule);
                *schedules = if again { *schedules + 1 } else { 1 };
            }
            Stage::Wake(_) => self.deliveries[delivery].send(message.next()),
            Stage::Write(_) | Stage::WriteRow(_) => {}
        }
    }

    /// Whether the bucket may have been read before the row was there: `Deliver::schedule`.
    fn is_late(&self, case: &Case, bucket: u8) -> bool {
        self.buckets[bucket as usize].begun && !case.lacks(Without::LateRows)
    }

    /// Ends on the way, with this entry of the call written.
    pub fn crash(&mut self, delivery: usize, token: Token, written: Option<Entry>) {
        let Token::Taken(message, stage, fate) = token else { return };
        match (stage, written) {
            (Stage::Write(record), Some(Entry::Item)) => self.deliveries[delivery].record = record,
            (Stage::Write(Record::Retrying(_, Road::Row(bucket))), Some(Entry::Row)) => {
                self.buckets[bucket as usize].rows |= 1 << delivery;
            }
            _ => {}
        }
        self.end(delivery, token, message, fate);
    }

    fn end(&mut self, delivery: usize, token: Token, message: Message, fate: Fate) {
        let rest = match fate {
            Fate::Deleted => Token::Nothing,
            Fate::ComesBack | Fate::Dies => Token::Waiting(message.back()),
        };
        self.deliveries[delivery].replace(token, rest);
    }
}
