//! HMAC-SHA256 and Ed25519, and the signatures of Standard Webhooks 1.0 made of them: `v1` and
//! `v1a`, both over `<id>.<timestamp>.<body>`. How other dialects write theirs is in
//! [`crate::dialect`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::{Secret, SecretKey};

/// HMAC-SHA256: 32 bytes.
pub fn hmac_sha256(key: &[u8], content: &[u8]) -> Vec<u8> {
    // HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(content);
    mac.finalize().into_bytes().to_vec()
}

/// Ed25519: 64 bytes.
pub fn ed25519(key: &SigningKey, content: &[u8]) -> Vec<u8> {
    key.sign(content).to_bytes().to_vec()
}

/// One entry of a `webhook-signature` header. `timestamp` is in seconds since the epoch.
pub fn standard_webhooks(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let content = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    match secret.key() {
        SecretKey::Hmac(key) => format!("v1,{}", STANDARD.encode(hmac_sha256(key, &content))),
        SecretKey::Ed25519(key) => format!("v1a,{}", STANDARD.encode(ed25519(key, &content))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signature, Verifier};

    #[test]
    fn agrees_with_the_reference_librarys_vector() {
        // https://github.com/standard-webhooks/standard-webhooks: tests of the reference libraries
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            standard_webhooks(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn an_ed25519_signature_verifies_with_the_public_key() {
        let secret: Secret = format!("whsk_{}", STANDARD.encode([7u8; 32])).parse().unwrap();
        let entry = standard_webhooks(&secret, "msg_1", 1_614_265_330, b"{}");
        let signature = STANDARD.decode(entry.strip_prefix("v1a,").unwrap()).unwrap();
        let SecretKey::Ed25519(key) = secret.key() else { panic!("an Ed25519 key") };
        let signature = Signature::from_slice(&signature).unwrap();
        key.verifying_key().verify(b"msg_1.1614265330.{}", &signature).unwrap();
    }
}
