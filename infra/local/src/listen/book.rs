//! What has come: the newest deliveries, within bounds, and who is told of changes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::answers::Answers;
use super::delivery::{Delivery, Outcome, Repeat};

/// Deliveries that are kept.
pub const MAX_DELIVERIES: usize = 500;
/// Bytes of headers and bodies that are kept.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The newest deliveries, and how the next are answered.
pub struct Book {
    pages: Mutex<Pages>,
    /// The number of the newest change.
    changes: watch::Sender<u64>,
}

struct Pages {
    /// The oldest first, each with the number of its newest change.
    deliveries: VecDeque<(u64, Delivery)>,
    bytes: usize,
    /// Deliveries that have come so far.
    count: u64,
    change: u64,
    answers: Answers,
    answers_changed: u64,
}

/// What is new since some change.
pub struct News {
    /// The newest change.
    pub change: u64,
    pub answers: Option<Answers>,
    /// In the order of their arrival.
    pub deliveries: Vec<Delivery>,
}

impl Book {
    pub fn new(answers: Answers) -> Self {
        let pages = Pages {
            deliveries: VecDeque::new(),
            bytes: 0,
            count: 0,
            change: 1,
            answers,
            answers_changed: 1,
        };
        Self { pages: Mutex::new(pages), changes: watch::Sender::new(1) }
    }

    /// Enters a delivery: gives it its number, and says whether its event has come before.
    pub fn enter(&self, mut delivery: Delivery) -> Delivery {
        self.change(|pages| {
            pages.count += 1;
            delivery.number = pages.count;
            delivery.repeat = pages.repeat(&delivery);
            pages.bytes += delivery.size();
            pages.change += 1;
            pages.deliveries.push_back((pages.change, delivery.clone()));
            while pages.deliveries.len() > MAX_DELIVERIES
                || (pages.bytes > MAX_BYTES && pages.deliveries.len() > 1)
            {
                if let Some((_, oldest)) = pages.deliveries.pop_front() {
                    pages.bytes -= oldest.size();
                }
            }
            delivery
        })
    }

    /// Writes down what became of an answer.
    pub fn close(&self, number: u64, outcome: Outcome) {
        self.change(|pages| {
            let change = pages.change + 1;
            let mut entries = pages.deliveries.iter_mut();
            if let Some(entry) = entries.find(|(_, delivery)| delivery.number == number) {
                entry.0 = change;
                entry.1.outcome = outcome;
                pages.change = change;
            }
        });
    }

    /// How to answer from now on.
    pub fn set_answers(&self, answers: Answers) {
        self.change(|pages| {
            pages.change += 1;
            pages.answers = answers;
            pages.answers_changed = pages.change;
        });
    }

    pub fn answers(&self) -> Answers {
        self.pages().answers
    }

    /// All that are kept, the newest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.pages().deliveries.iter().rev().map(|(_, delivery)| delivery.clone()).collect()
    }

    /// One of them.
    pub fn delivery(&self, number: u64) -> Option<Delivery> {
        let pages = self.pages();
        let mut all = pages.deliveries.iter().map(|(_, delivery)| delivery);
        all.find(|delivery| delivery.number == number).cloned()
    }

    /// What is new since a change; since 0, all.
    pub fn news(&self, since: u64) -> News {
        let pages = self.pages();
        let new = pages.deliveries.iter().filter(|(change, _)| *change > since);
        News {
            change: pages.change,
            answers: (pages.answers_changed > since).then_some(pages.answers),
            deliveries: new.map(|(_, delivery)| delivery.clone()).collect(),
        }
    }

    /// Wakes up at changes.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn change<T>(&self, act: impl FnOnce(&mut Pages) -> T) -> T {
        let mut pages = self.pages();
        let made = act(&mut pages);
        self.changes.send_replace(pages.change);
        made
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn repeat(&self, delivery: &Delivery) -> Repeat {
        let (mut time, mut has_succeeded) = (1, false);
        for (_, before) in self.deliveries.iter().filter(|(_, b)| b.is_same_event(delivery)) {
            time += 1;
            has_succeeded |= before.outcome == Outcome::Answered && before.answer.is_success();
        }
        match (time, has_succeeded) {
            (1, _) => Repeat::First,
            (time, true) => Repeat::Duplicate { time },
            (time, false) => Repeat::Retry { time },
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use jiff::Timestamp;

    use super::super::answers::{Answer, Why};
    use super::*;
    use crate::verification::{Cause, Identity, Refusal, Verdict};

    fn book() -> Book {
        Book::new(Answers {
            status: 200,
            delay_ms: 0,
            fail_rate: 0.0,
            fail_status: 500,
            accept_all: false,
        })
    }

    fn delivery(event: &str, status: u16) -> Delivery {
        Delivery {
            number: 0,
            at: Timestamp::UNIX_EPOCH,
            target: "/".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{}"),
            is_cut: false,
            identity: Identity { event_id: Some(event.to_owned()), ..Identity::default() },
            verdict: Verdict::Unchecked,
            repeat: Repeat::First,
            answer: Answer { status, delay_ms: 0, why: Why::AsSet },
            outcome: Outcome::Waiting,
        }
    }

    #[test]
    fn an_event_that_comes_again_is_a_retry_until_it_was_taken() {
        let book = book();
        let repeat = |event, status, outcome| {
            let entered = book.enter(delivery(event, status));
            book.close(entered.number, outcome);
            entered.repeat
        };
        assert_eq!(repeat("a", 500, Outcome::Answered), Repeat::First);
        assert_eq!(repeat("b", 200, Outcome::Answered), Repeat::First);
        assert_eq!(repeat("a", 200, Outcome::HungUp), Repeat::Retry { time: 2 });
        assert_eq!(repeat("a", 200, Outcome::Answered), Repeat::Retry { time: 3 });
        assert_eq!(repeat("a", 200, Outcome::Answered), Repeat::Duplicate { time: 4 });
        let mut nameless = delivery("", 200);
        nameless.identity.event_id = None;
        assert_eq!(book.enter(nameless.clone()).repeat, Repeat::First);
        assert_eq!(book.enter(nameless).repeat, Repeat::First);
    }

    #[test]
    fn a_forgery_is_not_counted_with_what_it_imitates() {
        let book = book();
        let mut forged = delivery("a", 401);
        forged.verdict = Verdict::Refused(Refusal::Differs(Cause::Unknown));
        book.enter(forged.clone());
        assert_eq!(book.enter(delivery("a", 200)).repeat, Repeat::First);
        assert_eq!(book.enter(forged).repeat, Repeat::Retry { time: 2 });
    }

    #[test]
    fn the_newest_are_kept_within_bounds() {
        let book = book();
        for number in 0..MAX_DELIVERIES + 3 {
            book.enter(delivery(&number.to_string(), 200));
        }
        let kept = book.deliveries();
        assert_eq!((kept.len(), kept[0].number), (MAX_DELIVERIES, 503));
        assert!(book.delivery(3).is_none() && book.delivery(4).is_some());
        let large = Bytes::from(vec![b' '; 1024 * 1024]);
        for _ in 0..100 {
            book.enter(Delivery { body: large.clone(), ..delivery("x", 200) });
        }
        assert_eq!(book.deliveries().len(), MAX_BYTES / (1024 * 1024) - 1);
    }

    #[test]
    fn tells_what_is_new_in_the_order_of_arrival() {
        let book = book();
        let first = book.enter(delivery("a", 200));
        book.enter(delivery("b", 200));
        let seen = book.news(0);
        assert!(seen.answers.is_some());
        let numbers = |news: &News| -> Vec<u64> {
            news.deliveries.iter().map(|delivery| delivery.number).collect()
        };
        assert_eq!(numbers(&seen), [1, 2]);
        book.close(first.number, Outcome::Answered);
        book.set_answers(Answers { status: 500, ..book.answers() });
        let news = book.news(seen.change);
        assert_eq!(news.answers.map(|answers| answers.status), Some(500));
        assert_eq!(numbers(&news), [1]);
        assert_eq!(numbers(&book.news(0)), [1, 2]);
        assert!(book.news(news.change).deliveries.is_empty());
    }
}
