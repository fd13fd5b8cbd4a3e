//! Reads along in the endpoints' logs, and tells what became of each delivery.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc::Sender;

use super::client::Client;
use super::endpoints::Endpoint;
use super::happening::{Happening, What};

/// Between two looks at the logs.
const PAUSE: Duration = Duration::from_millis(250);

/// Follows the logs of the demo's endpoints.
pub struct Follower {
    client: Client,
    endpoints: Vec<Endpoint>,
    happenings: Sender<Happening>,
}

/// A delivery, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Delivery {
    event_id: String,
    status: String,
    attempt_count: usize,
    next_attempt_at: Option<Timestamp>,
    last_error: Option<LastError>,
    attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
struct LastError {
    detail: String,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    started_at: Timestamp,
    duration_ms: u64,
}

#[derive(Deserialize)]
struct Log {
    data: Vec<Delivery>,
}

impl Follower {
    pub fn new(client: Client, endpoints: Vec<Endpoint>, happenings: Sender<Happening>) -> Self {
        Self { client, endpoints, happenings }
    }

    /// Follows until nobody listens.
    ///
    /// # Errors
    /// When a log can't be read.
    pub async fn run(self) -> Result<()> {
        let mut ticks = tokio::time::interval(PAUSE);
        // By endpoint: attempts on record of the events that its log shows.
        let mut known: Vec<HashMap<String, usize>> = vec![HashMap::new(); self.endpoints.len()];
        loop {
            ticks.tick().await;
            for (endpoint, known) in self.endpoints.iter().zip(&mut known) {
                let mut log = self.log(endpoint).await?;
                // Newest first; what came first is told first.
                log.reverse();
                let mut shown = HashMap::with_capacity(log.len());
                for delivery in log {
                    let before = known.get(&delivery.event_id);
                    if before != Some(&delivery.attempt_count)
                        && let Some(what) = outcome(endpoint, &delivery)
                    {
                        let happening = Happening::now(delivery.event_id.clone(), what);
                        if self.happenings.send(happening).await.is_err() {
                            return Ok(());
                        }
                    }
                    shown.insert(delivery.event_id, delivery.attempt_count);
                }
                *known = shown;
            }
        }
    }

    async fn log(&self, endpoint: &Endpoint) -> Result<Vec<Delivery>> {
        let path = format!("/v1/endpoints/{}/deliveries", endpoint.id);
        let log: Log = serde_json::from_value(self.client.get(&path).await?).context(path)?;
        Ok(log.data)
    }
}

/// What a delivery's newest attempt came to; nothing before the first.
fn outcome(endpoint: &Endpoint, delivery: &Delivery) -> Option<What> {
    let manner = endpoint.manner;
    let attempts = delivery.attempt_count;
    let last = delivery.attempts.last()?;
    let reason = || delivery.last_error.as_ref().map_or("", |error| &error.detail).to_owned();
    match delivery.status.as_str() {
        "delivered" => Some(What::Delivered { manner, attempts }),
        "failed" => Some(What::Failed { manner, attempts, reason: reason() }),
        "retrying" => {
            let ended = last.started_at + Duration::from_millis(last.duration_ms);
            let pause = delivery.next_attempt_at?.duration_since(ended);
            let pause = Duration::try_from(pause).unwrap_or_default();
            Some(What::Postponed { manner, attempts, reason: reason(), pause })
        }
        _ => None,
    }
}
