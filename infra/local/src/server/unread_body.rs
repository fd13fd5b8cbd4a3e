//! What a handler leaves of a request body. When a connection is closed while its client is still
//! sending, the client's system may throw away an answer that has already come; so the rest is
//! received first.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures::StreamExt;
use hyper::body::{Frame, SizeHint};

/// Bytes that are received of what nobody reads. Clients that send more may miss the answer.
const MAX_DISCARDED: usize = 8 * 1024 * 1024;

/// A body that is given back when it is dropped before its end.
struct Lent {
    body: Body,
    has_ended: bool,
    unread: Arc<Mutex<Body>>,
}

/// Where such a body comes back.
pub struct Unread(Arc<Mutex<Body>>);

/// The body for a handler, and what it will leave of it.
pub fn lend(body: Body) -> (Body, Unread) {
    if body.is_end_stream() {
        return (body, Unread(Arc::default()));
    }
    let unread = Arc::default();
    let lent = Lent { body, has_ended: false, unread: Arc::clone(&unread) };
    (Body::new(lent), Unread(unread))
}

impl Unread {
    /// Receives what was left, and keeps nothing of it.
    pub async fn discard(self) {
        let rest = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if rest.size_hint().lower() > MAX_DISCARDED as u64 {
            return;
        }
        let mut frames = rest.into_data_stream();
        let mut received = 0;
        while received <= MAX_DISCARDED
            && let Some(Ok(bytes)) = frames.next().await
        {
            received += bytes.len();
        }
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = frame {
            self.has_ended = true;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.has_ended && !self.body.is_end_stream() {
            let body = std::mem::take(&mut self.body);
            *self.unread.lock().unwrap_or_else(PoisonError::into_inner) = body;
        }
    }
}
