//! Signing secrets, in the forms of the Standard Webhooks specification.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

/// What signs an endpoint's deliveries.
///
/// `whsec_<base64>`: 24–64 bytes for HMAC-SHA256. `whsk_<base64>`: an Ed25519 private key, 32
/// bytes (the seed) or 64 (seed and public key).
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
    #[error("is no Ed25519 private key: 32 bytes of seed, or 64 of seed and its public key")]
    Ed25519,
}

impl Secret {
    /// A new HMAC secret of 32 bytes.
    pub fn generate(random: impl Fn() -> u128) -> Self {
        let bytes = [random().to_be_bytes(), random().to_be_bytes()].concat();
        Self { text: format!("whsec_{}", STANDARD.encode(&bytes)), key: SecretKey::Hmac(bytes) }
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
        text.parse()
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> String {
        secret.text
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
    fn refuses_what_is_no_secret() {
        let refusal = |text: &str| text.parse::<Secret>().unwrap_err();
        assert_eq!(refusal("hunter2"), InvalidSecret::Form);
        assert_eq!(refusal("whsec_!"), InvalidSecret::Base64);
        assert_eq!(refusal("whsec_c2hvcnQ="), InvalidSecret::HmacLength(5));
        assert_eq!(refusal("whsk_c2hvcnQ="), InvalidSecret::Ed25519);
    }
}
