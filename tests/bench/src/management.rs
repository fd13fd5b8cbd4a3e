//! Management: what people and their programs ask of the API, at a fixed rate, over an account that
//! has endpoints, a catalog and a log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::process::{ADMIN_KEY, Receiver, Stack};
use crate::scenario::{ACCOUNT, Figures, bar, settle, wait};
use crate::{Arguments, load};

/// Calls per second, by how many clients.
const RATE: u64 = 50;
const CLIENTS: u64 = 10;
/// Endpoints, and events in each one's log.
const ENDPOINTS: u64 = 20;
const EVENTS: u64 = 1_000;

/// A client: makes its own endpoint, and looks at what is there.
struct Client {
    connection: Connection,
    authorization: String,
    endpoint: String,
    mine: Option<String>,
    event: String,
}

impl Client {
    async fn call(&mut self, method: &str, path: &str, body: &Value, status: u16) -> Result<Value> {
        let headers = [("authorization", self.authorization.as_str())];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.connection.json(method, path, &headers, &body, status).await
    }

    /// The next call of a round of ten.
    async fn next(&mut self, number: u64) -> Result<()> {
        let endpoint = format!("/v1/endpoints/{}", self.endpoint);
        let mine = self.mine.as_ref().map(|id| format!("/v1/endpoints/{id}"));
        let get = match (number % 10, mine) {
            (0, _) => {
                let body = json!({ "url": "https://example.com/", "description": "mine" });
                let created = self.call("POST", "/v1/endpoints", &body, 201).await?;
                self.mine = created["id"].as_str().map(str::to_owned);
                return Ok(());
            }
            (4, Some(mine)) => {
                let body = json!({ "description": "changed" });
                return self.call("PATCH", &mine, &body, 200).await.map(drop);
            }
            (9, Some(mine)) => {
                self.mine = None;
                return self.call("DELETE", &mine, &Value::Null, 204).await.map(drop);
            }
            (1, _) => "/v1/endpoints".to_owned(),
            (2, _) => format!("{endpoint}/deliveries"),
            (3, _) => "/v1/events".to_owned(),
            (5, _) => format!("{endpoint}/stats"),
            (6, _) => format!("/v1/events/{}/deliveries", self.event),
            (7, _) => "/v1/event-types".to_owned(),
            (8, _) => format!("{endpoint}/deliveries?status=failed"),
            _ => endpoint,
        };
        self.call("GET", &get, &Value::Null, 200).await.map(drop)
    }
}

/// Runs it once.
pub async fn run(arguments: &Arguments, label: &str) -> Result<Figures> {
    let stack = Stack::start(arguments.stack.as_deref()).await?;
    let receiver = Receiver::start().await?;
    let hooks: Vec<String> = (0..ENDPOINTS).map(|n| format!("{}/hook/{n}", receiver.url)).collect();
    let key = load::set_up(&stack.api_url, ADMIN_KEY, ACCOUNT, &hooks).await?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Client {
            connection: Connection::open(&stack.api_url).await?,
            authorization: format!("Bearer {key}"),
            endpoint: String::new(),
            mine: None,
            event: String::new(),
        });
    }
    let first = &mut clients[0];
    first.call("POST", "/v1/event-types", &json!({ "name": "bench.event" }), 201).await?;
    let quiet = ProgressBar::hidden();
    load::saturate(&stack.api_url, &key, EVENTS, 8, &quiet).await?;
    wait(&receiver, EVENTS * ENDPOINTS, &quiet).await?;
    settle(&stack).await?;
    let endpoints = first.call("GET", "/v1/endpoints", &Value::Null, 200).await?;
    let events = first.call("GET", "/v1/events?limit=1", &Value::Null, 200).await?;
    let event = events["data"][0]["id"].as_str().context("an event")?.to_owned();
    for (index, client) in clients.iter_mut().enumerate() {
        let id = endpoints["data"][index]["id"].as_str().context("an endpoint")?;
        (client.endpoint, client.event) = (id.to_owned(), event.clone());
    }

    let total = RATE * arguments.seconds;
    let progress = bar(&format!("{label}: calls"), total);
    let before = stack.usage()?;
    let took = Arc::new(Mutex::new(Histogram::<u64>::new_with_max(60_000_000, 3)?));
    let started = tokio::time::Instant::now() + Duration::from_millis(50);
    let mut workers = JoinSet::new();
    for (index, mut client) in clients.into_iter().enumerate() {
        let (took, progress) = (Arc::clone(&took), progress.clone());
        workers.spawn(async move {
            let calls = (index as u64..total).step_by(CLIENTS as usize);
            for (number, slot) in calls.enumerate() {
                let at = Duration::from_secs_f64(slot as f64 / RATE as f64);
                tokio::time::sleep_until(started + at).await;
                let began = Instant::now();
                client.next(number as u64).await?;
                let micros = u64::try_from(began.elapsed().as_micros())?;
                took.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(micros);
                progress.inc(1);
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    progress.finish_and_clear();
    let after = stack.usage()?;
    let took = took.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let millis = |share: f64| Some(took.value_at_quantile(share) as f64 / 1e3);
    let figures = Figures {
        events: total,
        cpu_seconds: after.cpu_seconds - before.cpu_seconds,
        peak_mib: after.peak_mib,
        p50_ms: millis(0.50),
        p95_ms: millis(0.95),
        p99_ms: millis(0.99),
        ..Figures::default()
    };
    receiver.stop().await?;
    stack.stop().await?;
    Ok(figures)
}
