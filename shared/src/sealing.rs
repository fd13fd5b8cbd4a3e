//! Sealing: AES-256-GCM, so that a copy of the table reveals nothing of what was sealed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Sha256;

/// A key that seals. It shows itself to nobody.
pub struct SealingKey(LessSafeKey);

/// A text that this key did not seal, or not for this purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sealed with this key for this purpose")]
pub struct NotSealed;

impl SealingKey {
    /// The key that follows from something secret; `purpose` keeps it apart from all other uses of
    /// that secret.
    pub fn derive(secret: &[u8], purpose: &str) -> Self {
        // HMAC takes a key of any length, and AES-256 one of 32 bytes.
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length is a key");
        mac.update(purpose.as_bytes());
        let key = UnboundKey::new(&AES_256_GCM, &mac.finalize().into_bytes());
        Self(LessSafeKey::new(key.expect("SHA-256 has 32 bytes")))
    }

    /// Seals a text as base64, bound to `context`: it can't be opened in another one. `random` has
    /// to be fresh every time.
    pub fn seal(&self, text: &str, context: &str, random: u128) -> String {
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&random.to_be_bytes()[..NONCE_LEN]);
        let mut sealed = text.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                &mut sealed,
            )
            .expect("far fewer than the 64 GiB that one nonce can seal");
        STANDARD.encode([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed.
    ///
    /// # Errors
    /// When it was sealed with another key or for another context, or was changed.
    pub fn open(&self, sealed: &str, context: &str) -> Result<String, NotSealed> {
        let bytes = STANDARD.decode(sealed).map_err(|_| NotSealed)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(NotSealed)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self
            .0
            .open_in_place(nonce, Aad::from(context.as_bytes()), &mut sealed)
            .map_err(|_| NotSealed)?;
        String::from_utf8(text.to_vec()).map_err(|_| NotSealed)
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_key_and_the_context_it_was_sealed_with() {
        let key = SealingKey::derive(b"secret", "test");
        let sealed = key.seal("whsec_1", "ep_1", 7);
        assert!(!sealed.contains("whsec"));
        assert_eq!(key.open(&sealed, "ep_1").as_deref(), Ok("whsec_1"));
        assert_eq!(key.open(&sealed, "ep_2"), Err(NotSealed));
        assert_eq!(SealingKey::derive(b"other", "test").open(&sealed, "ep_1"), Err(NotSealed));
        assert_eq!(SealingKey::derive(b"secret", "use").open(&sealed, "ep_1"), Err(NotSealed));
        let mut changed = STANDARD.decode(&sealed).unwrap();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(key.open(&STANDARD.encode(changed), "ep_1"), Err(NotSealed));
        assert_eq!(key.open("", "ep_1"), Err(NotSealed));
    }
}
