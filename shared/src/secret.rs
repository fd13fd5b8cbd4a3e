//! Signing secrets: in the forms of the Standard Webhooks specification, or plain text.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

/// Bytes of a secret that is plain text.
const TEXT_LENGTH: std::ops::RangeInclusive<usize> = 16..=256;
/// How the table tells a plain text from the standard forms, which all begin otherwise.
const TEXT_MARK: &str = "text:";

/// The form of a dialect's secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretForm {
    /// `whsec_<base64>`: 24–64 bytes for HMAC-SHA256. `whsk_<base64>`: an Ed25519 private key, 32
    /// bytes (the seed) or 64 (seed and public key).
    #[default]
    Standard,
    /// 16–256 visible ASCII characters, whose bytes are the HMAC key.
    Text,
}

/// What signs an endpoint's deliveries.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret {
    text: String,
    key: SecretKey,
}

/// The key inside a [`Secret`].
#[derive(Clone, PartialEq, Eq)]
pub enum SecretKey {
    /// Bytes of an HMAC key.
    Hmac(Vec<u8>),
    /// An Ed25519 private key.
    Ed25519(Box<SigningKey>),
}

/// Why a text is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    #[error("must be whsec_<base64 of 24 to 64 bytes>, or whsk_<base64 of an Ed25519 private key>")]
    Form,
    #[error("is not base64 after its prefix")]
    Base64,
    #[error("has {0} bytes; an HMAC secret has 24 to 64")]
    HmacLength(usize),
    #[error("has 16 to 256 visible ASCII characters, no spaces")]
    Text,
    #[error("is no Ed25519 private key: 32 bytes of seed, or 64 of seed and its public key")]
    Ed25519,
}

impl SecretForm {
    /// Reads a secret.
    ///
    /// # Errors
    /// When it has another form.
    pub fn parse(self, text: &str) -> Result<Secret, InvalidSecret> {
        match self {
            Self::Standard => text.parse(),
            Self::Text => {
                let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
                if !visible || !TEXT_LENGTH.contains(&text.len()) {
                    return Err(InvalidSecret::Text);
                }
                Ok(Secret::plain(text))
            }
        }
    }

    /// A new HMAC secret of 32 bytes.
    pub fn generate(self, random: impl Fn() -> u128) -> Secret {
        let bytes = [random().to_be_bytes(), random().to_be_bytes()].concat();
        match self {
            Self::Standard => {
                let text = format!("whsec_{}", STANDARD.encode(&bytes));
                Secret { text, key: SecretKey::Hmac(bytes) }
            }
            Self::Text => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Secret::plain(&hex)
            }
        }
    }
}

impl Secret {
    /// A new HMAC secret of the standard form.
    pub fn generate(random: impl Fn() -> u128) -> Self {
        SecretForm::Standard.generate(random)
    }

    fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), key: SecretKey::Hmac(text.as_bytes().to_vec()) }
    }

    /// The secret itself. Only for the customer who owns it, and the table.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The key to sign with.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// `whpk_<base64>`, with which receivers verify; `None` for HMAC.
    pub fn public_key(&self) -> Option<String> {
        match &self.key {
            SecretKey::Hmac(_) => None,
            SecretKey::Ed25519(key) => {
                Some(format!("whpk_{}", STANDARD.encode(key.verifying_key().as_bytes())))
            }
        }
    }
}

impl std::str::FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let decode = |base64: &str| STANDARD.decode(base64).map_err(|_| InvalidSecret::Base64);
        let key = if let Some(base64) = text.strip_prefix("whsec_") {
            let bytes = decode(base64)?;
            if !(24..=64).contains(&bytes.len()) {
                return Err(InvalidSecret::HmacLength(bytes.len()));
            }
            SecretKey::Hmac(bytes)
        } else if let Some(base64) = text.strip_prefix("whsk_") {
            SecretKey::Ed25519(Box::new(ed25519_key(&decode(base64)?)?))
        } else {
            return Err(InvalidSecret::Form);
        };
        Ok(Self { text: text.to_owned(), key })
    }
}

fn ed25519_key(bytes: &[u8]) -> Result<SigningKey, InvalidSecret> {
    if let Ok(seed) = <&[u8; 32]>::try_from(bytes) {
        return Ok(SigningKey::from_bytes(seed));
    }
    let pair = <&[u8; 64]>::try_from(bytes).map_err(|_| InvalidSecret::Ed25519)?;
    SigningKey::from_keypair_bytes(pair).map_err(|_| InvalidSecret::Ed25519)
}

impl TryFrom<String> for Secret {
    type Error = InvalidSecret;
    fn try_from(text: String) -> Result<Self, InvalidSecret> {
        match text.strip_prefix(TEXT_MARK) {
            Some(plain) => Ok(Self::plain(plain)),
            None => text.parse(),
        }
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> String {
        match &secret.key {
            SecretKey::Hmac(key) if key == secret.text.as_bytes() => {
                format!("{TEXT_MARK}{}", secret.text)
            }
            _ => secret.text,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_it() {
        let secret = Secret::generate(|| 7);
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.reveal().parse::<Secret>().unwrap(), secret);
    }

    #[test]
    fn plain_texts_are_kept_as_such() {
        let secret = SecretForm::Text.parse("whsec_but-plain-text").unwrap();
        let kept: Secret = String::from(secret.clone()).try_into().unwrap();
        assert_eq!(kept, secret);
        assert!(matches!(kept.key(), SecretKey::Hmac(key) if key == b"whsec_but-plain-text"));
        assert_eq!(SecretForm::Text.generate(|| 7).reveal().len(), 64);
        for bad in ["too-short", "with a space in it", &"x".repeat(257)] {
            assert_eq!(SecretForm::Text.parse(bad).unwrap_err(), InvalidSecret::Text);
        }
    }

    #[test]
    fn refuses_what_is_no_secret() {
        let refusal = |text: &str| text.parse::<Secret>().unwrap_err();
        assert_eq!(refusal("hunter2"), InvalidSecret::Form);
        assert_eq!(refusal("whsec_!"), InvalidSecret::Base64);
        assert_eq!(refusal("whsec_c2hvcnQ="), InvalidSecret::HmacLength(5));
        assert_eq!(refusal("whsk_c2hvcnQ="), InvalidSecret::Ed25519);
    }
}
