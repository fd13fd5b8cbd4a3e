//! Load, receiver and meter: drives the one-machine stack from outside and tells what it does.
//!
//! The stack, the receiver and the load are three processes, so that the CPU seconds of each can be
//! told apart.

mod aws;
mod floods;
mod http;
mod load;
mod management;
mod meter;
mod process;
mod protection;
mod receiver;
mod recover;
mod report;
mod scenario;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

/// Measure the one-machine stack (build it first: cargo build --release -p posthorn).
#[derive(Parser)]
pub struct Arguments {
    /// What to measure
    #[arg(value_enum, default_values_t = [Kind::Saturation, Kind::Fanout, Kind::Rate, Kind::Backlog, Kind::Cost])]
    scenarios: Vec<Kind>,
    /// Events of saturation and cost; fanout sends a tenth, to ten endpoints each
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    events: u64,
    /// Events of backlog
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    backlog: u64,
    /// Failed deliveries of recover
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    failed: u64,
    /// Keep-alive connections of the load
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=512))]
    connections: u64,
    /// Seconds of each fixed rate
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Minutes of blackhole
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    minutes: u64,
    /// Runs of each scenario, each on a new stack; medians are reported
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=21))]
    runs: u64,
    /// The stack's binary; the one beside this one where nothing is said
    #[arg(long)]
    stack: Option<PathBuf>,
    /// Write the figures here, too
    #[arg(long)]
    json: Option<PathBuf>,
    /// Be the receiver (the load starts it)
    #[arg(long, hide = true)]
    be_receiver: bool,
}

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// As many events as it takes, to one endpoint
    Saturation,
    /// Ten endpoints for every event
    Fanout,
    /// 100 and 300 events a second: latency from POST sent to body received
    Rate,
    /// All events queued at once, by SQS
    Backlog,
    /// Failed deliveries recovered across a kill -9, with new events meanwhile
    Recover,
    /// Calls of the management API, 50 a second
    Management,
    /// 1,000 events at once for an endpoint that takes ten a second
    Limited,
    /// 5,000 events for an endpoint that takes 30 s for each, beside 20 that get 50 events a second
    Isolation,
    /// 10,000 events for an endpoint that never answers: the time that functions spend on it
    Blackhole,
    /// 10,000 events at 500 a second, alone and among 1,000 kinds of messages that are none
    Poison,
    /// 100 events on an account with 1,000 endpoints
    Endpoints,
    /// Calls, capacity units and invocations of events pushed by SQS, priced
    Cost,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.be_receiver {
        return receiver::run().await;
    }
    let results = scenario::run_all(&arguments).await?;
    report::print(&results);
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&results)?)?;
    }
    Ok(())
}
