//! Verifies Standard Webhooks signatures as a receiver would: from the specification, not from the
//! code that signs.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::Timestamp;
use sha2::Sha256;

/// How far a timestamp may be from now, either way.
const TOLERANCE: Duration = Duration::from_secs(300);

/// Verifies with one secret.
#[derive(Clone)]
pub struct Verifier {
    mac: Hmac<Sha256>,
}

/// Why a request is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    #[error("no {0}")]
    Missing(&'static str),
    #[error("the timestamp is no number of seconds, or too far from now")]
    Time,
    #[error("no signature that fits")]
    Signature,
}

impl Verifier {
    /// From `whsec_<base64>`.
    ///
    /// # Errors
    /// When the secret has another form.
    pub fn new(secret: &str) -> Result<Self> {
        let base64 = secret.strip_prefix("whsec_").context("a secret without whsec_")?;
        let key = STANDARD.decode(base64).context("a secret that is no base64")?;
        Ok(Self { mac: Hmac::new_from_slice(&key)? })
    }

    /// Whether a request comes from who holds the secret, and now.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), Untrusted> {
        let header = |name: &'static str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.ok_or(Untrusted::Missing(name))
        };
        let (id, sent) = (header("webhook-id")?, header("webhook-timestamp")?);
        let signatures = header("webhook-signature")?;
        let seconds: i64 = sent.parse().map_err(|_| Untrusted::Time)?;
        if now.as_second().abs_diff(seconds) > TOLERANCE.as_secs() {
            return Err(Untrusted::Time);
        }
        let mut mac = self.mac.clone();
        mac.update(format!("{id}.{sent}.").as_bytes());
        mac.update(body);
        let fits = |entry: &str| {
            let signature =
                entry.strip_prefix("v1,").and_then(|base64| STANDARD.decode(base64).ok());
            signature.is_some_and(|signature| mac.clone().verify_slice(&signature).is_ok())
        };
        // Several during a rotation of the secret.
        if signatures.split(' ').any(fits) { Ok(()) } else { Err(Untrusted::Signature) }
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SENT: i64 = 1_614_265_330;

    // The vector of the reference libraries' tests.
    fn headers() -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            (
                "webhook-signature",
                "v1,AAAA v1a,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    fn verify(headers: &HeaderMap, body: &[u8], now: i64) -> Result<(), Untrusted> {
        let verifier = Verifier::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        verifier.verify(headers, body, Timestamp::from_second(now).unwrap())
    }

    #[test]
    fn takes_what_was_signed() {
        assert_eq!(verify(&headers(), BODY, SENT), Ok(()));
        assert_eq!(verify(&headers(), BODY, SENT + 300), Ok(()));
    }

    #[test]
    fn refuses_everything_else() {
        assert_eq!(verify(&headers(), b"{}", SENT), Err(Untrusted::Signature));
        assert_eq!(verify(&headers(), BODY, SENT + 301), Err(Untrusted::Time));
        assert_eq!(verify(&headers(), BODY, SENT - 301), Err(Untrusted::Time));
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let mut headers = headers();
            headers.remove(name);
            assert_eq!(verify(&headers, BODY, SENT), Err(Untrusted::Missing(name)));
        }
        let mut other = headers();
        other.insert("webhook-id", "msg_other".parse().unwrap());
        assert_eq!(verify(&other, BODY, SENT), Err(Untrusted::Signature));
    }
}
