//! Request bodies.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::problem::Refusal;

/// Bytes of a request body. Lambda takes 6 MB of it; base64 and the envelope come on top.
const MAX: usize = 4 * 1024 * 1024;
/// How much of a body that is too large is read nevertheless: a client that is still sending when
/// the connection closes never sees the answer.
const MAX_DISCARDED: usize = 64 * 1024 * 1024;

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

/// Receives the body of a request that has no use for one, and keeps nothing of it: a client that
/// is still sending when the connection closes never sees the answer.
pub async fn discard(body: Body) {
    let mut stream = body.into_data_stream();
    let mut total = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        total += chunk.len();
        if total > MAX {
            break;
        }
    }
}

/// Reads a body whole.
///
/// # Errors
/// When it breaks off, or is larger than a request may be.
pub async fn read(body: Body) -> Result<Bytes, Refusal> {
    let mut stream = body.into_data_stream();
    let (mut kept, mut total) = (BytesMut::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|e| Refusal::Malformed(format!("the body could not be read: {e}")))?;
        total += chunk.len();
        if total <= MAX {
            kept.extend_from_slice(&chunk);
        } else if total > MAX_DISCARDED {
            break;
        }
    }
    if total > MAX {
        let detail = format!("a request body has at most {MAX} bytes; send fewer events at a time");
        return Err(Refusal::TooLarge(detail));
    }
    Ok(kept.freeze())
}
