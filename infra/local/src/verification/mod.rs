//! Verifies deliveries as a receiver would, in whatever dialect: from the dialect's description, not
//! by the code that signs. Says in plain words what is wrong with those that don't verify.

mod advice;
mod diagnosis;
mod identity;
mod receiver_secret;
mod rewritten;
mod spoken;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use posthorn_shared::dialect::{Dialect, Dialects, Placeholder, SignatureRule};

pub use identity::Identity;
pub use receiver_secret::ReceiverSecret;
pub use verdict::{Cause, Refusal, Verdict};

use diagnosis::Signed;

/// How far a signed timestamp may be from now, either way, where nothing is said.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// What a receiver of one dialect knows.
#[derive(Clone)]
pub struct Verifier {
    pub dialect: Dialect,
    /// All that are known, for requests that look like another one's.
    pub dialects: Dialects,
    /// Any of them may have signed. None: nothing is verified.
    pub secrets: Vec<ReceiverSecret>,
    /// What the sender names itself by, where the dialect has that and it is known.
    pub token: Option<String>,
    pub tolerance: Duration,
}

impl Verifier {
    /// Of a dialect that is built in, with one secret.
    ///
    /// # Errors
    /// When there is no such dialect, or the secret has another form than it asks for.
    pub fn built_in(dialect: &str, secret: &str) -> anyhow::Result<Self> {
        let dialects = Dialects::built_in();
        let dialect = dialects.named(dialect).ok_or_else(|| anyhow::anyhow!("no such dialect"))?;
        let secret = ReceiverSecret::parse("its secret", secret, dialect)?;
        Ok(Self {
            dialect: dialect.clone(),
            dialects,
            secrets: vec![secret],
            token: None,
            tolerance: TOLERANCE,
        })
    }

    /// Whether a request comes from who holds a secret, and now.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        identity: &Identity,
        now: Timestamp,
    ) -> Verdict {
        if self.secrets.is_empty() {
            return Verdict::Unchecked;
        }
        match self.check(headers, body, identity, now) {
            Ok(by) => Verdict::Verified { by: by.label.clone() },
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// The secret that signed.
    fn check(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        identity: &Identity,
        now: Timestamp,
    ) -> Result<&ReceiverSecret, Refusal> {
        let mut by = None;
        for rule in self.dialect.signatures() {
            let signer = self.check_signature(rule, headers, body, identity)?;
            // A timestamp that nobody signed tells nothing.
            if rule.content.has(Placeholder::Unix) {
                self.check_time(identity, now)?;
            }
            by = by.or(Some(signer));
        }
        self.check_token(headers)?;
        // A dialect has one signature at the least.
        by.ok_or(Refusal::Differs(Cause::Unknown))
    }

    fn check_signature(
        &self,
        rule: &SignatureRule,
        headers: &HeaderMap,
        body: &[u8],
        identity: &Identity,
    ) -> Result<&ReceiverSecret, Refusal> {
        let value = self.text(headers, &rule.header)?;
        let unreadable = || Refusal::Unreadable {
            header: rule.header.clone(),
            expected: format!("{} of {}", rule.value, rule.each),
        };
        let parts = rule.value.read(value).ok_or_else(unreadable)?;
        let signatures =
            parts.iter().find(|(placeholder, _)| *placeholder == Placeholder::Signatures);
        let signatures = signatures.map_or("", |(_, text)| *text);
        let entries: Vec<&str> = match rule.separator.as_deref() {
            Some(separator) if !separator.is_empty() => signatures.split(separator).collect(),
            _ => vec![signatures],
        };
        let (id, unix) = (identity.event_id.as_deref(), identity.unix.as_deref());
        for (placeholder, found) in [(Placeholder::Id, id), (Placeholder::Unix, unix)] {
            if rule.content.has(placeholder) && found.is_none() {
                return Err(self.lacks(placeholder, headers));
            }
        }
        let signed =
            Signed { rule, id: id.unwrap_or_default(), unix: unix.unwrap_or_default(), body };
        let content = signed.content(body);
        let signer = self
            .secrets
            .iter()
            .find(|secret| entries.iter().any(|entry| secret.has_signed(rule, &content, entry)));
        signer.ok_or_else(|| Refusal::Differs(diagnosis::cause(&signed, &entries, &self.secrets)))
    }

    fn check_time(&self, identity: &Identity, now: Timestamp) -> Result<(), Refusal> {
        let text = identity.unix.as_deref().unwrap_or_default();
        let Ok(unix) = text.parse::<i64>() else {
            return Err(Refusal::NoTime { text: text.to_owned() });
        };
        let off = Duration::from_secs(now.as_second().abs_diff(unix));
        let tolerance = self.tolerance;
        match unix < now.as_second() {
            _ if off <= tolerance => Ok(()),
            true => Err(Refusal::TooOld { by: off, tolerance }),
            false => Err(Refusal::TooNew { by: off, tolerance }),
        }
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        for (name, value) in self.dialect.identifying_headers() {
            if value.has(Placeholder::Token) {
                let given = value.read(self.text(headers, name)?).unwrap_or_default();
                if !given.contains(&(Placeholder::Token, token.as_str())) {
                    return Err(Refusal::Token { header: name.to_owned() });
                }
            }
        }
        Ok(())
    }

    /// What a header says that has to be there, once.
    fn text<'h>(&self, headers: &'h HeaderMap, name: &str) -> Result<&'h str, Refusal> {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { return Err(self.missing(name, headers)) };
        let odd = |expected: &str| Refusal::Unreadable {
            header: name.to_owned(),
            expected: expected.to_owned(),
        };
        if values.next().is_some() {
            return Err(odd("one, and there are several"));
        }
        value.to_str().map_err(|_| odd("visible ASCII characters"))
    }

    /// No header says what is signed.
    fn lacks(&self, placeholder: Placeholder, headers: &HeaderMap) -> Refusal {
        let mut says = self.dialect.identifying_headers();
        let header = says.find(|(_, value)| value.has(placeholder));
        match header {
            Some((name, _)) if headers.contains_key(name) => Refusal::Unreadable {
                header: name.to_owned(),
                expected: "one value of visible ASCII characters".to_owned(),
            },
            Some((name, _)) => self.missing(name, headers),
            None => Refusal::Lacks { what: placeholder.to_string() },
        }
    }

    fn missing(&self, header: &str, headers: &HeaderMap) -> Refusal {
        let has_all = |dialect: &&Dialect| {
            dialect.name != self.dialect.name
                && dialect.signatures().iter().all(|rule| headers.contains_key(&rule.header))
        };
        let looks_like = self.dialects.all().find(has_all).map(|dialect| dialect.name.clone());
        let looks_like = looks_like.filter(|_| {
            self.dialect.signatures().iter().any(|rule| !headers.contains_key(&rule.header))
        });
        Refusal::Missing { header: header.to_owned(), looks_like }
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Verifier({}, ***)", self.dialect.name)
    }
}
