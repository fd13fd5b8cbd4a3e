//! Structured logs: JSON lines on AWS, readable lines on a terminal.

use std::panic::PanicHookInfo;
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
    std::panic::set_hook(Box::new(log_panic));
}

/// A panic ends a function's process: this line, with the request's span, is all that is left of it.
fn log_panic(info: &PanicHookInfo<'_>) {
    let at = info.location().map(ToString::to_string);
    tracing::error!(at, panic = info.payload_as_str(), "panicked");
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

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_panic_is_a_line_with_its_requests_id() {
        let (mut read, written) = std::io::pipe().unwrap();
        let lines = fmt::layer().json().flatten_event(true).with_writer(Arc::new(written));
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, || {
            let _request = tracing::info_span!("request", request_id = "req-1").entered();
            std::panic::set_hook(Box::new(log_panic));
            let count = 3;
            std::panic::catch_unwind(|| panic!("{count} \"of\"\nthem")).unwrap_err();
            drop(std::panic::take_hook());
        });
        let mut log = String::new();
        read.read_to_string(&mut log).unwrap();
        let line: serde_json::Value = serde_json::from_str(&log).expect("one line of JSON");
        assert_eq!(line["message"], "panicked");
        assert_eq!(line["panic"], "3 \"of\"\nthem");
        assert!(line["at"].as_str().unwrap().contains("logging.rs:"), "{log}");
        assert_eq!(line["span"]["request_id"], "req-1");
    }
}
