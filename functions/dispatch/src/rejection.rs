//! Messages that can never become an event.

use posthorn_shared::event::{GENERATION_ATTRIBUTE, InvalidEvent, KEY_ATTRIBUTE};
use posthorn_shared::operational;
use posthorn_shared::problem::{Problem, in_one_line};
use posthorn_shared::queue::{MESSAGE_ID_ATTRIBUTE, Outgoing, REASON_ATTRIBUTE};

use crate::intake::Message;

/// SQS takes 1 MiB in all, and a reason is for people.
const MAX_REASON: usize = 2_000;

/// Why a message goes to the events dead-letter queue. The text says what to mend before sending
/// it again.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    #[error("{0}")]
    Invalid(InvalidEvent),
    #[error("/type: {0} is a type of Posthorn's own events; choose another")]
    Reserved(String),
    #[error("/account: missing; name the account that the event belongs to")]
    NoAccount,
    #[error("/account: there is no account {0}; create it, then redrive")]
    UnknownAccount(String),
    #[error("/account: the account {0} that it was sent to has been deleted; delete this message")]
    FormerAccount(String),
    #[error("/type: the account's catalog has no event type {0}; add it, then redrive")]
    UnknownEventType(String),
    #[error("not valid by the schema of {event_type}: {}", below_data(.problems))]
    Schema { event_type: String, problems: Vec<Problem> },
    #[error("message attribute posthorn-key: {0} is no event key; leave it out")]
    BadKey(String),
    #[error("message attribute posthorn-generation: {0} is not a generation; leave it out")]
    BadGeneration(String),
}

/// A schema speaks of the data, a producer sees the whole event.
fn below_data(problems: &[Problem]) -> String {
    let below = problems.iter().map(|problem| problem.below("/data")).collect::<Vec<_>>();
    in_one_line(&below)
}

impl Rejection {
    /// The message as it was, with the reason and its first id as attributes; and with its event's
    /// key and account, so that it is still the same event when it is sent again.
    pub fn dead_letter(&self, message: &Message) -> Outgoing {
        let mut reason: String = self.to_string().chars().filter(|c| !c.is_control()).collect();
        if reason.len() > MAX_REASON {
            let end = (0..=MAX_REASON).rev().find(|end| reason.is_char_boundary(*end));
            reason.truncate(end.unwrap_or(0));
        }
        let key = message.key().ok().map(|key| (KEY_ATTRIBUTE, key.to_string()));
        let generation = message.generation().map(|text| (GENERATION_ATTRIBUTE, text.to_owned()));
        let operational =
            message.is_operational().then(|| (operational::ATTRIBUTE, "1".to_owned()));
        let told = [(MESSAGE_ID_ATTRIBUTE, message.id.clone()), (REASON_ATTRIBUTE, reason)];
        let attributes = key.into_iter().chain(generation).chain(operational).chain(told);
        Outgoing::dead_letter(message.body.clone(), attributes.collect())
    }
}
