//! Limits, slow endpoints and dead ones: what the others notice of them, and what they cost.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::aws::Sqs;
use crate::http::Connection;
use crate::process::{ADMIN_KEY, Receiver, Stack};
use crate::scenario::{ACCOUNT, Figures, bar, settle, wait};
use crate::{Arguments, load};

const LIMIT: u64 = 10;
const BURST: u64 = 1_000;
/// Of isolation.
const SLOW_ANSWER: Duration = Duration::from_secs(30);
const SLOW_EVENTS: u64 = 5_000;
const NEIGHBOURS: u64 = 20;
const RATE: u64 = 50;
/// Of the endpoint that never answers.
const DEAD_EVENTS: u64 = 10_000;
const TIMEOUT_SECONDS: u64 = 15;

/// 1,000 events at once; counts what comes in any ten seconds.
pub async fn limited(arguments: &Arguments, label: &str) -> Result<Figures> {
    let stack = Stack::start(arguments.stack.as_deref()).await?;
    let receiver = Receiver::start().await?;
    let key = load::set_up(&stack.api_url, ADMIN_KEY, ACCOUNT, &[]).await?;
    let limit = json!({ "per_second": LIMIT });
    let hook = json!({ "url": format!("{}/hook", receiver.url), "rate_limit": limit });
    endpoint(&stack, &key, &hook).await?;
    let progress = bar(&format!("{label}: receiving"), BURST);
    load::push(&stack.aws_url, ACCOUNT, BURST, None, &progress).await?;
    let report = wait(&receiver, BURST, &progress).await?;
    progress.finish_and_clear();
    settle(&stack).await?;
    let times = Connection::open(&receiver.url).await?.json("GET", "/times", &[], "", 200).await?;
    let mut times: Vec<u64> = serde_json::from_value(times)?;
    times.sort_unstable();
    let in_window = |start: u64| {
        times.iter().filter(|time| (start..start + 10_000_000).contains(time)).count() as f64
    };
    let (first, last) = (times[0], times[times.len() - 1]);
    // Every window that lies within the burst, by tenths of a second.
    let starts = (first..last.saturating_sub(10_000_000)).step_by(100_000);
    let counts: Vec<f64> = starts.map(in_window).collect();
    let least = counts.iter().copied().fold(f64::INFINITY, f64::min);
    let most = counts.iter().copied().fold(0.0, f64::max);
    let usage = stack.usage()?;
    let figures = Figures {
        events: BURST,
        deliveries: BURST,
        duplicates: report.requests - report.distinct,
        cpu_seconds: usage.cpu_seconds,
        peak_mib: usage.peak_mib,
        facts: vec![
            ("fewest in any 10 s".to_owned(), least),
            ("most in any 10 s".to_owned(), most),
            ("seconds for all".to_owned(), (last - first) as f64 / 1e6),
        ],
        ..Figures::default()
    };
    receiver.stop().await?;
    stack.stop().await?;
    Ok(figures)
}

/// A slow endpoint with a backlog beside twenty healthy ones.
pub async fn isolation(arguments: &Arguments, label: &str) -> Result<Figures> {
    let stack = Stack::start(arguments.stack.as_deref()).await?;
    let receiver = Receiver::start().await?;
    let slow = silent(Some(SLOW_ANSWER)).await?;
    let key = load::set_up(&stack.api_url, ADMIN_KEY, ACCOUNT, &[]).await?;
    let hook = json!({ "url": slow, "event_types": ["bench.slow"], "timeout_seconds": 30 });
    endpoint(&stack, &key, &hook).await?;
    // Each event of the others goes to one of them: the rate is that of all.
    for number in 0..NEIGHBOURS {
        let filter = json!({ "data": { "lane": [number] } });
        let url = format!("{}/hook/{number}", receiver.url);
        let hook = json!({ "url": url, "event_types": ["bench.event"], "filter": filter });
        endpoint(&stack, &key, &hook).await?;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    push(&stack, "bench.slow", SLOW_EVENTS).await?;
    let total = RATE * arguments.seconds;
    let sending = bar(&format!("{label}: sending"), total);
    load::pace_over(&stack.api_url, &key, RATE, arguments.seconds, NEIGHBOURS, &sending).await?;
    let report = wait(&receiver, total, &sending).await?;
    sending.finish_and_clear();
    let usage = stack.usage()?;
    let figures = Figures {
        events: total,
        deliveries: total,
        duplicates: report.requests - report.distinct,
        cpu_seconds: usage.cpu_seconds,
        peak_mib: usage.peak_mib,
        ..Figures::default()
    };
    let figures = figures.with_latency(&report);
    receiver.stop().await?;
    stack.stop().await?;
    Ok(figures)
}

/// An endpoint that takes connections and never answers.
pub async fn black_hole(arguments: &Arguments) -> Result<Figures> {
    let stack = Stack::start(arguments.stack.as_deref()).await?;
    let dead = silent(None).await?;
    let key = load::set_up(&stack.api_url, ADMIN_KEY, ACCOUNT, &[]).await?;
    let hook = json!({ "url": dead, "timeout_seconds": TIMEOUT_SECONDS });
    endpoint(&stack, &key, &hook).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    stack.reset_meter().await?;
    push(&stack, "bench.event", DEAD_EVENTS).await?;
    let seconds = arguments.minutes * 60;
    let waiting = bar("blackhole: seconds", seconds);
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        waiting.inc(1);
    }
    waiting.finish_and_clear();
    let meter = stack.meter().await?;
    let spent = meter["lambda"]["deliver"]["milliseconds"].as_f64().context("a time")? / 1e3;
    // Without a breaker every attempt that the schedule has due by then waits until it times out,
    // ten to an invocation: at once, 5 s and 5 min after a time-out.
    let due = [0, TIMEOUT_SECONDS + 5, 2 * TIMEOUT_SECONDS + 305];
    let attempts = due.iter().filter(|at| **at + TIMEOUT_SECONDS <= seconds).count() as u64;
    let without = (attempts * DEAD_EVENTS / 10 * TIMEOUT_SECONDS) as f64;
    let usage = stack.usage()?;
    let figures = Figures {
        events: DEAD_EVENTS,
        cpu_seconds: usage.cpu_seconds,
        peak_mib: usage.peak_mib,
        facts: vec![
            ("function seconds spent".to_owned(), spent),
            ("function seconds without a breaker".to_owned(), without),
            ("times less".to_owned(), without / spent),
        ],
        ..Figures::default()
    };
    stack.stop().await?;
    Ok(figures)
}

async fn endpoint(stack: &Stack, key: &str, body: &Value) -> Result<()> {
    let authorization = format!("Bearer {key}");
    let headers = [("authorization", authorization.as_str())];
    let mut connection = Connection::open(&stack.api_url).await?;
    connection.json("POST", "/v1/endpoints", &headers, &body.to_string(), 201).await?;
    Ok(())
}

async fn push(stack: &Stack, event_type: &str, count: u64) -> Result<()> {
    let mut sqs = Sqs::open(&stack.aws_url).await?;
    let body = json!({ "account": ACCOUNT, "type": event_type, "data": {} }).to_string();
    for _ in 0..count / 10 {
        load::push_bodies(&mut sqs, vec![body.clone(); 10]).await?;
    }
    Ok(())
}

/// Takes connections, and answers every request after so long, or never.
async fn silent(answers_after: Option<Duration>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answers_after));
        }
    });
    Ok(url)
}

async fn serve(mut stream: TcpStream, answers_after: Option<Duration>) -> Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        // A request of these sizes comes in one piece on the loopback.
        if stream.read(&mut buffer).await? == 0 {
            return Ok(());
        }
        match answers_after {
            Some(pause) => {
                tokio::time::sleep(pause).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
            }
            None => std::future::pending().await,
        }
    }
}
