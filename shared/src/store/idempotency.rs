//! Requests that carry an `Idempotency-Key`: claimed before they are carried out, and kept with
//! their answer for a day.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::keys;
use super::table::item_key;
use super::{Reader, Store, StoreError, number, string};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a claim holds while its request is under way: longer than any request lasts, so that a
/// second one is let in only when the first has died.
const HELD: Duration = Duration::from_secs(60);

/// What is known of a request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    /// None: this one is claimed until then.
    Claimed(Timestamp),
    /// It is under way.
    UnderWay,
    /// It was another request: the digests differ.
    Different,
    /// It was answered: the sealed answer.
    Answered(String),
}

impl Store {
    /// Claims a request. `id` names it without revealing its key; `digest` is of all that a request
    /// with the same key must have in common.
    ///
    /// # Errors
    /// When the table can't be read or written.
    pub async fn claim_request(
        &self,
        id: &str,
        digest: &str,
        now: Timestamp,
    ) -> Result<Earlier, StoreError> {
        let until = now.saturating_add(HELD).unwrap_or(now);
        let mut item = item_key(keys::request(id));
        item.insert("b".to_owned(), string(digest));
        item.insert("u".to_owned(), number(until.as_millisecond()));
        item.insert("x".to_owned(), number(expiry(now)));
        // Expired items are there until DynamoDB gets round to deleting them.
        let free = "attribute_not_exists(pk) OR x < :s OR u < :ms";
        let values: [(&str, AttributeValue); 2] =
            [(":s", number(now.as_second())), (":ms", number(now.as_millisecond()))];
        if self.put_if(item, free, &values).await? {
            return Ok(Earlier::Claimed(until));
        }
        let Some(item) = self.get(keys::request(id), true).await? else {
            // Given up this very moment.
            return Ok(Earlier::UnderWay);
        };
        let reader = Reader(&item);
        if reader.text("b")? != digest {
            return Ok(Earlier::Different);
        }
        let answer = reader.optional_text("d");
        Ok(answer.map_or(Earlier::UnderWay, |answer| Earlier::Answered(answer.to_owned())))
    }

    /// Keeps the answer to a request that was claimed until `claim`.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn keep_answer(
        &self,
        id: &str,
        digest: &str,
        claim: Timestamp,
        answer: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut item = item_key(keys::request(id));
        item.insert("b".to_owned(), string(digest));
        item.insert("d".to_owned(), string(answer));
        item.insert("x".to_owned(), number(expiry(now)));
        // Unless the claim ran out and somebody else has it now.
        let mine = [(":u", number(claim.as_millisecond()))];
        self.put_if(item, "u = :u", &mine).await.map(drop)
    }

    /// Gives a claim up: the request was refused, and may be sent again.
    ///
    /// # Errors
    /// When the table can't be written.
    pub async fn give_up_request(&self, id: &str) -> Result<(), StoreError> {
        self.delete(keys::request(id)).await
    }
}

fn expiry(now: Timestamp) -> i64 {
    now.as_second().saturating_add_unsigned(KEPT.as_secs())
}
