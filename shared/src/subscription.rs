//! What an endpoint subscribes to: event types by name, or by group (`vault.*`).

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::ids::{EventTypeName, InvalidId};
use crate::operational;

/// `vault.created`, or `vault.*`: every type whose name starts with `vault.`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subscription(String);

impl Subscription {
    /// Whether operational events of some kind are wanted.
    pub fn is_operational(&self) -> bool {
        self.0.starts_with("posthorn.")
    }

    /// Whether events of this type are wanted.
    pub fn covers(&self, event_type: &EventTypeName) -> bool {
        let name = event_type.as_str();
        match self.0.strip_suffix('*') {
            Some(group) => name.len() > group.len() && name.starts_with(group),
            None => name == self.0,
        }
    }
}

/// Whether any of the subscriptions covers the type; none at all means every type but those of
/// operational events, which have to be asked for.
pub fn any_covers(subscriptions: &[Subscription], event_type: &EventTypeName) -> bool {
    subscriptions.is_empty() && !operational::is_operational(event_type)
        || subscriptions.iter().any(|s| s.covers(event_type))
}

impl PartialSchema for Subscription {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("An event type, or a group of them: every type below `vault.`"))
            .pattern(Some(r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(\.\*)?$"))
            .max_length(Some(128))
            .examples(["vault.*"])
            .into()
    }
}

impl ToSchema for Subscription {}

impl TryFrom<String> for Subscription {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.strip_suffix(".*").unwrap_or(&text).parse::<EventTypeName>().map_err(|_| {
            InvalidId("expected an event type like vault.created, or a group like vault.*".into())
        })?;
        Ok(Self(text))
    }
}

impl From<Subscription> for String {
    fn from(subscription: Subscription) -> String {
        subscription.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_groups() {
        let covers = |subscription: &str, event_type: &str| {
            Subscription::try_from(subscription.to_owned())
                .unwrap()
                .covers(&event_type.parse().unwrap())
        };
        assert!(covers("vault.created", "vault.created"));
        assert!(!covers("vault.created", "vault.created.late"));
        assert!(covers("vault.*", "vault.created"));
        assert!(covers("vault.*", "vault.data.updated"));
        assert!(!covers("vault.*", "vaults.created"));
        assert!(!covers("vault.*", "vault"));
        for bad in ["*", "vault*", ".*", "vault.*.x", ""] {
            assert!(Subscription::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
