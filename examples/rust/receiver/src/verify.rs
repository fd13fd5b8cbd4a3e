use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Seconds.
const TOLERANCE: u64 = 300;

/// Whether a delivery is genuine: its three `webhook-` headers, and its body as it came.
pub fn is_genuine(secret: &str, id: &str, sent: &str, signatures: &str, body: &[u8]) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let (Ok(key), Ok(now), Ok(seconds)) = (key, now, sent.parse::<u64>()) else {
        return false;
    };
    if now.as_secs().abs_diff(seconds) > TOLERANCE {
        return false;
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
        return false;
    };
    mac.update(format!("{id}.{sent}.").as_bytes());
    mac.update(body);
    let given = signatures.split(' ').filter_map(|text| text.strip_prefix("v1,"));
    // `verify_slice` takes the same time wherever they differ.
    given
        .filter_map(|text| STANDARD.decode(text).ok())
        .any(|s| mac.clone().verify_slice(&s).is_ok())
}
