//! What stands for a text without revealing it.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// Lower-case hex SHA-256. A key or token of 128 random bits is as hard to guess from it as
/// without it.
pub fn sha256_hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
