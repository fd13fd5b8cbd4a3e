//! Structured logs: JSON lines on AWS, readable lines on a terminal.

use std::process::ExitCode;

use tracing_subscriber::{EnvFilter, fmt};

fn filter(level: &str) -> EnvFilter {
    // The AWS SDK and hyper are chatty, and at debug level they print request bodies. The Lambda
    // runtime would name its invocation in each line, which is paid for by length.
    let quiet = ["aws", "hyper", "h2", "rustls", "lambda_runtime"];
    let quiet = quiet.map(|name| format!("{name}=warn")).join(",");
    EnvFilter::try_new(format!("{level},{quiet}")).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// One JSON object a line, as CloudWatch Logs Insights reads it. `level` is `error`, `warn`,
/// `info`, `debug` or `trace`.
pub fn init_json(level: &str) {
    let subscriber = fmt().json().flatten_event(true).with_span_list(false).with_target(false);
    let done = subscriber.with_env_filter(filter(level)).with_ansi(false).try_init();
    // A second initialisation (tests) keeps the first.
    drop(done);
}

/// Lines for people, on standard error.
pub fn init_terminal(level: &str, colour: bool) {
    let subscriber = fmt().compact().with_target(false).with_writer(std::io::stderr);
    let done = subscriber.with_env_filter(filter(level)).with_ansi(colour).try_init();
    drop(done);
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
