//! What a receiver verifies with: the secret of its endpoint, or the public key of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use posthorn_shared::dialect::{Dialect, Encoding, SignatureRule};
use posthorn_shared::secret::{InvalidSecret, Secret, SecretForm, SecretKey};
use sha2::Sha256;

/// A secret, and what it is called where it must not be shown.
#[derive(Clone)]
pub struct ReceiverSecret {
    pub label: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Secret(Secret),
    /// `whpk_…`: enough to verify with.
    Public(VerifyingKey),
}

/// Why a text is nothing to verify with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{label} does not have the form of the dialect {dialect}: it {reason}")]
pub struct InvalidReceiverSecret {
    pub label: String,
    pub dialect: String,
    pub reason: InvalidSecret,
}

impl ReceiverSecret {
    /// Reads it in the dialect's form. Where that has Ed25519 keys, a public one will do.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(
        label: &str,
        text: &str,
        dialect: &Dialect,
    ) -> Result<Self, InvalidReceiverSecret> {
        let public = text.strip_prefix("whpk_").filter(|_| dialect.secret == SecretForm::Standard);
        let key = match public {
            Some(base64) => public_key(base64).map(Key::Public).ok_or(InvalidSecret::Ed25519),
            None => dialect.secret.parse(text).map(Key::Secret),
        };
        let invalid = |reason| InvalidReceiverSecret {
            label: label.to_owned(),
            dialect: dialect.name.clone(),
            reason,
        };
        Ok(Self { label: label.to_owned(), key: key.map_err(invalid)? })
    }

    /// Whether an entry of a signature header is this secret's signature of the content. Takes the
    /// same time wherever the two differ.
    pub fn has_signed(&self, rule: &SignatureRule, content: &[u8], entry: &str) -> bool {
        let verifying = match (&self.key, &rule.each_ed25519) {
            (Key::Public(key), Some(_)) => Some(*key),
            (Key::Secret(secret), Some(_)) => match secret.key() {
                SecretKey::Ed25519(key) => Some(key.verifying_key()),
                SecretKey::Hmac(_) => None,
            },
            (_, None) => None,
        };
        let template = match &verifying {
            Some(_) => rule.each_ed25519.as_ref().unwrap_or(&rule.each),
            None => &rule.each,
        };
        let Some(read) = template.read(entry) else { return false };
        let Some(bytes) = read.first().and_then(|(_, text)| decode(rule.encoding, text)) else {
            return false;
        };
        match verifying {
            Some(key) => Signature::from_slice(&bytes)
                .is_ok_and(|signature| key.verify_strict(content, &signature).is_ok()),
            None => self.hmac_key().is_some_and(|key| is_hmac(key, content, &bytes)),
        }
    }

    /// The key that HMAC takes; `None`: it is for Ed25519 alone.
    pub fn hmac_key(&self) -> Option<&[u8]> {
        match &self.key {
            Key::Secret(secret) => match secret.key() {
                SecretKey::Hmac(key) => Some(key),
                // In a dialect without Ed25519 its text is the key.
                SecretKey::Ed25519(_) => Some(secret.reveal().as_bytes()),
            },
            Key::Public(_) => None,
        }
    }

    /// Whether it verifies Ed25519 signatures, where the dialect has them.
    pub fn is_ed25519(&self) -> bool {
        match &self.key {
            Key::Secret(secret) => matches!(secret.key(), SecretKey::Ed25519(_)),
            Key::Public(_) => true,
        }
    }

    /// As its owner knows it; `None` of a public key.
    pub fn text(&self) -> Option<&str> {
        match &self.key {
            Key::Secret(secret) => Some(secret.reveal()),
            Key::Public(_) => None,
        }
    }
}

/// Whether these bytes are the content's HMAC-SHA256, compared in constant time.
pub fn is_hmac(key: &[u8], content: &[u8], bytes: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    mac.update(content);
    mac.verify_slice(bytes).is_ok()
}

/// The bytes of a text; `None` when it is none of this encoding.
pub fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Hex => {
            let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
            let pairs = digits?;
            let pairs = pairs.chunks(2);
            pairs.map(|pair| u8::try_from(pair.first()? * 16 + pair.get(1)?).ok()).collect()
        }
    }
}

fn public_key(base64: &str) -> Option<VerifyingKey> {
    let bytes = STANDARD.decode(base64).ok()?;
    VerifyingKey::from_bytes(bytes.as_slice().try_into().ok()?).ok()
}

impl std::fmt::Debug for ReceiverSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReceiverSecret({}, ***)", self.label)
    }
}
