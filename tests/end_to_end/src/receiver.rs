//! A receiver on loopback that answers as it is told and remembers what it got.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::eventually;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Request {
    pub at: Instant,
    pub method: http::Method,
    pub headers: http::HeaderMap,
    pub body: Bytes,
    /// What it was answered.
    pub status: u16,
}

impl Request {
    /// A header's value.
    ///
    /// # Panics
    /// When it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.to_str().expect("visible characters")
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is none.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a text")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// How to answer.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    delay: Duration,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Reply {
    /// At once, with this status.
    pub fn status(status: u16) -> Self {
        Self { status, delay: Duration::ZERO, headers: Vec::new(), body: Bytes::new() }
    }

    /// Late.
    pub fn after(delay: Duration, status: u16) -> Self {
        Self { delay, ..Self::status(status) }
    }

    /// With a header more.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

#[derive(Default)]
struct Path {
    /// Answers still to give, then `default`.
    next: VecDeque<Reply>,
    default: Option<Reply>,
    requests: Vec<Request>,
}

type Paths = Arc<Mutex<HashMap<String, Path>>>;

/// The receiver. It stops when it is dropped.
pub struct Receiver {
    base: String,
    paths: Paths,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    /// Starts one on a free port. It answers 200 until told otherwise.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        Self::on(0).await
    }

    /// The same on this port.
    ///
    /// # Panics
    /// When it is not free.
    pub async fn on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("its address"));
        let paths = Paths::default();
        let served = Arc::clone(&paths);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let paths = Arc::clone(&served);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, Arc::clone(&paths)));
                    let connection = auto::Builder::new(TokioExecutor::new());
                    // A client that goes away in the middle is part of the tests.
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { base, paths, server }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// How to answer from now on.
    pub fn reply(&self, path: &str, reply: Reply) {
        self.with(path, |path| path.default = Some(reply));
    }

    /// How to answer the next requests, one by one; after them, with 200 or what was set.
    pub fn replies(&self, path: &str, replies: Vec<Reply>) {
        self.with(path, |path| path.next.extend(replies));
    }

    /// Requests so far, in the order of their arrival.
    pub fn requests(&self, path: &str) -> Vec<Request> {
        self.with(path, |path| path.requests.clone())
    }

    /// Their number.
    pub fn count(&self, path: &str) -> usize {
        self.with(path, |path| path.requests.len())
    }

    /// Waits until at least `count` requests have come, and answers all that have.
    pub async fn wait_for(&self, path: &str, count: usize) -> Vec<Request> {
        eventually(&format!("{count} requests at {path}"), async || {
            let requests = self.requests(path);
            if requests.len() >= count {
                Ok(requests)
            } else {
                Err(format!("{} requests", requests.len()))
            }
        })
        .await
    }

    fn with<T>(&self, path: &str, act: impl FnOnce(&mut Path) -> T) -> T {
        let mut paths = self.paths.lock().expect("no panic while it was held");
        act(paths.entry(path.to_owned()).or_default())
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    paths: Paths,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let reply = {
        let mut paths = paths.lock().expect("no panic while it was held");
        let path = paths.entry(head.uri.path().to_owned()).or_default();
        let reply = path.next.pop_front().or_else(|| path.default.clone());
        let reply = reply.unwrap_or_else(|| Reply::status(200));
        path.requests.push(Request {
            at: Instant::now(),
            method: head.method,
            headers: head.headers,
            body,
            status: reply.status,
        });
        reply
    };
    tokio::time::sleep(reply.delay).await;
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(reply.body)).expect("a valid reply"))
}
