//! A delivery that came, and as what the page shows it.

use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::answers::Answer;
use super::{curl, layout};
use crate::verification::{Identity, Verdict};

/// What came, and what was made of it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// From 1, in the order of arrival.
    pub number: u64,
    pub at: Timestamp,
    /// Path and query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether the body went on.
    pub is_cut: bool,
    pub identity: Identity,
    pub verdict: Verdict,
    pub repeat: Repeat,
    pub answer: Answer,
    pub outcome: Outcome,
}

/// Whether the same event has come before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Repeat {
    /// The first time; or nothing says which event it is.
    First,
    /// It was not answered with success before. `time`: from 2.
    Retry { time: usize },
    /// It was: whoever keeps the ids of events does nothing.
    Duplicate { time: usize },
}

/// What became of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The answer waits for its delay to end.
    Waiting,
    Answered,
    /// The sender had gone by then.
    HungUp,
}

impl Delivery {
    /// Bytes that it takes, about.
    pub fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        self.body.len() + self.target.len() + headers.sum::<usize>()
    }

    /// Whether it is the same event as another, as far as is known. Forgeries are not counted with
    /// what they imitate.
    pub fn is_same_event(&self, other: &Self) -> bool {
        let is_refused = |delivery: &Self| matches!(delivery.verdict, Verdict::Refused(_));
        self.identity.event_id.is_some()
            && self.identity.event_id == other.identity.event_id
            && is_refused(self) == is_refused(other)
    }

    /// For a line of the list.
    pub fn summary(&self) -> Value {
        let state = match self.verdict {
            Verdict::Unchecked => "unchecked",
            Verdict::Verified { .. } => "verified",
            Verdict::Refused(_) => "refused",
        };
        json!({
            "number": self.number,
            "at": self.at,
            "target": self.target,
            "event_id": self.identity.event_id,
            "event_type": self.identity.event_type,
            "verdict": { "state": state, "headline": self.verdict.headline() },
            "repeat": self.repeat,
            "answer": self.answer,
            "outcome": self.outcome,
            "body_bytes": self.body.len(),
        })
    }

    /// All of it. `base` is where it came, for sending it again.
    pub fn detail(&self, base: &str) -> Value {
        let mut detail = self.summary();
        let headers: Vec<(&str, String)> = self
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        detail["verdict"]["advice"] = json!(self.verdict.advice());
        detail["headers"] = json!(headers);
        detail["body"] = json!({
            "text": String::from_utf8_lossy(&self.body),
            "laid_out": (!self.is_cut).then(|| layout::json(&self.body)).flatten(),
            "is_text": std::str::from_utf8(&self.body).is_ok(),
            "is_cut": self.is_cut,
        });
        detail["curl"] = json!((!self.is_cut).then(|| {
            curl::command(&format!("{base}{}", self.target), &self.headers, &self.body)
        }));
        detail
    }
}
