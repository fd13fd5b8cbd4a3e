//! Reading a message of the events queue.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsMessage;
use jiff::Timestamp;
use posthorn_shared::account_view::AccountView;
use posthorn_shared::event::{self, CHECKED_ATTRIBUTE, GENERATION_ATTRIBUTE, KEY_ATTRIBUTE};
use posthorn_shared::ids::{AccountId, EventKey, EventTypeName, ProducerEventId};
use posthorn_shared::operational;
use posthorn_shared::queue;
use posthorn_shared::stored_event::StoredEvent;
use posthorn_shared::tenant::Tenant;
use serde_json::value::RawValue;

use crate::fan_out::Accepted;
use crate::rejection::Rejection;

/// What Lambda tells of a message.
pub struct Message {
    pub id: String,
    pub body: String,
    sent: Timestamp,
    receive_count: u32,
    key: Option<String>,
    checked: Option<String>,
    /// Which of the accounts that have had the id it is for, if it says so.
    generation: Option<String>,
    /// It is of our own making.
    operational: bool,
}

/// An event that was read, not yet checked against its account.
pub struct Incoming {
    pub index: usize,
    pub key: EventKey,
    pub account: AccountId,
    pub event_type: EventTypeName,
    /// The schema by which its data was found valid before it was sent.
    pub checked: Option<String>,
    /// Which of the accounts that have had the id it is for, if it says so.
    pub tenant: Option<Tenant>,
    id: Option<ProducerEventId>,
    timestamp: Timestamp,
    data: Box<RawValue>,
    seen_before: bool,
}

impl Message {
    /// The key of its event: what the api function has answered with, if it did.
    ///
    /// # Errors
    /// With what was passed instead.
    pub fn key(&self) -> Result<EventKey, Rejection> {
        match &self.key {
            Some(key) => key.parse().map_err(|_| Rejection::BadKey(key.clone())),
            None => Ok(EventKey::from_message(self.sent, &self.id)),
        }
    }

    /// What it says of its account beside the id.
    pub fn generation(&self) -> Option<&str> {
        self.generation.as_deref()
    }

    fn tenant(&self, id: &AccountId) -> Result<Option<Tenant>, Rejection> {
        let Some(text) = self.generation() else {
            return Ok(None);
        };
        let generation = text.parse().ok();
        let created_at = generation.and_then(|at| Timestamp::from_millisecond(at).ok());
        match created_at {
            Some(created_at) => Ok(Some(Tenant { id: id.clone(), created_at })),
            None => Err(Rejection::BadGeneration(text.to_owned())),
        }
    }

    /// Whether it is of our own making.
    pub fn is_operational(&self) -> bool {
        self.operational
    }
}

impl From<SqsMessage> for Message {
    fn from(record: SqsMessage) -> Self {
        let mut attributes = record.message_attributes;
        let mut text = |name: &str| attributes.remove(name).and_then(|value| value.string_value);
        let (key, checked) = (text(KEY_ATTRIBUTE), text(CHECKED_ATTRIBUTE));
        let generation = text(GENERATION_ATTRIBUTE);
        let operational = attributes.contains_key(operational::ATTRIBUTE);
        let millis = record.attributes.get("SentTimestamp").and_then(|text| text.parse().ok());
        Self {
            id: record.message_id.unwrap_or_default(),
            body: record.body.unwrap_or_default(),
            sent: millis
                .and_then(|millis| Timestamp::from_millisecond(millis).ok())
                .unwrap_or(Timestamp::UNIX_EPOCH),
            receive_count: queue::receive_count(&record.attributes),
            key,
            checked,
            generation,
            operational,
        }
    }
}

/// Reads a message. A key that the api function passed along is used; any other event's key
/// follows from the message, so that a redelivery makes the same.
pub fn read(index: usize, message: &Message) -> Result<Incoming, Rejection> {
    let event = event::parse_queue_body(&message.body).map_err(Rejection::Invalid)?;
    if operational::is_operational(&event.event_type) && !message.operational {
        return Err(Rejection::Reserved(event.event_type.to_string()));
    }
    let account = event.account.ok_or(Rejection::NoAccount)?;
    Ok(Incoming {
        index,
        key: message.key()?,
        tenant: message.tenant(&account)?,
        account,
        event_type: event.event_type,
        checked: message.checked.clone(),
        id: event.id,
        timestamp: event.timestamp.unwrap_or(message.sent),
        data: event.data,
        seen_before: message.receive_count > 1,
    })
}

impl Incoming {
    /// Whether it is for this account, and not for one that had the id before. Where it does not say,
    /// the time tells.
    pub fn is_for(&self, view: &AccountView) -> bool {
        match &self.tenant {
            Some(tenant) => *tenant == view.tenant,
            None => view.account.is_meant(self.key.received_at()),
        }
    }

    /// The data's JSON text.
    pub fn data(&self) -> &str {
        self.data.get()
    }

    /// The event, ready to be stored and sent.
    pub fn into_accepted(self, view: Arc<AccountView>) -> Accepted {
        Accepted {
            index: self.index,
            event: StoredEvent {
                account: self.account,
                key: self.key,
                id: self.id,
                event_type: self.event_type,
                timestamp: self.timestamp,
                data: Box::<str>::from(self.data).into_string(),
                test: false,
            },
            view,
            seen_before: self.seen_before,
        }
    }
}
