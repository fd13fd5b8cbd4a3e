//! Secrets and signatures. The input's first byte chooses the dialect; then come, each in a line,
//! the secret, a former secret and the event's id; the rest is the body. Where a line is none, one
//! of our own takes its place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use posthorn_shared::dialect::{Dialect, Dialects, Signable};
use posthorn_shared::ids::ProducerEventId;
use posthorn_shared::secret::{Secret, SecretForm};
use ring::{hmac, signature};

use crate::{choice, line};

const SECRETS: [&str; 2] =
    ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="];
const UNIX: i64 = 1_614_265_330;

/// Fuzzes the reading of secrets, and signing with them.
///
/// # Panics
/// When a receiver could not verify what was signed, or would take a body with one bit flipped for
/// the same; when a secret changes on its way to the table and back.
pub fn signature(bytes: &[u8]) {
    let dialects = Dialects::built_in();
    let Some((chosen, rest)) = choice(bytes, dialects.all().count()) else {
        return;
    };
    let Some(dialect) = dialects.all().nth(chosen) else {
        return;
    };
    let (newest, rest) = line(rest);
    let (former, rest) = line(rest);
    let (id, body) = line(rest);
    let secrets = [secret(newest, dialect, SECRETS[0]), secret(former, dialect, SECRETS[1])];
    let id = std::str::from_utf8(id).ok().and_then(|id| id.parse::<ProducerEventId>().ok());
    let id = id.as_ref().map_or("msg_1", ProducerEventId::as_str);
    for carried in [&secrets[..1], &secrets[..]] {
        signs(dialect, carried, id, body);
    }
}

/// The secret that a line holds, in the dialect's form or, as after a change of dialect, in
/// another.
fn secret(line: &[u8], dialect: &Dialect, otherwise: &str) -> Key {
    let text = std::str::from_utf8(line).unwrap_or_default();
    let forms = [dialect.secret, SecretForm::Standard, SecretForm::Text];
    let (secret, form) = forms
        .into_iter()
        .find_map(|form| form.parse(text).ok().map(|secret| (secret, form)))
        .unwrap_or_else(|| (otherwise.parse().expect("a secret"), SecretForm::Standard));
    assert_eq!(format!("{secret:?}"), "***");
    let kept = Secret::try_from(String::from(secret.clone()));
    assert!(kept.is_ok_and(|kept| kept == secret), "the table keeps another secret");
    Key { secret, form }
}

/// A secret as its receiver has it.
struct Key {
    secret: Secret,
    form: SecretForm,
}

impl Key {
    /// Whether a receiver takes `signature`, one of a signature header, for one of `content`.
    fn verifies(&self, dialect: &Dialect, content: &[u8], signature: &str) -> bool {
        let text = self.secret.reveal();
        if let (Some(public), "standard") = (self.secret.public_key(), dialect.name.as_str()) {
            let public = base64(public.strip_prefix("whpk_"));
            let signature = base64(signature.strip_prefix("v1a,"));
            let key = signature::UnparsedPublicKey::new(&signature::ED25519, public);
            return key.verify(content, &signature).is_ok();
        }
        let key = match (self.form, text.strip_prefix("whsec_")) {
            (SecretForm::Standard, Some(encoded)) => base64(Some(encoded)),
            _ => text.as_bytes().to_vec(),
        };
        let signature = match dialect.name.as_str() {
            "standard" | "flowcode" => base64(signature.strip_prefix("v1,")),
            _ => hex(signature),
        };
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), content, &signature).is_ok()
    }
}

fn base64(text: Option<&str>) -> Vec<u8> {
    STANDARD.decode(text.unwrap_or_default()).unwrap_or_default()
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map_while(byte).collect()
}

fn signs(dialect: &Dialect, keys: &[Key], id: &str, body: &[u8]) {
    let (event_type, token) = ("vault.created", Some("7h455vb4pex5vsknk084sn02q0"));
    let signable = Signable { event_id: id, event_type, token, unix: UNIX, body };
    let headers = dialect.headers(keys.iter().map(|key| &key.secret), signable);
    for (name, value) in &headers {
        assert!(http::HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name} is no name");
        assert!(http::HeaderValue::from_str(value).is_ok(), "{name}: {value} can't be sent");
    }
    let rule = &dialect.signatures()[0];
    let value = headers.iter().find(|(name, _)| *name == rule.header).map(|(_, value)| value);
    let signatures: Vec<&str> = value.into_iter().flat_map(|value| value.split(' ')).collect();
    let carried = if rule.separator.is_some() { keys.len() } else { 1 };
    assert_eq!(signatures.len(), carried);

    let content = |body: &[u8]| match rule.separator {
        Some(_) => [format!("{id}.{UNIX}.").as_bytes(), body].concat(),
        None => body.to_vec(),
    };
    let taken = |body: &[u8], key: &Key| {
        signatures.iter().any(|signature| key.verifies(dialect, &content(body), signature))
    };
    let mut flipped = body.to_vec();
    // Which bit follows from the body, so that every one comes to its turn.
    let sum =
        body.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    let flip = flipped.get_mut(sum / 8 % body.len().max(1)).map(|byte| *byte ^= 1 << (sum % 8));
    for key in &keys[..carried] {
        assert!(taken(body, key), "a receiver can't verify it");
        assert!(flip.is_none() || !taken(&flipped, key), "a forgery is taken for it");
    }
}
