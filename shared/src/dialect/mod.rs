//! How deliveries look and behave for the accounts that speak a dialect. A dialect is data: a file
//! of `shared/dialects`, or of a deployment's own.

mod envelope;
mod file;
mod registry;
mod signature;
mod template;

use std::time::Duration;

pub use registry::{Dialects, InvalidDialect};
pub use signature::{Encoding, SignatureRule};

use envelope::Envelope;
use template::{Placeholder, Template};

use crate::response_rules::ResponseRules;
use crate::retry_policy::RetryPolicy;
use crate::secret::{Secret, SecretForm};
use crate::stored_event::StoredEvent;

/// `User-Agent` of every delivery.
pub const USER_AGENT: &str = concat!("Posthorn/", env!("CARGO_PKG_VERSION"));

/// The dialect of accounts that name none.
pub const DEFAULT: &str = "standard";

/// A dialect's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    /// Its signatures.
    pub fn signatures(&self) -> &[SignatureRule] {
        &self.signatures
    }
}
