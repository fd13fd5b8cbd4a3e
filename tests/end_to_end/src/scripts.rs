//! Programs for Node.js that test by themselves.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::repository::repository;

/// As long as a whole test may take that a browser makes.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs a program of the repository with `input` as its standard input. What it prints is printed.
///
/// # Panics
/// When it fails, or does not end.
pub async fn run_node(program: &str, input: &Value) {
    let program = repository(program);
    let mut child = Command::new("node")
        .arg(&program)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Node.js starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.to_string().as_bytes()).await.expect("its input");
    drop(stdin);
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends");
    assert!(
        ended.expect("its status").success(),
        "{} failed; it said why above",
        program.display()
    );
}
