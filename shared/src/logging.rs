//! Structured logs: JSON lines on AWS, readable lines on a terminal.

use std::process::ExitCode;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// What is let through of whom.
fn filter(level: &str) -> Targets {
    // The AWS SDK and hyper are chatty, and at debug level they print request bodies. The Lambda
    // runtime would name its invocation in each line, which is paid for by length.
    let quiet = ["aws", "hyper", "h2", "rustls", "lambda_runtime"];
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    let quiet = quiet.map(|target| (target, level.min(LevelFilter::WARN)));
    Targets::new().with_default(level).with_targets(quiet)
}

/// One JSON object a line, as CloudWatch Logs Insights reads it. `level` is `error`, `warn`,
/// `info`, `debug` or `trace`.
pub fn init_json(level: &str) {
    let lines = fmt::layer().json().flatten_event(true).with_span_list(false);
    let lines = lines.with_target(false).with_ansi(false);
    let done = tracing_subscriber::registry().with(lines.with_filter(filter(level))).try_init();
    // A second initialisation (tests) keeps the first.
    drop(done);
}

/// Lines for people, on standard error.
pub fn init_terminal(level: &str, colour: bool) {
    let lines = fmt::layer().compact().with_target(false).with_writer(std::io::stderr);
    let lines = lines.with_ansi(colour).with_filter(filter(level));
    drop(tracing_subscriber::registry().with(lines).try_init());
}

/// How a function's process ends: with what it ended by as a line like any other, not as Rust's
/// debugging text.
pub fn exit_code(ended: Result<(), impl std::fmt::Display>) -> ExitCode {
    let Err(error) = ended else {
        return ExitCode::SUCCESS;
    };
    // It may have ended before it knew its level.
    init_json("error");
    tracing::error!(%error, "the function can't run");
    ExitCode::FAILURE
}
