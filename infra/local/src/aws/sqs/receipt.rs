//! Receipt handles: which message of which queue, received for the how manieth time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::SqsError;

/// Tells our handles from arbitrary base64.
const MARK: [u8; 4] = *b"phrh";

/// The plain form of a receipt handle. A message gets a new one with every receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    pub queue: i64,
    pub message: i64,
    /// The message's receive count when this handle was given out.
    pub count: u32,
}

impl Receipt {
    pub fn encode(self) -> String {
        let mut bytes = [0; 24];
        bytes[..4].copy_from_slice(&MARK);
        bytes[4..12].copy_from_slice(&self.queue.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.message.to_be_bytes());
        bytes[20..].copy_from_slice(&self.count.to_be_bytes());
        STANDARD.encode(bytes)
    }

    /// # Errors
    /// `ReceiptHandleIsInvalid` for what is no handle of this queue.
    pub fn decode(handle: &str, queue: i64) -> Result<Self, SqsError> {
        let bytes: [u8; 24] = STANDARD
            .decode(handle)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(SqsError::ReceiptHandleIsInvalid)?;
        let number = |from: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[from..from + 8]);
            i64::from_be_bytes(eight)
        };
        let receipt = Self {
            queue: number(4),
            message: number(12),
            count: u32::from_be_bytes([bytes[20], bytes[21], bytes[22], bytes[23]]),
        };
        if bytes[..4] == MARK && receipt.queue == queue {
            Ok(receipt)
        } else {
            Err(SqsError::ReceiptHandleIsInvalid)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_opens_its_own_queue_only() {
        let receipt = Receipt { queue: 3, message: i64::MAX - 5, count: 2 };
        let handle = receipt.encode();
        assert_eq!(Receipt::decode(&handle, 3), Ok(receipt));
        assert_eq!(Receipt::decode(&handle, 4), Err(SqsError::ReceiptHandleIsInvalid));
        for bad in ["", "x", "AAAA", &handle[..28], "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(Receipt::decode(bad, 3), Err(SqsError::ReceiptHandleIsInvalid));
        }
    }
}
