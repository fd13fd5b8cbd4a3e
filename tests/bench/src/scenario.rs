//! The scenarios, each on a new stack.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::http::Connection;
use crate::meter::{self, Bill};
use crate::process::{ADMIN_KEY, Receiver, Stack};
use crate::receiver::{Report, now_micros};
use crate::{Arguments, Kind, floods, load, management, protection, recover};

pub const ACCOUNT: &str = "bench";
/// Without a new delivery for so long, a scenario has failed.
const STALL: Duration = Duration::from_secs(60);
/// Events per second at which cost is measured: full batches, and no queueing in the handlers.
const COST_RATE: u64 = 500;

/// What one run has shown; what a scenario does not measure is absent.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Figures {
    pub scenario: String,
    pub events: u64,
    pub deliveries: u64,
    pub duplicates: u64,
    /// Events acknowledged per second.
    pub accepted_per_second: Option<f64>,
    /// From the first event sent to the last delivery received.
    pub delivered_per_second: Option<f64>,
    pub per_cpu_second: Option<f64>,
    pub cpu_seconds: f64,
    pub peak_mib: f64,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub bill: Option<Bill>,
    /// What only this scenario tells.
    pub facts: Vec<(String, f64)>,
}

impl Figures {
    /// With the latency that the receiver saw.
    pub fn with_latency(self, report: &Report) -> Self {
        let millis = |micros: u64| Some(micros as f64 / 1e3);
        let (p50_ms, p95_ms, p99_ms) = (millis(report.p50), millis(report.p95), millis(report.p99));
        Self { p50_ms, p95_ms, p99_ms, ..self }
    }
}

/// Runs what was asked for; of several runs, the medians.
pub async fn run_all(arguments: &Arguments) -> Result<Vec<Figures>> {
    let mut results = Vec::new();
    for kind in &arguments.scenarios {
        let rates: &[u64] = if *kind == Kind::Rate { &[100, 300] } else { &[0] };
        for rate in rates {
            let mut runs = Vec::new();
            for run in 1..=arguments.runs {
                let name = match kind {
                    Kind::Rate => format!("{rate} events/s"),
                    kind => format!("{kind:?}").to_lowercase(),
                };
                let label = format!("{name} {run}/{}", arguments.runs);
                let mut figures = run_one(arguments, *kind, *rate, &label).await?;
                figures.scenario = name;
                runs.push(figures);
            }
            results.push(medians(runs));
        }
    }
    Ok(results)
}

async fn run_one(arguments: &Arguments, kind: Kind, rate: u64, label: &str) -> Result<Figures> {
    match kind {
        Kind::Recover => return recover::run(arguments, label).await,
        Kind::Management => return management::run(arguments, label).await,
        Kind::Limited => return protection::limited(arguments, label).await,
        Kind::Isolation => return protection::isolation(arguments, label).await,
        Kind::Poison => return floods::poisoned(arguments, label).await,
        Kind::Endpoints => return floods::endpoints(arguments, label).await,
        Kind::Blackhole => return protection::black_hole(arguments).await,
        _ => {}
    }
    let stack = Stack::start(arguments.stack.as_deref()).await?;
    let receiver = Receiver::start().await?;
    let fan_out = if kind == Kind::Fanout { 10 } else { 1 };
    let endpoints: Vec<String> =
        (0..fan_out).map(|n| format!("{}/hook/{n}", receiver.url)).collect();
    let key = load::set_up(&stack.api_url, ADMIN_KEY, ACCOUNT, &endpoints).await?;
    let url = stack.api_url.as_str();

    // Connections, caches and the code itself are warm, as they are in a stack at work.
    let quiet = ProgressBar::hidden();
    load::saturate(url, &key, 500, 8, &quiet).await?;
    wait(&receiver, 500 * fan_out, &quiet).await?;
    settle(&stack).await?;
    Connection::open(&receiver.url).await?.send("POST", "/reset", &[], "").await?;
    stack.reset_meter().await?;

    let events = match kind {
        Kind::Saturation | Kind::Cost => arguments.events,
        Kind::Fanout => arguments.events / 10,
        Kind::Backlog => arguments.backlog,
        Kind::Rate => rate * arguments.seconds,
        // They went their own way above.
        _ => 0,
    };
    let deliveries = events * fan_out;
    let sending = bar(&format!("{label}: sending"), events);
    let before = stack.usage()?;
    let began = now_micros();
    let connections = arguments.connections;
    let seconds = match kind {
        Kind::Saturation | Kind::Fanout => {
            Some(load::saturate(url, &key, events, connections, &sending).await?)
        }
        Kind::Backlog => Some(load::push(&stack.aws_url, ACCOUNT, events, None, &sending).await?),
        Kind::Cost => {
            load::push(&stack.aws_url, ACCOUNT, events, Some(COST_RATE), &sending).await?;
            None
        }
        Kind::Rate => {
            load::pace(url, &key, rate, arguments.seconds, connections, &sending).await?;
            None
        }
        _ => None,
    };
    sending.finish_and_clear();
    let receiving = bar(&format!("{label}: receiving"), deliveries);
    let report = wait(&receiver, deliveries, &receiving).await?;
    receiving.finish_and_clear();
    settle(&stack).await?;

    let after = stack.usage()?;
    let cpu_seconds = after.cpu_seconds - before.cpu_seconds;
    let elapsed = report.last_at.saturating_sub(began) as f64 / 1e6;
    let at_full_speed = seconds.is_some();
    let figures = Figures {
        scenario: String::new(),
        events,
        deliveries,
        duplicates: report.requests - report.distinct,
        accepted_per_second: seconds.map(|seconds| events as f64 / seconds),
        delivered_per_second: at_full_speed.then_some(deliveries as f64 / elapsed),
        per_cpu_second: at_full_speed.then_some(deliveries as f64 / cpu_seconds),
        cpu_seconds,
        peak_mib: after.peak_mib,
        bill: match kind {
            Kind::Cost => Some(meter::bill(&stack.meter().await?, deliveries)?),
            _ => None,
        },
        ..Figures::default()
    };
    let figures = if at_full_speed { figures } else { figures.with_latency(&report) };
    receiver.stop().await?;
    stack.stop().await?;
    Ok(figures)
}

/// Waits until so many different deliveries have arrived.
pub async fn wait(receiver: &Receiver, wanted: u64, progress: &ProgressBar) -> Result<Report> {
    let mut connection = Connection::open(&receiver.url).await?;
    let (mut seen, mut moved) = (0, Instant::now());
    loop {
        let report = connection.json("GET", "/report", &[], "", 200).await?;
        let report: Report = serde_json::from_value(report)?;
        progress.set_position(report.distinct);
        if report.distinct >= wanted {
            return Ok(report);
        }
        if report.distinct > seen {
            (seen, moved) = (report.distinct, Instant::now());
        } else if moved.elapsed() > STALL {
            bail!("only {seen} of {wanted} deliveries arrived");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the last outcomes are written: the stack's CPU time stands still.
pub async fn settle(stack: &Stack) -> Result<()> {
    let mut last = stack.usage()?.cpu_seconds;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = stack.usage()?.cpu_seconds;
        if now - last < 0.011 {
            break;
        }
        last = now;
    }
    Ok(())
}

pub fn bar(label: &str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:<32} {wide_bar} {pos}/{len} {per_sec}");
    let bar = ProgressBar::new(length).with_message(label.to_owned());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// The medians of several runs, figure by figure.
fn medians(mut runs: Vec<Figures>) -> Figures {
    fn median(mut values: Vec<f64>) -> Option<f64> {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }
    let of = |pick: fn(&Figures) -> Option<f64>| median(runs.iter().filter_map(pick).collect());
    let mut result = Figures {
        accepted_per_second: of(|f| f.accepted_per_second),
        delivered_per_second: of(|f| f.delivered_per_second),
        per_cpu_second: of(|f| f.per_cpu_second),
        cpu_seconds: of(|f| Some(f.cpu_seconds)).unwrap_or_default(),
        peak_mib: of(|f| Some(f.peak_mib)).unwrap_or_default(),
        p50_ms: of(|f| f.p50_ms),
        p95_ms: of(|f| f.p95_ms),
        p99_ms: of(|f| f.p99_ms),
        ..Figures::default()
    };
    result.duplicates = runs.iter().map(|run| run.duplicates).max().unwrap_or_default();
    if let Some(last) = runs.pop() {
        result.scenario = last.scenario;
        result.events = last.events;
        result.deliveries = last.deliveries;
        result.bill = last.bill;
        result.facts = last.facts;
    }
    result
}
