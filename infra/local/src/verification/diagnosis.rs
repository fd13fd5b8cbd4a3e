//! Why a signature does not fit: tries the mistakes that are made most often, on either side. What is
//! found out explains a refusal; it never makes one good.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use posthorn_shared::dialect::{Encoding, Placeholder, SignatureRule};

use super::receiver_secret::{ReceiverSecret, decode, is_hmac};
use super::rewritten;
use super::verdict::Cause;

/// Entries of a header that are looked at: a rotation makes a handful.
const MAX_ENTRIES: usize = 16;

/// What is signed.
pub struct Signed<'a> {
    pub rule: &'a SignatureRule,
    pub id: &'a str,
    pub unix: &'a str,
    pub body: &'a [u8],
}

impl Signed<'_> {
    /// The content to sign, with this body.
    pub fn content(&self, body: &[u8]) -> Vec<u8> {
        self.rule.content.fill(|placeholder| match placeholder {
            Placeholder::Id => self.id.as_bytes(),
            Placeholder::Unix => self.unix.as_bytes(),
            _ => body,
        })
    }
}

/// The likeliest reason why none of the entries is a signature of one of the secrets.
pub fn cause(signed: &Signed<'_>, entries: &[&str], secrets: &[ReceiverSecret]) -> Cause {
    let rule = signed.rule;
    let digests = digests(entries);
    let made_with =
        |key: &[u8], content: &[u8]| digests.iter().any(|digest| is_hmac(key, content, digest));
    let content = signed.content(signed.body);
    let mut keys = secrets.iter().filter_map(ReceiverSecret::hmac_key);
    if keys.clone().any(|key| made_with(key, &content)) {
        return Cause::Written { each: rule.each.to_string(), encoding: rule.encoding };
    }
    for body in rewritten::forms(signed.body) {
        let content = signed.content(&body);
        if keys.clone().any(|key| made_with(key, &content)) {
            return Cause::BodyRewritten;
        }
    }
    if content != signed.body && keys.any(|key| made_with(key, signed.body)) {
        return Cause::BodyAlone { content: rule.content.to_string() };
    }
    for secret in secrets {
        let misread = misread_keys(secret);
        if misread.iter().any(|key| made_with(key, &content) || made_with(key, signed.body)) {
            return Cause::KeyMisread { is_encoded: secret.hmac_key() != secret_bytes(secret) };
        }
    }
    let has_form = |template: &posthorn_shared::dialect::Template| {
        entries.iter().any(|entry| template.read(entry).is_some())
    };
    let by_ed25519 = rule.each_ed25519.as_ref().is_some_and(has_form);
    let by_hmac = has_form(&rule.each);
    match rule.each_ed25519.is_some() {
        true if by_ed25519 && !by_hmac && !secrets.iter().any(ReceiverSecret::is_ed25519) => {
            Cause::SignedByEd25519
        }
        true if by_hmac && !by_ed25519 && secrets.iter().all(ReceiverSecret::is_ed25519) => {
            Cause::SignedByHmac
        }
        _ if !by_hmac && !by_ed25519 => {
            Cause::NoneOfTheForm { each: rule.each.to_string(), encoding: rule.encoding }
        }
        _ => Cause::Unknown,
    }
}

/// All that entries may mean, whatever they are written like.
fn digests(entries: &[&str]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in entries.iter().take(MAX_ENTRIES) {
        let after = |mark: char| entry.split_once(mark).map(|(_, rest)| rest);
        for text in [Some(*entry), after(','), after('=')].into_iter().flatten() {
            let base64 = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
            found.extend(base64.iter().filter_map(|engine| engine.decode(text).ok()));
            found.extend(decode(Encoding::Hex, text));
        }
    }
    found.retain(|bytes| bytes.len() == 32);
    found.dedup();
    found
}

/// The keys that a secret is mistaken for.
fn misread_keys(secret: &ReceiverSecret) -> Vec<Vec<u8>> {
    let Some(text) = secret.text() else { return Vec::new() };
    let bare = text.split_once('_').map_or(text, |(_, rest)| rest);
    let mut keys = vec![text.as_bytes().to_vec(), bare.as_bytes().to_vec()];
    keys.extend(STANDARD.decode(bare).ok());
    keys.extend(decode(Encoding::Hex, text));
    keys.retain(|key| Some(key.as_slice()) != secret.hmac_key());
    keys
}

fn secret_bytes(secret: &ReceiverSecret) -> Option<&[u8]> {
    secret.text().map(str::as_bytes)
}
