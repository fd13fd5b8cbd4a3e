//! A receiver: verifies each delivery, and prints each event once.

mod verify;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Bytes.
const MAX_BODY: usize = 1_048_576;

struct Receiver {
    secret: String,
    /// Stands for a table with the id as its unique key.
    seen: Mutex<HashSet<String>>,
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, sent) = (header("webhook-id"), header("webhook-timestamp"));
    let signatures = header("webhook-signature");
    if !verify::is_genuine(&receiver.secret, id, sent, signatures, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(mut seen) = receiver.seen.lock() else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    if !seen.contains(id) {
        println!("{id} {}", String::from_utf8_lossy(&body)); // store it here, work on it later
        seen.insert(id.to_owned());
    }
    StatusCode::NO_CONTENT
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let secret = std::env::var("WEBHOOK_SECRET")?;
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
    let router = Router::new()
        .route("/hook", post(receive))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(Receiver { secret, seen: Mutex::default() }));
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
