//! What a receiver has to know of a dialect's signature, read off the dialect's own rules.

use posthorn_shared::dialect::{Dialect, Encoding, Part, Placeholder, SignatureRule, Template};
use posthorn_shared::secret::SecretForm;

/// A signature that can be checked without knowing anything but this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// The header that holds the signature.
    pub header: String,
    /// What is signed, piece by piece.
    pub content: Vec<Part>,
    pub encoding: Encoding,
    /// What a receiver verifies with.
    pub key: Key,
    /// What stands around an encoded signature.
    pub before: String,
    pub after: String,
    /// What stands between signatures, and other things in the same header; `None`: the header
    /// holds one signature and nothing else.
    pub separator: Option<String>,
    /// The header that holds the event's id, if that is signed.
    pub id_header: Option<String>,
    /// Where the time is, if that is signed.
    pub time: Option<Time>,
    /// The header that holds the endpoint's token, if endpoints have one.
    pub token_header: Option<String>,
}

/// What a receiver holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The secret itself, for HMAC-SHA256.
    Secret(SecretForm),
    /// The public key of an Ed25519 secret.
    Public,
}

/// Where a receiver finds the time that was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Time {
    /// In a header of its own.
    Header(String),
    /// In the signature's header, after this text.
    Prefix(String),
}

impl Scheme {
    /// That of the dialect's first signature; `None`: it is written in a way that takes more than
    /// this to say.
    pub fn of(dialect: &Dialect) -> Option<Self> {
        let rule = dialect.signatures().first()?;
        Self::read(dialect, rule, &rule.each, Key::Secret(dialect.secret))
    }

    /// The same where the secret is an Ed25519 key; `None`, too, where there are none.
    pub fn with_public_key(dialect: &Dialect) -> Option<Self> {
        let rule = dialect.signatures().first()?;
        let scheme = Self::read(dialect, rule, rule.each_ed25519.as_ref()?, Key::Public)?;
        // What the samples are written for: Base64 behind a text, several in a header, no token.
        let plain = scheme.encoding == Encoding::Base64
            && scheme.separator.is_some()
            && scheme.after.is_empty()
            && scheme.token_header.is_none();
        plain.then_some(scheme)
    }

    fn read(dialect: &Dialect, rule: &SignatureRule, each: &Template, key: Key) -> Option<Self> {
        let (before, after) = around(each, Placeholder::Signature)?;
        let (before, after) = (before.to_owned(), after.to_owned());
        let written = Written::of(rule)?;
        let header_of = |placeholder: Placeholder| {
            let mut headers = dialect.identifying_headers();
            // The placeholder alone: what stands beside it would have to be taken off.
            let is_it = |value: &Template| value.0 == [Part::Placeholder(placeholder)];
            headers.find(|(_, value)| is_it(value)).map(|(name, _)| name.to_owned())
        };
        let id_header = match rule.content.has(Placeholder::Id) {
            true => Some(header_of(Placeholder::Id)?),
            false => None,
        };
        let time = match (rule.content.has(Placeholder::Unix), written.time) {
            (false, _) => None,
            (true, Some(prefix)) => Some(Time::Prefix(prefix)),
            (true, None) => Some(Time::Header(header_of(Placeholder::Unix)?)),
        };
        Some(Self {
            header: rule.header.clone(),
            content: rule.content.0.clone(),
            encoding: rule.encoding,
            key,
            before: written.before + &before,
            after: after + &written.after,
            separator: written.separator,
            id_header,
            time,
            token_header: header_of(Placeholder::Token),
        })
    }
}

/// How the header's value is written around its signatures.
struct Written {
    before: String,
    after: String,
    separator: Option<String>,
    /// What stands before the time.
    time: Option<String>,
}

impl Written {
    fn of(rule: &SignatureRule) -> Option<Self> {
        let separator = rule.separator.clone();
        let plain = |before: &str, after: &str| Self {
            before: before.to_owned(),
            after: after.to_owned(),
            separator: separator.clone(),
            time: None,
        };
        // Several signatures with something around all of them would have to be taken apart first.
        if let Some((before, after)) = around(&rule.value, Placeholder::Signatures) {
            let one = separator.is_none() || (before.is_empty() && after.is_empty());
            return one.then(|| plain(before, after));
        }
        // Like t=${unix},v1=${signatures}: things side by side, each told by how it begins.
        let [
            Part::Text(prefix),
            Part::Placeholder(Placeholder::Unix),
            Part::Text(between),
            Part::Placeholder(Placeholder::Signatures),
        ] = &rule.value.0[..]
        else {
            return None;
        };
        let separator = match separator {
            Some(separator) => separator,
            None => between.chars().next().filter(|c| !c.is_alphanumeric())?.to_string(),
        };
        let before = between.strip_prefix(&separator)?.to_owned();
        // With more than one signature, this text would stand before the first of them alone.
        let told = rule.separator.is_none() || before.is_empty();
        told.then(|| Self {
            before,
            after: String::new(),
            separator: Some(separator),
            time: Some(prefix.clone()),
        })
    }
}

/// The texts around the only placeholder of a template.
fn around(template: &Template, placeholder: Placeholder) -> Option<(&str, &str)> {
    let is = |part: &Part| *part == Part::Placeholder(placeholder);
    match &template.0[..] {
        [one] if is(one) => Some(("", "")),
        [Part::Text(before), one] if is(one) => Some((before, "")),
        [one, Part::Text(after)] if is(one) => Some(("", after)),
        [Part::Text(before), one, Part::Text(after)] if is(one) => Some((before, after)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use posthorn_shared::dialect::Dialects;

    #[test]
    fn every_built_in_scheme_can_be_told() {
        for dialect in Dialects::built_in().all() {
            let scheme = Scheme::of(dialect).unwrap_or_else(|| panic!("{}", dialect.name));
            assert_eq!(scheme.token_header.is_some(), dialect.has_token(), "{}", dialect.name);
        }
        let standard = Scheme::of(&Dialect::standard()).unwrap();
        assert_eq!(standard.id_header.as_deref(), Some("webhook-id"));
        assert_eq!(standard.time, Some(Time::Header("webhook-timestamp".to_owned())));
        assert_eq!((standard.before.as_str(), standard.separator.as_deref()), ("v1,", Some(" ")));
        let public = Scheme::with_public_key(&Dialect::standard()).unwrap();
        assert_eq!(public, Scheme { key: Key::Public, before: "v1a,".to_owned(), ..standard });
    }
}
