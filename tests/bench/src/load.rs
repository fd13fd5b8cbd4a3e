//! Producers: REST over keep-alive connections, as fast as it goes or at a fixed rate, and SQS in
//! batches of ten.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use serde_json::json;
use tokio::task::JoinSet;

use crate::aws::Sqs;
use crate::http::Connection;
use crate::receiver::now_micros;

/// Bytes of an event's data.
const DATA: usize = 500;

/// An event of 500 bytes of data that says when it was sent.
fn data() -> String {
    let head = format!(r#"{{"sent":{},"filling":""#, now_micros());
    format!(r#"{head}{}"}}"#, "x".repeat(DATA - head.len() - 2))
}

/// An event that belongs into a lane, if there are any.
fn rest_body(lane: u64) -> String {
    let data = data();
    let members = data.trim_start_matches('{');
    format!(r#"{{"type":"bench.event","data":{{"lane":{lane},{members}}}"#)
}

async fn post(connection: &mut Connection, authorization: &str, lane: u64) -> Result<()> {
    let headers = [("authorization", authorization), ("content-type", "application/json")];
    let (status, answer) = connection.send("POST", "/v1/events", &headers, rest_body(lane)).await?;
    if status != 202 {
        bail!("POST /v1/events: {status} {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

/// Posts `count` events over so many connections; answers the seconds until the last 202.
pub async fn saturate(
    url: &str,
    key: &str,
    count: u64,
    connections: u64,
    progress: &ProgressBar,
) -> Result<f64> {
    let next = Arc::new(AtomicU64::new(0));
    let authorization: Arc<str> = format!("Bearer {key}").into();
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let mut connection = Connection::open(url).await?;
        let (next, authorization) = (Arc::clone(&next), Arc::clone(&authorization));
        let progress = progress.clone();
        workers.spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < count {
                post(&mut connection, &authorization, 0).await?;
                progress.inc(1);
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(started.elapsed().as_secs_f64())
}

/// Posts events at a fixed rate: each has its time, whatever became of those before it.
pub async fn pace(
    url: &str,
    key: &str,
    per_second: u64,
    seconds: u64,
    connections: u64,
    progress: &ProgressBar,
) -> Result<()> {
    pace_lanes(url, key, (per_second, seconds), connections, 1, progress).await
}

/// The same into so many lanes in turn, over as many connections.
pub async fn pace_over(
    url: &str,
    key: &str,
    per_second: u64,
    seconds: u64,
    lanes: u64,
    progress: &ProgressBar,
) -> Result<()> {
    pace_lanes(url, key, (per_second, seconds), lanes, lanes, progress).await
}

async fn pace_lanes(
    url: &str,
    key: &str,
    (per_second, seconds): (u64, u64),
    connections: u64,
    lanes: u64,
    progress: &ProgressBar,
) -> Result<()> {
    let authorization: Arc<str> = format!("Bearer {key}").into();
    let started = tokio::time::Instant::now() + Duration::from_millis(50);
    let total = per_second * seconds;
    let mut workers = JoinSet::new();
    for first in 0..connections {
        let mut connection = Connection::open(url).await?;
        let authorization = Arc::clone(&authorization);
        let progress = progress.clone();
        workers.spawn(async move {
            // Every connection has every n-th event.
            let mut number = first;
            while number < total {
                let at = Duration::from_secs_f64(number as f64 / per_second as f64);
                tokio::time::sleep_until(started + at).await;
                post(&mut connection, &authorization, number % lanes).await?;
                progress.inc(1);
                number += connections;
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(())
}

/// Pushes events to the events queue in batches of ten, over four connections.
pub async fn push(
    aws_url: &str,
    account: &str,
    count: u64,
    per_second: Option<u64>,
    progress: &ProgressBar,
) -> Result<f64> {
    const CONNECTIONS: u64 = 4;
    let started = tokio::time::Instant::now();
    let batches = count.div_ceil(10);
    let mut workers = JoinSet::new();
    for first in 0..CONNECTIONS {
        let mut sqs = Sqs::open(aws_url).await?;
        let (account, progress) = (account.to_owned(), progress.clone());
        workers.spawn(async move {
            let mut batch = first;
            while batch < batches {
                if let Some(rate) = per_second {
                    let at = Duration::from_secs_f64(batch as f64 * 10.0 / rate as f64);
                    tokio::time::sleep_until(started + at).await;
                }
                let size = 10.min(count - batch * 10);
                push_batch(&mut sqs, &account, size).await?;
                progress.inc(size);
                batch += CONNECTIONS;
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(started.elapsed().as_secs_f64())
}

async fn push_batch(sqs: &mut Sqs, account: &str, size: u64) -> Result<()> {
    let event = || format!(r#"{{"account":"{account}","type":"bench.event","data":{}}}"#, data());
    push_bodies(sqs, (0..size).map(|_| event()).collect()).await
}

/// Pushes up to ten bodies to the events queue.
pub async fn push_bodies(sqs: &mut Sqs, bodies: Vec<String>) -> Result<()> {
    let size = bodies.len() as u64;
    let entries: Vec<_> = bodies
        .into_iter()
        .enumerate()
        .map(|(id, body)| json!({ "Id": id.to_string(), "MessageBody": body }))
        .collect();
    let answer = sqs.call("SendMessageBatch", "events", json!({ "Entries": entries })).await?;
    let sent = answer["Successful"].as_array().map_or(0, Vec::len);
    if sent as u64 != size {
        bail!("SendMessageBatch took {sent} of {size}: {answer}");
    }
    Ok(())
}

/// Creates an account with a key and endpoints; answers the key.
pub async fn set_up(url: &str, admin: &str, account: &str, endpoints: &[String]) -> Result<String> {
    let mut connection = Connection::open(url).await?;
    let authorization = format!("Bearer {admin}");
    let admin = [("authorization", authorization.as_str())];
    // As many requests as the stack can take, and as many endpoints as any scenario wants.
    let limits = json!({ "requests_per_second": 1_000_000, "endpoints": 1_000 });
    let body = json!({ "id": account, "name": account, "limits": limits }).to_string();
    connection.json("POST", "/v1/accounts", &admin, &body, 201).await?;
    let body = json!({ "name": "bench", "scopes": ["manage", "publish"] }).to_string();
    let path = format!("/v1/accounts/{account}/keys");
    let created = connection.json("POST", &path, &admin, &body, 201).await?;
    let key = created["key"].as_str().context("a key")?.to_owned();
    let authorization = format!("Bearer {key}");
    for endpoint in endpoints {
        let headers = [("authorization", authorization.as_str())];
        let body = json!({ "url": endpoint }).to_string();
        connection.json("POST", "/v1/endpoints", &headers, &body, 201).await?;
    }
    Ok(key)
}
