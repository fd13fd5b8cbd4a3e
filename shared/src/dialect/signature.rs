//! How a dialect signs: one header, whose value holds one signature per secret, or only that of
//! the newest.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Signable;
use super::template::{Placeholder, Template};
use crate::secret::{Secret, SecretKey};
use crate::signing;

/// How a signature's bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    Hex,
    Base64,
}

/// One signature header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRule {
    pub header: String,
    /// What is signed.
    pub content: Template,
    pub encoding: Encoding,
    /// How one signature is written, by HMAC and by Ed25519.
    pub each: Template,
    pub each_ed25519: Option<Template>,
    /// Between signatures; absent: the scheme carries one, that of the newest secret.
    pub separator: Option<String>,
    /// The header's value.
    pub value: Template,
}

impl SignatureRule {
    /// The header's value for secrets, the newest first.
    pub fn sign<'s>(
        &self,
        secrets: impl Iterator<Item = &'s Secret>,
        signable: Signable<'_>,
    ) -> String {
        let unix = signable.unix.to_string();
        let value_of = |placeholder| match placeholder {
            Placeholder::Id => signable.event_id.as_bytes(),
            Placeholder::Unix => unix.as_bytes(),
            _ => signable.body,
        };
        let content = self.content.fill(value_of);
        let carried = if self.separator.is_some() { usize::MAX } else { 1 };
        let signatures: Vec<String> =
            secrets.take(carried).map(|secret| self.one(secret, &content)).collect();
        let signatures = signatures.join(self.separator.as_deref().unwrap_or_default());
        self.value.fill_text(|placeholder| match placeholder {
            Placeholder::Id => signable.event_id,
            Placeholder::Unix => &unix,
            _ => &signatures,
        })
    }

    fn one(&self, secret: &Secret, content: &[u8]) -> String {
        let (bytes, template) = match (secret.key(), &self.each_ed25519) {
            (SecretKey::Ed25519(key), Some(template)) => (signing::ed25519(key, content), template),
            // The account changed to a dialect without Ed25519: its text is a secret, too.
            (SecretKey::Ed25519(_), None) => {
                (signing::hmac_sha256(secret.reveal().as_bytes(), content), &self.each)
            }
            (SecretKey::Hmac(key), _) => (signing::hmac_sha256(key, content), &self.each),
        };
        let text = match self.encoding {
            Encoding::Base64 => STANDARD.encode(bytes),
            Encoding::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        template.fill_text(|_| &text)
    }
}
