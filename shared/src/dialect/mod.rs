//! How deliveries look and behave for the accounts that speak a dialect. A dialect is data: a file
//! of `shared/dialects`, or of a deployment's own.

mod catalog;
mod envelope;
mod file;
mod registry;
mod signature;
mod template;
mod words;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use catalog::BuiltInType;
pub use registry::{Dialects, InvalidDialect};
pub use signature::{Encoding, SignatureRule};
pub use template::{Part, Placeholder, Template};
pub use words::Words;

use envelope::Envelope;

use crate::account::{Account, Limits};
use crate::failure_rate::FailureRate;
use crate::ids::EventTypeName;
use crate::response_rules::ResponseRules;
use crate::retry_policy::RetryPolicy;
use crate::secret::{Secret, SecretForm};
use crate::stored_event::StoredEvent;

/// `User-Agent` of every delivery.
pub const USER_AGENT: &str = concat!("Posthorn/", env!("CARGO_PKG_VERSION"));

/// The dialect of accounts that name none.
pub const DEFAULT: &str = "standard";

/// The shape of the requests and answers at `/webhooks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facade {
    /// `webhookId`, `createdAt`, as Filedgr has it.
    CamelCase,
    /// `id`, `created_at`.
    SnakeCase,
    /// JSON:API 1.1, as Beltic has it.
    JsonApi,
}

/// A dialect's rules.
#[derive(Debug, Clone)]
pub struct Dialect {
    pub name: String,
    /// What people call it.
    pub title: String,
    /// When failed attempts are made again, unless the endpoint says otherwise.
    pub retry: RetryPolicy,
    /// How long an attempt may take, unless the endpoint says otherwise.
    pub timeout: Duration,
    /// The form of signing secrets.
    pub secret: SecretForm,
    /// What answers mean.
    pub response: ResponseRules,
    /// How much an account may have, unless the account says otherwise.
    pub limits: Limits,
    /// At which share of failures an endpoint is switched off.
    pub failure_rate: Option<FailureRate>,
    /// What answers at `/webhooks`; `None`: nothing.
    pub facade: Option<Facade>,
    /// What its product calls things.
    pub words: Words,
    /// What is in the catalog of every account that speaks it.
    event_types: Arc<[BuiltInType]>,
    envelope: Envelope,
    headers: Vec<Header>,
    signatures: Vec<SignatureRule>,
}

/// A header that identifies a delivery, in the letter case it is sent in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    name: String,
    value: Template,
}

/// What an attempt is identified by and signed over.
#[derive(Debug, Clone, Copy)]
pub struct Signable<'a> {
    /// The event's id as users know it.
    pub event_id: &'a str,
    pub event_type: &'a str,
    /// What the endpoint knows its sender by, beside the signature.
    pub token: Option<&'a str>,
    /// Seconds since the epoch, of this attempt.
    pub unix: i64,
    pub body: &'a [u8],
}

impl Dialect {
    /// Standard Webhooks 1.0, with the retry schedule that its specification suggests.
    pub fn standard() -> Self {
        Dialects::built_in().standard().clone()
    }

    /// The dialect as it holds for an account, which may say some things otherwise.
    pub fn of_account(&self, account: &Account) -> Self {
        let mut own = self.clone();
        own.limits = account.limits.or(self.limits);
        if let Some(retry) = &account.retry {
            own.retry = retry.clone();
        }
        if let Some(seconds) = account.timeout_seconds {
            own.timeout = Duration::from_secs(seconds);
        }
        own
    }

    /// Its event types, by name.
    pub fn event_types(&self) -> &[BuiltInType] {
        &self.event_types
    }

    /// Its event type of that name.
    pub fn event_type(&self, name: &EventTypeName) -> Option<&BuiltInType> {
        self.event_types.iter().find(|known| known.event_type.name == *name)
    }

    /// The body that receivers get.
    pub fn render(&self, event: &StoredEvent) -> String {
        self.envelope.render(event)
    }

    /// The headers that identify and sign a delivery, in the letter case they are sent in.
    /// Every secret signs where the scheme can carry several: during a rotation there are two.
    pub fn headers<'s>(
        &self,
        secrets: impl Iterator<Item = &'s Secret> + Clone,
        signable: Signable<'_>,
    ) -> Vec<(&str, String)> {
        let unix = signable.unix.to_string();
        // An endpoint from before its account spoke this dialect has no token.
        let identify = self
            .headers
            .iter()
            .filter(|header| signable.token.is_some() || !header.value.has(Placeholder::Token));
        let identify = identify.map(|header| {
            let value = header.value.fill_text(|placeholder| match placeholder {
                Placeholder::Id => signable.event_id,
                Placeholder::Type => signable.event_type,
                Placeholder::Token => signable.token.unwrap_or_default(),
                _ => &unix,
            });
            (header.name.as_str(), value)
        });
        let sign = self
            .signatures
            .iter()
            .map(|rule| (rule.header.as_str(), rule.sign(secrets.clone(), signable)));
        identify.chain(sign).collect()
    }

    /// Whether its endpoints have a token.
    pub fn has_token(&self) -> bool {
        self.headers.iter().any(|header| header.value.has(Placeholder::Token))
    }

    /// Names of the headers that [`Self::headers`] makes.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        let signatures = self.signatures.iter().map(|rule| rule.header.as_str());
        self.headers.iter().map(|header| header.name.as_str()).chain(signatures)
    }

    /// Whether a header of this name (in lower case) belongs to the dialect.
    pub fn owns_header(&self, lower_case: &str) -> bool {
        self.header_names().any(|name| name.eq_ignore_ascii_case(lower_case))
    }

    /// The template of its bodies, as it was written.
    pub fn body(&self) -> String {
        self.envelope.template().to_string()
    }

    /// The headers that identify a delivery, each with its value's template.
    pub fn identifying_headers(&self) -> impl Iterator<Item = (&str, &Template)> {
        self.headers.iter().map(|header| (header.name.as_str(), &header.value))
    }

    /// Where in a body a placeholder's value stands, as a JSON pointer; `None`: nowhere.
    pub fn pointer_to(&self, placeholder: Placeholder) -> Option<String> {
        self.envelope.pointer_to(placeholder)
    }

    /// Its signatures.
    pub fn signatures(&self) -> &[SignatureRule] {
        &self.signatures
    }
}
