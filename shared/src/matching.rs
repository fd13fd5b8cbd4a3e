//! Which endpoints an event goes to.

use serde_json::Value;

use crate::endpoint::Interest;
use crate::filter::{Filter, Subject, TooExpensive};
use crate::ids::EventTypeName;
use crate::stored_event::StoredEvent;
use crate::subscription;

/// Steps of filters after which whatever else waits for the thread goes first.
const SLICE: u64 = 1_000_000;

/// An interest made ready for matching: its filter is parsed once, not per event.
#[derive(Debug)]
pub struct Matcher {
    pub interest: Interest,
    filter: Option<Filter>,
}

impl Matcher {
    /// Parses the endpoint's filter. One that no longer parses (it did when it was saved, so an
    /// older release understood more) matches nothing rather than everything.
    pub fn new(interest: Interest) -> Option<Self> {
        let filter = match &interest.filter {
            None => None,
            Some(text) => match Filter::parse(text) {
                Ok(filter) => Some(filter),
                Err(error) => {
                    tracing::error!(endpoint = %interest.id, %error, "stored filter does not parse");
                    return None;
                }
            },
        };
        Some(Self { interest, filter })
    }

    /// Whether the endpoint is switched on and subscribes to events of this type.
    fn subscribes_to(&self, event_type: &EventTypeName) -> bool {
        let Interest { disabled_reason, event_types, .. } = &self.interest;
        disabled_reason.is_none() && subscription::any_covers(event_types, event_type)
    }

    fn weight(&self) -> usize {
        self.filter.as_ref().map_or(0, Filter::weight)
    }
}

/// Matchers of an account's endpoints; those whose filters cost least come first.
#[derive(Debug, Default)]
pub struct Matchers(Vec<Matcher>);

/// What became of an event's filters.
#[derive(Debug, Default)]
pub struct Matched<'m> {
    /// Whose endpoints want it.
    pub wanted: Vec<&'m Matcher>,
    /// Of whose endpoints it is not known: the steps were spent.
    pub undecided: Vec<&'m Matcher>,
    /// Steps that were taken.
    pub steps: u64,
}

impl FromIterator<Interest> for Matchers {
    fn from_iter<I: IntoIterator<Item = Interest>>(interests: I) -> Self {
        let mut matchers: Vec<_> = interests.into_iter().filter_map(Matcher::new).collect();
        matchers.sort_by_key(Matcher::weight);
        Self(matchers)
    }
}

impl Matchers {
    pub fn iter(&self) -> impl Iterator<Item = &Matcher> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Matches an event; all filters together may take so many steps. What costs little is decided
    /// first, and other tasks have their turn meanwhile.
    pub async fn matched(&self, event: &StoredEvent, steps: u64) -> Matched<'_> {
        let subscribed = || self.iter().filter(|one| one.subscribes_to(&event.event_type));
        let content = if subscribed().any(|one| one.filter.is_some()) {
            // The data parsed when the event was read, so that the whole is JSON, too.
            serde_json::from_str(&event.to_json()).unwrap_or_default()
        } else {
            Value::Null
        };
        let mut subject = Subject::new(&content, steps);
        let mut matched = Matched::default();
        for matcher in subscribed() {
            let answer = matcher.filter.as_ref().map_or(Ok(true), |it| it.matches(&mut subject));
            match answer {
                Ok(true) => matched.wanted.push(matcher),
                Ok(false) => {}
                Err(TooExpensive) => matched.undecided.push(matcher),
            }
            let spent = subject.spent();
            if spent / SLICE > matched.steps / SLICE {
                tokio::task::yield_now().await;
            }
            matched.steps = spent;
        }
        matched
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::filter::MAX_STEPS;
    use crate::ids::{EndpointId, EventKey};

    fn interest(number: u128, filter: Option<Value>) -> Interest {
        Interest {
            id: EndpointId::new(Timestamp::UNIX_EPOCH, number),
            event_types: Vec::new(),
            filter: filter.map(|filter| filter.to_string()),
            disabled_reason: None,
            secret_created_at: Timestamp::UNIX_EPOCH,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn event(data: &Value) -> StoredEvent {
        StoredEvent {
            account: "acme".parse().unwrap(),
            key: EventKey::new(Timestamp::UNIX_EPOCH, 1),
            id: None,
            event_type: "a.b".parse().unwrap(),
            timestamp: Timestamp::UNIX_EPOCH,
            data: data.to_string(),
            test: false,
        }
    }

    fn ids(matchers: &[&Matcher]) -> Vec<EndpointId> {
        matchers.iter().map(|matcher| matcher.interest.id.clone()).collect()
    }

    #[tokio::test]
    async fn filters_that_cost_little_are_decided_before_the_steps_are_spent() {
        let wildcards = |n: u128| {
            let wildcards = (0..99).map(|m| json!({ "wildcard": format!("*{n}*{m}*x*") }));
            json!({ "data": { "a": wildcards.collect::<Vec<_>>() } })
        };
        let mut interests: Vec<_> = (0..5).map(|n| interest(n, Some(wildcards(n)))).collect();
        interests.push(interest(5, Some(json!({ "data": { "a": ["text-00007"] } }))));
        interests.push(interest(6, Some(json!({ "data": { "a": [{ "prefix": "other" }] } }))));
        interests.push(interest(7, None));
        let matchers: Matchers = interests.into_iter().collect();
        let texts: Vec<_> = (0..18_000).map(|n| format!("text-{n:05}")).collect();
        let matched = matchers.matched(&event(&json!({ "a": texts })), MAX_STEPS).await;
        let id = |number| EndpointId::new(Timestamp::UNIX_EPOCH, number);
        assert_eq!(ids(&matched.wanted), [id(7), id(5)]);
        assert_eq!(ids(&matched.undecided), (0..5).map(id).collect::<Vec<_>>());
        assert_eq!(matched.steps, MAX_STEPS);

        // Few values: the same filters are decided.
        let matched = matchers.matched(&event(&json!({ "a": &texts[..20] })), MAX_STEPS).await;
        assert_eq!(ids(&matched.wanted), [id(7), id(5)]);
        assert!(matched.undecided.is_empty() && matched.steps < MAX_STEPS);
    }
}
