//! What batches have in common.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::error::SqsError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Batch<T> {
    pub queue_url: Option<String>,
    #[serde(default = "Vec::new")]
    pub entries: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchAnswer<T> {
    pub successful: Vec<T>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FailedEntry {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

/// The checks that every batch has in common.
pub fn check_batch<'a>(
    entry: &'static str,
    ids: impl ExactSizeIterator<Item = &'a Option<String>>,
) -> Result<(), SqsError> {
    match ids.len() {
        0 => return Err(SqsError::EmptyBatchRequest(entry)),
        1..=10 => {}
        count => return Err(SqsError::TooManyEntriesInBatchRequest(count)),
    }
    let mut seen = HashSet::new();
    for id in ids {
        let id = id.as_deref().ok_or_else(|| SqsError::MissingParameter("Id".to_owned()))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.is_empty() || id.len() > 80 || !id.bytes().all(plain) {
            return Err(SqsError::InvalidBatchEntryId);
        }
        if !seen.insert(id) {
            return Err(SqsError::BatchEntryIdsNotDistinct(id.to_owned()));
        }
    }
    Ok(())
}

pub fn failed(id: String, error: &SqsError) -> FailedEntry {
    FailedEntry {
        id,
        sender_fault: error.is_senders_fault(),
        code: error.query_code(),
        message: error.to_string(),
    }
}
