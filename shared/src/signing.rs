//! Signatures of Standard Webhooks 1.0: `v1` is HMAC-SHA256, `v1a` is Ed25519, both over
//! `<id>.<timestamp>.<body>`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::{Secret, SecretKey};

/// One entry of a `webhook-signature` header. `timestamp` is in seconds since the epoch.
pub fn standard_webhooks(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let prefix = format!("{id}.{timestamp}.");
    match secret.key() {
        SecretKey::Hmac(key) => {
            // HMAC takes a key of any length.
            let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
            mac.update(prefix.as_bytes());
            mac.update(body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        }
        SecretKey::Ed25519(key) => {
            let signature = key.sign(&[prefix.as_bytes(), body].concat());
            format!("v1a,{}", STANDARD.encode(signature.to_bytes()))
        }
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
