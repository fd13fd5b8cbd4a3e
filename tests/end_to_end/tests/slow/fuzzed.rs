//! Schemathesis makes requests of the description, valid ones and others, and holds every answer to
//! it: no server error, no status or body that is not described, nothing valid refused, nothing
//! invalid accepted, nothing without a key.
//!
//! `POSTHORN_FUZZ_SECONDS` says for how long in all (default: 120).

use std::time::Duration;

use posthorn_end_to_end::{ADMIN_KEY, Stack, contract_tool, repository};
use tokio::process::Command;

const DEFAULT_SECONDS: u64 = 120;
/// Starting up, and reading the description.
const OVERHEAD: Duration = Duration::from_secs(180);

/// Runs it over some of the paths with a key.
async fn fuzz(stack: &Stack, key: &str, paths: [&str; 2], seconds: u64) {
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    let run = Command::new(contract_tool("schemathesis"))
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(repository("tests/contract/schemathesis.toml"))
        .args(["run", &format!("{}/v1/openapi.json", stack.api_url)])
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .args(paths)
        .args(["--checks", "all", "--max-time", &seconds.to_string()])
        .args(["--continue-on-failure", "--no-color", "--generation-database", "none"])
        .env("SCHEMATHESIS_HOOKS", repository("tests/contract/hooks.py"))
        .kill_on_drop(true)
        .output();
    let limit = Duration::from_secs(seconds) + OVERHEAD;
    let output = tokio::time::timeout(limit, run).await.expect("an end").expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{errors}", &said[said.len().saturating_sub(12_000)..]);
}

#[tokio::test]
async fn every_answer_is_as_described() {
    let seconds = std::env::var("POSTHORN_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(DEFAULT_SECONDS, |text| text.parse().expect("a number"));
    let stack = Stack::start().await;
    let account = stack.account("acme").await;
    let accounts = "^/v1/accounts";
    fuzz(&stack, &account.key, ["--exclude-path-regex", accounts], seconds * 3 / 4).await;
    fuzz(&stack, ADMIN_KEY, ["--include-path-regex", accounts], seconds / 4).await;
}
