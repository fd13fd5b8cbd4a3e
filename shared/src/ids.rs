//! Identifiers. Those that Posthorn makes are TypeIDs (`ep_…`, `evt_…`): a prefix, and a UUIDv7 in
//! base32, so that sorting them sorts by time of creation.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::base32;

/// Why a text is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(pub String);

// `max_length`: where the pattern does not say it.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $pattern:expr, $max_length:expr, $example:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The identifier as users see it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some($pattern))
                    .max_length($max_length)
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_string()
            }
        }
    };
}

macro_rules! type_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        text_id! {
            $(#[$doc])* $name,
            // Lower-case Crockford base32 of 128 bits.
            concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$"),
            None,
            concat!($prefix, "_01h455vb4pex5vsknk084sn02q")
        }

        impl $name {
            /// What every one of them starts with.
            pub const PREFIX: &'static str = concat!($prefix, "_");

            /// A new identifier, from the time and 74 random bits.
            pub fn new(at: jiff::Timestamp, random: u128) -> Self {
                Self::from_uuid(uuid_v7(at, random))
            }

            fn from_uuid(uuid: u128) -> Self {
                Self(format!("{}{}", Self::PREFIX, base32::encode(uuid)).into())
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match text.strip_prefix(Self::PREFIX).and_then(base32::decode) {
                    Some(_) => Ok(Self(text.into())),
                    None => Err(InvalidId(format!(
                        "expected an identifier like {}01h455vb4pex5vsknk084sn02q",
                        Self::PREFIX
                    ))),
                }
            }
        }
    };
}

/// UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, then 74 bits that are random here or
/// follow from an SQS message.
fn uuid_v7(at: jiff::Timestamp, random: u128) -> u128 {
    let millis = u128::try_from(at.as_millisecond()).unwrap_or(0) & 0xffff_ffff_ffff;
    let random_a = (random >> 62) & 0xfff;
    let random_b = random & 0x3fff_ffff_ffff_ffff;
    (millis << 80) | (0x7 << 76) | (random_a << 64) | (0b10 << 62) | random_b
}

text_id! {
    /// A tenant: chosen by the platform team, or made like `acc_…`. 1–64 of `A–Z a–z 0–9 _ - . :`.
    AccountId, "^[A-Za-z0-9_.:-]{1,64}$", None, "acme"
}

text_id! {
    /// The id that a producer gave an event. 1–64 of `A–Z a–z 0–9 _ - . :`.
    ProducerEventId, "^[A-Za-z0-9_.:-]{1,64}$", None, "order-4711.shipped"
}

/// Characters of an event type's name.
const MAX_EVENT_TYPE: usize = 128;

text_id! {
    /// The name of an event type: dot-separated parts of `A–Z a–z 0–9 _ -`, at most 128 characters.
    EventTypeName,
    r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$",
    Some(MAX_EVENT_TYPE),
    "vault.created"
}

type_id! {
    /// An endpoint, `ep_…`.
    EndpointId, "ep"
}

type_id! {
    /// Where an event is stored, `evt_…`; also its id, unless its producer gave it one.
    EventKey, "evt"
}

type_id! {
    /// A recover or a replay, `task_…`.
    TaskId, "task"
}

type_id! {
    /// A request to the API, `req_…`.
    RequestId, "req"
}

type_id! {
    /// An account's API key, `key_…` (the identifier, not the secret).
    KeyId, "key"
}

type_id! {
    /// A link into the portal and the session that comes of it, `ps_…` (the identifier, not a secret).
    PortalSessionId, "ps"
}

fn plain(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
}

impl AccountId {
    /// A new account's identifier, `acc_…`, where the platform team chose none.
    pub fn new(at: jiff::Timestamp, random: u128) -> Self {
        Self(format!("acc_{}", base32::encode(uuid_v7(at, random))).into())
    }
}

impl std::str::FromStr for AccountId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if plain(text) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId("an account id has 1 to 64 of A-Z a-z 0-9 _ - . :".into()))
        }
    }
}

impl std::str::FromStr for ProducerEventId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if plain(text) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId("an event id has 1 to 64 of A-Z a-z 0-9 _ - . :".into()))
        }
    }
}

impl std::str::FromStr for EventTypeName {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if text.len() <= MAX_EVENT_TYPE && text.split('.').all(part) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId(
                "an event type is dot-separated parts of A-Z a-z 0-9 _ -, at most 128 characters, \
                 like vault.created"
                    .into(),
            ))
        }
    }
}

impl EventKey {
    /// The key of an event that came by SQS without one: from the message's sent time and a hash
    /// of its id, so that a redelivery of the message makes the same key.
    pub fn from_message(sent: jiff::Timestamp, message_id: &str) -> Self {
        let digest = Sha256::digest(message_id.as_bytes());
        let mut low = [0u8; 16];
        low.copy_from_slice(&digest[..16]);
        Self::from_uuid(uuid_v7(sent, u128::from_be_bytes(low)))
    }

    /// The key as the 128 bits that it is made of.
    pub fn bits(&self) -> u128 {
        // Every constructor checked or wrote the base32 part.
        base32::decode(&self.0[Self::PREFIX.len()..]).unwrap_or_default()
    }

    /// When the event was received, to the millisecond.
    pub fn received_at(&self) -> jiff::Timestamp {
        let millis = i64::try_from(self.bits() >> 80).unwrap_or(0);
        jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// A number from the random part, to spread keys over shards.
    pub fn spread(&self) -> u8 {
        (self.bits() & 0xff) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_key_follows_from_its_message() {
        let sent: jiff::Timestamp = "2026-11-21T10:00:00.123Z".parse().unwrap();
        let key = EventKey::from_message(sent, "5fea7756-0ea4-451a-a703-a558b933e274");
        assert_eq!(key, EventKey::from_message(sent, "5fea7756-0ea4-451a-a703-a558b933e274"));
        assert_ne!(key, EventKey::from_message(sent, "6fea7756-0ea4-451a-a703-a558b933e274"));
        assert_eq!(key.received_at(), sent);
        assert_eq!(key.as_str().parse::<EventKey>().unwrap(), key);
    }

    #[test]
    fn keys_sort_by_time() {
        let early = EventKey::new(jiff::Timestamp::from_millisecond(1_000).unwrap(), u128::MAX);
        let late = EventKey::new(jiff::Timestamp::from_millisecond(1_001).unwrap(), 0);
        assert!(early < late);
    }

    #[test]
    fn event_types_are_dotted_names() {
        for good in ["vault.created", "a", "job_done.v2", "x-y.z"] {
            assert!(good.parse::<EventTypeName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "a..b", "a.", "a b", "é", "vault.*", &"x".repeat(129)] {
            assert!(bad.parse::<EventTypeName>().is_err(), "{bad}");
        }
        // Clients read it in the API's description.
        let schema = serde_json::to_value(EventTypeName::schema()).unwrap();
        assert_eq!(schema["maxLength"], MAX_EVENT_TYPE);
    }
}
