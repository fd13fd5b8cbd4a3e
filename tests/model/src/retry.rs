//! `functions/retry`: sends a bucket's rows.
//!
//! As with dispatch, a call is one step: what it sends may wait, and what is written into the bucket
//! after it has been read has to look after itself, whether the mark is there or not.

use crate::bucket::Bucket;
use crate::case::{Case, Without};
use crate::delivery::{Message, Past, Record};
use crate::state::{ATTEMPTS, BUCKETS, BUCKETS_EACH, State};
use crate::step::{Caller, Step};

impl State {
    pub fn retry_steps(&self, case: &Case, steps: &mut Vec<Step>) {
        let all = if case.together { BUCKETS_EACH } else { BUCKETS };
        for index in 0..all {
            self.steps_of_bucket(case, index, steps);
        }
    }

    pub fn steps_of_bucket(&self, case: &Case, index: usize, steps: &mut Vec<Step>) {
        let bucket = &self.buckets[index];
        if !bucket.begun {
            let named = || self.deliveries.iter().any(|delivery| delivery.names(index as u8));
            if bucket.rows != 0 || named() {
                steps.push(Step::Begin(index));
                if !case.together && bucket.schedules == 0 {
                    steps.push(Step::OtherSchedules(index));
                }
            }
            return;
        }
        if bucket.schedules > 0 {
            steps.push(Step::Retry(index, Caller::Schedule));
            if self.duplicates > 0 {
                steps.push(Step::RetryTwice(index));
            }
        }
        if is_overdue(bucket, case) {
            steps.push(Step::Retry(index, Caller::Sweep));
        }
    }

    /// Calls that end before they are done. Scheduler calls again, and the sweep's cursor has not
    /// moved: so that all that is left of them are messages.
    pub fn unfinished_calls(&self, case: &Case, steps: &mut Vec<Step>) {
        if self.crashes == 0 && self.refusals == 0 {
            return;
        }
        let called =
            |bucket: &&Bucket| bucket.begun && (bucket.schedules > 0 || is_overdue(bucket, case));
        let called = self.buckets.iter().filter(called).map(|bucket| bucket.rows);
        for rows in called {
            for sent in (1..=rows).filter(|sent| sent & !rows == 0) {
                if self.crashes > 0 {
                    steps.push(Step::RetryCrash(sent));
                }
                if self.refusals > 0 {
                    steps.push(Step::RetryRefused(sent));
                }
            }
        }
    }

    pub fn retry(&mut self, index: usize, caller: Caller) {
        self.send_rows(self.buckets[index].rows);
        let bucket = &mut self.buckets[index];
        bucket.passed = true;
        bucket.schedules -= u8::from(caller == Caller::Schedule);
    }

    pub fn send_rows(&mut self, rows: u8) {
        let message = Message { attempt: ATTEMPTS, past: Past::None };
        for (number, delivery) in self.deliveries.iter_mut().enumerate() {
            // To one that is settled this makes no difference.
            if rows & (1 << number) != 0 && delivery.record != Record::Settled {
                delivery.send(message);
            }
        }
    }
}

fn is_overdue(bucket: &Bucket, case: &Case) -> bool {
    !case.lacks(Without::Sweep) && !bucket.passed
}
