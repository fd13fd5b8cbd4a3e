//! What a dialect's product calls things, for people.

use serde::Deserialize;

/// Words that the portal uses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Words {
    /// One endpoint, as within a sentence: `endpoint`, `webhook`.
    pub endpoint: String,
    /// Several.
    pub endpoints: String,
}

impl Default for Words {
    fn default() -> Self {
        Self { endpoint: "endpoint".to_owned(), endpoints: "endpoints".to_owned() }
    }
}

impl Words {
    /// One endpoint, as a sentence begins with it.
    pub fn endpoint_first(&self) -> String {
        capitalized(&self.endpoint)
    }

    /// Several, as a heading begins with them.
    pub fn endpoints_first(&self) -> String {
        capitalized(&self.endpoints)
    }
}

fn capitalized(word: &str) -> String {
    let mut rest = word.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}
