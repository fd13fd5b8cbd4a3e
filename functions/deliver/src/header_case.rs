//! Header names as they are written. HTTP/1.1 does not care about their letter case, but receivers
//! exist that do, and a dialect promises a spelling.
//!
//! hyper writes names in lower case, unless a message carries the spellings that hyper noted when
//! it read one. So a message with the wanted names is read once, and its note is kept.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use moka::sync::Cache;
use tokio::io::AsyncWriteExt;

/// Sets of names that are kept.
const KEPT: u64 = 10_000;

/// The notes for sets of names.
pub struct HeaderCases(Cache<String, Extensions>);

impl HeaderCases {
    pub fn new() -> Self {
        Self(Cache::new(KEPT))
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
