//! The receiving end: counts what arrives. A process of its own, on loopback, that ends when its
//! standard input does, so that it never outlives the benchmark.
//!
//! `POST /hook/<endpoint>` takes a delivery; `PUT /tally` starts a count; `GET /tally` tells it.

use std::convert::Infallible;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::event;
use crate::latency::{Latencies, Percentiles};

/// What to count.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Expected {
    /// Events with another run's mark are strays.
    pub run: u64,
    pub events: u64,
    pub endpoints: u64,
}

/// What has arrived.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Arrivals {
    /// Different deliveries: one per event and endpoint.
    pub distinct: u64,
    /// Deliveries that came again.
    pub duplicates: u64,
    /// Deliveries of another run, or that are none.
    pub strays: u64,
    /// Nanoseconds since the epoch; 0 before the first.
    pub last_at: u64,
    /// From the mark's `sent_at` to the whole body read, first arrivals only.
    pub latency: Percentiles,
    /// When each `MILESTONE`th different delivery came, in nanoseconds since the epoch.
    pub milestones: Vec<u64>,
}

/// Deliveries between two milestones.
pub const MILESTONE: u64 = 500;

struct Tally {
    expected: Expected,
    /// One bit per event and endpoint.
    seen: Vec<u64>,
    arrivals: Arrivals,
    latencies: Latencies,
}

impl Tally {
    fn new(expected: Expected) -> Self {
        let bits = expected.events * expected.endpoints;
        let seen = vec![0; usize::try_from(bits.div_ceil(64)).unwrap_or_default()];
        Self { expected, seen, arrivals: Arrivals::default(), latencies: Latencies::new() }
    }

    fn add(&mut self, endpoint: Option<u64>, body: &[u8], now: u64) {
        let Expected { run, events, endpoints } = self.expected;
        let arrivals = &mut self.arrivals;
        let known = endpoint.zip(event::read(body)).filter(|(endpoint, mark)| {
            mark.run == run && mark.number < events && *endpoint < endpoints
        });
        let Some((endpoint, mark)) = known else {
            arrivals.strays += 1;
            return;
        };
        let bit = endpoint * events + mark.number;
        let word = &mut self.seen[(bit / 64) as usize];
        if *word & (1 << (bit % 64)) != 0 {
            arrivals.duplicates += 1;
            return;
        }
        *word |= 1 << (bit % 64);
        arrivals.distinct += 1;
        arrivals.last_at = now;
        if arrivals.distinct % MILESTONE == 0 {
            arrivals.milestones.push(now);
        }
        self.latencies.record(now.saturating_sub(mark.sent_at));
    }

    fn told(&self) -> Arrivals {
        Arrivals { latency: self.latencies.percentiles(), ..self.arrivals.clone() }
    }
}

/// Serves until standard input ends. Prints its URL first.
///
/// # Errors
/// When no port is free.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port")?;
    println!("receiver ready: http://{}", listener.local_addr()?);
    let none = Expected { run: 0, events: 0, endpoints: 0 };
    let tally = Arc::new(Mutex::new(Tally::new(none)));
    let parent_is_gone = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut vec![]));
    tokio::select! {
        _ = parent_is_gone => Ok(()),
        outcome = accept(listener, tally) => outcome,
    }
}

async fn accept(listener: TcpListener, tally: Arc<Mutex<Tally>>) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let tally = Arc::clone(&tally);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &tally));
            // A connection that breaks shows as deliveries that don't come.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    tally: &Mutex<Tally>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(respond(StatusCode::BAD_REQUEST, Bytes::new()));
    };
    let (body, now) = (body.to_bytes(), event::now());
    // Nothing that holds it can panic half-way.
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match (&head.method, head.uri.path()) {
        (&Method::GET, "/tally") => match serde_json::to_vec(&tally.told()) {
            Ok(told) => respond(StatusCode::OK, told.into()),
            Err(_) => respond(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
        },
        (&Method::PUT, "/tally") => match serde_json::from_slice(&body) {
            Ok(expected) => {
                *tally = Tally::new(expected);
                respond(StatusCode::NO_CONTENT, Bytes::new())
            }
            Err(_) => respond(StatusCode::BAD_REQUEST, Bytes::new()),
        },
        (_, path) => {
            let endpoint = path.strip_prefix("/hook/").and_then(|number| number.parse().ok());
            tally.add(endpoint, &body, now);
            respond(StatusCode::NO_CONTENT, Bytes::new())
        }
    })
}

fn respond(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Mark, render};

    #[test]
    fn every_event_counts_once_per_endpoint() {
        let mut tally = Tally::new(Expected { run: 7, events: 100, endpoints: 2 });
        let body = |run, number| render(Mark { run, number, sent_at: 1_000 }, None, 200);
        tally.add(Some(0), body(7, 99).as_bytes(), 3_000);
        tally.add(Some(1), body(7, 99).as_bytes(), 4_000);
        tally.add(Some(1), body(7, 99).as_bytes(), 5_000);
        for stray in [body(6, 1), body(7, 100), "{}".to_owned()] {
            tally.add(Some(0), stray.as_bytes(), 6_000);
        }
        tally.add(Some(2), body(7, 1).as_bytes(), 7_000);
        let told = tally.told();
        assert_eq!((told.distinct, told.duplicates, told.strays), (2, 1, 4));
        assert_eq!(told.last_at, 4_000);
    }
}
