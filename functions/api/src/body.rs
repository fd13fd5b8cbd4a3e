//! Request bodies.

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::problem::Refusal;

/// Bytes of a request body. Lambda takes 6 MB of it; base64 and the envelope come on top.
const MAX: usize = 4 * 1024 * 1024;

/// A body, whole.
pub struct RequestBody(pub Bytes);

impl std::ops::Deref for RequestBody {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<S: Sync> FromRequest<S> for RequestBody {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        Self::read(&parts.headers, body).await.map_err(IntoResponse::into_response)
    }
}

impl RequestBody {
    /// Reads the body of a request with these headers.
    ///
    /// # Errors
    /// When it says to be no JSON, or can't be read.
    pub async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Refusal> {
        check_media_type(headers)?;
        read(body).await.map(Self)
    }
}

/// Refuses what calls itself something else than JSON. What says nothing is taken for JSON; so is
/// what `curl -d` says where nobody told it otherwise.
fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = essence == "application/json"
        || essence.starts_with("application/") && essence.ends_with("+json");
    if json || essence.is_empty() || essence == "application/x-www-form-urlencoded" {
        return Ok(());
    }
    Err(Refusal::MediaType(text.chars().take(100).collect()))
}

/// Reads a body whole.
///
/// # Errors
/// When it breaks off, or is larger than a request may be.
pub async fn read(body: Body) -> Result<Bytes, Refusal> {
    let read = read_at_most(body, MAX).await?;
    read.ok_or_else(|| {
        let detail = format!("a request body has at most {MAX} bytes; send fewer events at a time");
        Refusal::TooLarge(detail)
    })
}

/// Reads a body of at most `max` bytes; `None`: it has more. Whoever serves the request receives what
/// is left of it.
///
/// # Errors
/// When it breaks off.
pub async fn read_at_most(body: Body, max: usize) -> Result<Option<Bytes>, Refusal> {
    if body.size_hint().lower() > max as u64 {
        return Ok(None);
    }
    // It grows as bytes come: a client that announces many may send few.
    let mut kept = BytesMut::new();
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|e| Refusal::Malformed(format!("the body could not be read: {e}")))?;
        if kept.len() + chunk.len() > max {
            return Ok(None);
        }
        kept.extend_from_slice(&chunk);
    }
    Ok(Some(kept.freeze()))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::stream;

    use super::*;

    async fn length(body: Body, max: usize) -> Option<usize> {
        read_at_most(body, max).await.unwrap().map(|bytes| bytes.len())
    }

    #[tokio::test]
    async fn a_body_has_at_most_so_many_bytes() {
        let chunks = |count: usize| {
            let chunk = Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 100]));
            Body::from_stream(stream::iter(vec![chunk; count]))
        };
        assert_eq!(length(Body::empty(), 1_000).await, Some(0));
        assert_eq!(length(Body::from(vec![b'x'; 1_000]), 1_000).await, Some(1_000));
        assert_eq!(length(Body::from(vec![b'x'; 1_001]), 1_000).await, None);
        assert_eq!(length(chunks(10), 1_000).await, Some(1_000));
        assert_eq!(length(chunks(11), 1_000).await, None);
    }

    #[tokio::test]
    async fn a_body_without_an_end_is_read_up_to_a_limit() {
        let sent = Arc::new(AtomicUsize::new(0));
        let endless = Body::from_stream(stream::repeat_with({
            let sent = Arc::clone(&sent);
            move || {
                sent.fetch_add(1_000, Ordering::Relaxed);
                Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1_000]))
            }
        }));
        assert_eq!(length(endless, 1_000).await, None);
        assert_eq!(sent.load(Ordering::Relaxed), 2_000);
    }
}
