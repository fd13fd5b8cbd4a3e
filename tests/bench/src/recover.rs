//! Recover: an endpoint has failed a great many deliveries; it is mended, and all of them are sent
//! again, while new events go to another endpoint and the stack is killed once in the middle.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::aws::Sqs;
use crate::http::Connection;
use crate::process::{ADMIN_KEY, Receiver, Stack};
use crate::receiver::Report;
use crate::scenario::{ACCOUNT, Figures, bar, settle, wait};
use crate::{Arguments, load};

/// New events per second, and seconds of them at a time.
const RATE: u64 = 50;
const SECONDS: u64 = 5;
/// How long the whole may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// Calls of the API with the account's key.
struct Api {
    connection: Connection,
    authorization: String,
}

impl Api {
    async fn open(url: &str, key: &str) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(url).await?,
            authorization: format!("Bearer {key}"),
        })
    }

    async fn call(&mut self, method: &str, path: &str, body: &Value, status: u16) -> Result<Value> {
        let headers = [("authorization", self.authorization.as_str())];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.connection.json(method, path, &headers, &body, status).await
    }
}

/// Runs it once.
pub async fn run(arguments: &Arguments, label: &str) -> Result<Figures> {
    let stack = Stack::start(arguments.stack.as_deref()).await?;
    let receiver = Receiver::start().await?;
    let key = load::set_up(&stack.api_url, ADMIN_KEY, ACCOUNT, &[]).await?;
    let mut api = Api::open(&stack.api_url, &key).await?;
    let hook = json!({ "url": format!("{}/hook", receiver.url), "event_types": ["bench.event"] });
    api.call("POST", "/v1/endpoints", &hook, 201).await?;
    let broken = json!({
        "url": format!("{}/hook", receiver.url),
        "event_types": ["bench.broken"],
        "retry": { "schedule": [] },
    });
    let broken = api.call("POST", "/v1/endpoints", &broken, 201).await?;
    let endpoint = broken["id"].as_str().context("an id")?.to_owned();
    tokio::time::sleep(Duration::from_secs(2)).await;
    // It works before it breaks: what fails from the beginning would be slowed down.
    push_broken(&stack.aws_url, 1).await?;
    wait(&receiver, 1, &ProgressBar::hidden()).await?;
    settle(&stack).await?;
    let breaks = json!({ "url": format!("{}/broken", receiver.url) });
    api.call("PATCH", &format!("/v1/endpoints/{endpoint}"), &breaks, 200).await?;
    Connection::open(&receiver.url).await?.send("POST", "/reset", &[], "").await?;
    tokio::time::sleep(Duration::from_secs(2)).await;

    let failed = arguments.failed;
    let failing = bar(&format!("{label}: failing"), failed);
    push_broken(&stack.aws_url, failed).await?;
    wait(&receiver, failed, &failing).await?;
    failing.finish_and_clear();
    settle(&stack).await?;
    for path in ["/mend", "/reset"] {
        Connection::open(&receiver.url).await?.send("POST", path, &[], "").await?;
    }

    let began = Instant::now();
    let cpu_before = stack.usage()?.cpu_seconds;
    let window = json!({ "since": "2026-01-01T00:00:00Z" });
    let path = format!("/v1/endpoints/{endpoint}/recover");
    let task = api.call("POST", &path, &window, 202).await?;
    let task = format!("/v1/tasks/{}", task["task_id"].as_str().context("an id")?);
    let recovering = bar(&format!("{label}: recovering"), failed);
    let mut new = new_events(&stack, &key).await?;
    let state = api.call("GET", &task, &Value::Null, 200).await?;
    if state["status"] != "running" {
        bail!("the recover was over before it could be killed: use more --failed");
    }
    let cpu_of_first = stack.usage()?.cpu_seconds - cpu_before;
    let stack = stack.kill_and_start_again().await?;
    let mut api = Api::open(&stack.api_url, &key).await?;
    loop {
        new += new_events(&stack, &key).await?;
        let state = api.call("GET", &task, &Value::Null, 200).await?;
        recovering.set_position(state["sent"].as_u64().unwrap_or(0));
        match state["status"].as_str() {
            Some("completed") => break,
            Some("running") if began.elapsed() < PATIENCE => {}
            _ => bail!("the recover came to {state}"),
        }
    }
    let report: Report = wait(&receiver, failed + new, &recovering).await?;
    recovering.finish_and_clear();
    let elapsed = began.elapsed().as_secs_f64();
    settle(&stack).await?;
    let left = format!("/v1/endpoints/{endpoint}/deliveries?status=failed&limit=1");
    let left = api.call("GET", &left, &Value::Null, 200).await?;
    if left["data"].as_array().is_none_or(|left| !left.is_empty()) {
        bail!("some deliveries are failed still: {left}");
    }
    let usage = stack.usage()?;
    let cpu_seconds = cpu_of_first + usage.cpu_seconds;
    let figures = Figures {
        events: failed,
        deliveries: failed,
        duplicates: report.requests - report.distinct,
        delivered_per_second: Some(failed as f64 / elapsed),
        per_cpu_second: Some(failed as f64 / cpu_seconds),
        cpu_seconds,
        peak_mib: usage.peak_mib,
        ..Figures::default()
    };
    let figures = figures.with_latency(&report);
    receiver.stop().await?;
    stack.stop().await?;
    Ok(figures)
}

/// Sends new events for a while; answers how many.
async fn new_events(stack: &Stack, key: &str) -> Result<u64> {
    let quiet = ProgressBar::hidden();
    load::pace(&stack.api_url, key, RATE, SECONDS, 8, &quiet).await?;
    Ok(RATE * SECONDS)
}

/// Events that do not say when they were sent: only the new ones' latency counts.
async fn push_broken(aws_url: &str, count: u64) -> Result<()> {
    let mut sqs = Sqs::open(aws_url).await?;
    let filling = "x".repeat(480);
    let event =
        json!({ "account": ACCOUNT, "type": "bench.broken", "data": { "filling": filling } });
    let body = event.to_string();
    let mut left = count;
    while left > 0 {
        let size = left.min(10);
        let bodies = vec![body.clone(); usize::try_from(size)?];
        load::push_bodies(&mut sqs, bodies).await?;
        left -= size;
    }
    Ok(())
}
