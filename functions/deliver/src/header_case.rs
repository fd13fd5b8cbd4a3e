//! Header names as they are written. HTTP/1.1 does not care about their letter case, but receivers
//! exist that do, and a dialect promises a spelling.
//!
//! hyper writes names in lower case, unless a message carries the spellings that hyper noted when
//! it read one. So a message with the wanted names is read once, and its note is kept.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use moka::sync::Cache;
use tokio::io::AsyncWriteExt;

/// Bytes of all notes that are kept: some 200 sets of usual names. A set is learned again in far
/// less time than a request takes.
const KEPT: u64 = 4 * 1024 * 1024;
/// How long a note is kept without being used.
const IDLE: Duration = Duration::from_secs(3600);
/// Bytes of a note beside its names: hyper's read buffer, which it holds on to and which has at
/// least 8 KiB, and an entry for each name.
const NOTE: usize = 16 * 1024;
/// How often a note has its names: in the cache's key, in lower case, and in the read buffer, which
/// may be four times as large as what was read.
const COPIES: usize = 6;

/// The notes for sets of names.
pub struct HeaderCases(Cache<String, Extensions>);

impl HeaderCases {
    pub fn new() -> Self {
        let notes = Cache::builder().max_capacity(KEPT).time_to_idle(IDLE);
        Self(notes.weigher(|message: &String, _: &Extensions| weight(message)).build())
    }

    /// What a request has to carry for its headers to be spelled like this; `None` when lower case
    /// is meant anyway.
    pub async fn of(&self, headers: &[(String, String)]) -> Option<Extensions> {
        let mut message = String::from("POST / HTTP/1.1\r\n");
        for (name, _) in headers {
            message.push_str(name);
            message.push_str(":x\r\n");
        }
        if message[17..].bytes().all(|byte| !byte.is_ascii_uppercase()) {
            return None;
        }
        if let Some(known) = self.0.get(&message) {
            return Some(known);
        }
        let learned = learn(&message).await?;
        self.0.insert(message, learned.clone());
        Some(learned)
    }
}

/// Bytes of the note for a message, roughly.
fn weight(message: &str) -> u32 {
    u32::try_from(NOTE + COPIES * message.len()).unwrap_or(u32::MAX)
}

/// Lets hyper read the message, and takes what it noted.
async fn learn(message: &str) -> Option<Extensions> {
    let (mut ours, theirs) = tokio::io::duplex(message.len() + 16 * 1024);
    ours.write_all(message.as_bytes()).await.ok()?;
    ours.write_all(b"connection:close\r\n\r\n").await.ok()?;
    let noted = Arc::new(Mutex::new(None));
    let note = Arc::clone(&noted);
    let service = service_fn(move |request: Request<Incoming>| {
        let extensions = request.extensions().clone();
        *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(extensions);
        async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
    });
    let mut server = http1::Builder::new();
    server.preserve_header_case(true);
    let served = server.serve_connection(TokioIo::new(theirs), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "header names");
    }
    noted.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept after so many sets, each of one name of this length: notes and their bytes.
    async fn kept(sets: usize, length: usize) -> (u64, u64) {
        let cases = HeaderCases::new();
        for number in 0..sets {
            let name = format!("X-{number}-{}", "A".repeat(length));
            assert!(cases.of(&[(name, String::new())]).await.is_some());
        }
        cases.0.run_pending_tasks();
        (cases.0.entry_count(), cases.0.weighted_size())
    }

    #[tokio::test]
    async fn notes_are_bounded_in_bytes() {
        let (few, _) = kept(10, 20).await;
        assert_eq!(few, 10);
        for length in [20, 12_000] {
            let (notes, bytes) = kept(1_000, length).await;
            assert!(notes < 1_000, "{notes} notes");
            assert!(bytes <= KEPT, "{bytes} bytes");
        }
    }
}
