//! The receiver behind the demo's endpoints.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::mpsc::Sender;

use super::endpoints::{Endpoint, Manner, Reply};
use super::happening::{Happening, What};
use crate::verification::Identity;

/// A port that is taken, on loopback.
pub struct Receiver {
    listener: TcpListener,
    base: String,
}

/// What answers one path.
#[derive(Clone)]
struct Path {
    endpoint: Endpoint,
    /// Attempts so far of the events that are not done.
    attempts: Arc<Mutex<HashMap<String, usize>>>,
    happenings: Sender<Happening>,
}

impl Receiver {
    /// Takes a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn bind() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("can't listen for the demo's receiver")?;
        let base = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, base })
    }

    /// Where an endpoint of this manner is.
    pub fn url(&self, manner: Manner) -> String {
        format!("{}/{}", self.base, manner.name())
    }

    /// Answers, and tells what came.
    pub fn serve(
        self,
        endpoints: &[Endpoint],
        happenings: Sender<Happening>,
    ) -> impl Future<Output = Result<()>> + use<> {
        let mut router = Router::new();
        for endpoint in endpoints {
            let path = Path {
                endpoint: endpoint.clone(),
                attempts: Arc::default(),
                happenings: happenings.clone(),
            };
            let route = format!("/{}", endpoint.manner.name());
            router = router.merge(Router::new().route(&route, post(receive)).with_state(path));
        }
        async move { axum::serve(self.listener, router).await.context("the demo's receiver failed") }
    }
}

async fn receive(State(path): State<Path>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let verifier = &path.endpoint.verifier;
    let identity = Identity::read(&verifier.dialect, &headers, &body);
    let verdict = verifier.verify(&headers, &body, &identity, Timestamp::now());
    let event = identity.event_id.unwrap_or_else(|| "?".to_owned());
    let manner = path.endpoint.manner;
    let number = path.count(&event);
    let reply = manner.reply(number);
    let what = What::Arrived { manner, number, verdict, reply };
    // Nobody to tell: the demo ends.
    let _ = path.happenings.send(Happening::now(event, what)).await;
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::OK),
        Reply::Nothing => pending().await,
    }
}

impl Path {
    /// The attempt's number, from 1. Events that are done with are forgotten.
    fn count(&self, event: &str) -> usize {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let number = attempts.get(event).copied().unwrap_or_default() + 1;
        if self.endpoint.manner.reply(number) == Reply::Status(200) {
            attempts.remove(event);
        } else {
            attempts.insert(event.to_owned(), number);
        }
        number
    }
}
