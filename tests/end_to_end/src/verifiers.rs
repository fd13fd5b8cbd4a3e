//! Programs that verify signatures, in `tests/signatures`.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::repository::repository;

/// A Python that has what the programs need.
///
/// # Panics
/// When nobody says where it is.
pub fn python() -> String {
    std::env::var("POSTHORN_PYTHON")
        .expect("POSTHORN_PYTHON is not set; run this test with tests/run")
}

/// What a program says of deliveries, one line each.
///
/// # Panics
/// When it does not run, or fails.
pub async fn verdicts(program: &str, script: &str, deliveries: &[Value]) -> Vec<String> {
    let script = repository("tests/signatures").join(script);
    let mut child = Command::new(program)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the verifier starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    for delivery in deliveries {
        stdin.write_all(format!("{delivery}\n").as_bytes()).await.expect("a line");
    }
    drop(stdin);
    let output = child.wait_with_output().await.expect("its output");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}
