//! The receiver: answers 200 at once, and counts what it got. `GET /report` tells, `POST /reset`
//! forgets, `GET /times` tells when each request came. Paths below `/broken` answer 503 until `POST /mend`.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// What was received since the last reset.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    pub requests: u64,
    /// Different events at different paths.
    pub distinct: u64,
    /// Microseconds since the epoch.
    pub last_at: u64,
    /// Microseconds from POST sent to body received.
    pub p50: u64,
    pub p95: u64,
    pub p99: u64,
}

struct Seen {
    ids: HashSet<(String, Bytes)>,
    latency: Histogram<u64>,
    requests: u64,
    last_at: u64,
    mended: bool,
    /// When each request came.
    times: Vec<u64>,
}

impl Seen {
    fn new() -> Result<Self> {
        // Up to an hour, to three digits.
        let latency = Histogram::new_with_max(3_600_000_000, 3)?;
        Ok(Self {
            ids: HashSet::new(),
            latency,
            requests: 0,
            last_at: 0,
            mended: false,
            times: Vec::new(),
        })
    }

    fn report(&self) -> Report {
        Report {
            requests: self.requests,
            distinct: self.ids.len() as u64,
            last_at: self.last_at,
            p50: self.latency.value_at_quantile(0.50),
            p95: self.latency.value_at_quantile(0.95),
            p99: self.latency.value_at_quantile(0.99),
        }
    }
}

/// Microseconds since the epoch: the clock that load and receiver share.
pub fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Serves until it is killed.
pub async fn run() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let seen = Arc::new(Mutex::new(Seen::new()?));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
            let server = hyper::server::conn::http1::Builder::new();
            // A connection that breaks off is the stack's business.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    seen: Arc<Mutex<Seen>>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let now = now_micros();
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let mut status = 200;
    let answer = match head.uri.path() {
        "/report" => Bytes::from(serde_json::to_vec(&seen.report()).unwrap_or_default()),
        "/times" => Bytes::from(serde_json::to_vec(&seen.times).unwrap_or_default()),
        "/reset" => {
            if let Ok(new) = Seen::new() {
                *seen = Seen { mended: seen.mended, ..new };
            }
            Bytes::new()
        }
        "/mend" => {
            seen.mended = true;
            Bytes::new()
        }
        path => {
            if path.starts_with("/broken") && !seen.mended {
                status = 503;
            }
            seen.requests += 1;
            seen.last_at = now;
            seen.times.push(now);
            let id = head.headers.get("webhook-id").map(|id| Bytes::copy_from_slice(id.as_bytes()));
            seen.ids.insert((path.to_owned(), id.unwrap_or_default()));
            if let Some(sent) = sent_at(&body) {
                seen.latency.saturating_record(now.saturating_sub(sent));
            }
            Bytes::new()
        }
    };
    let mut response = hyper::Response::new(Full::new(answer));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    Ok(response)
}

/// The time in the event's data, `"sent":1234567890123456`.
fn sent_at(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("\"sent\":")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}
