//! A client that was generated from the description works.

use posthorn_end_to_end::{Receiver, Stack, contract_tool, repository};
use tokio::process::Command;

#[tokio::test]
async fn a_generated_client_does_what_customers_do() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let folder = tempfile::TempDir::new().expect("a temporary directory");
    let generated = Command::new(contract_tool("openapi-python-client"))
        .current_dir(folder.path())
        .args(["generate", "--url", &format!("{}/v1/openapi.json", stack.api_url)])
        .args(["--meta", "none", "--output-path", "posthorn_client", "--fail-on-warning"])
        .env("PATH", path_with_tools())
        .output()
        .await
        .expect("it starts");
    let said = String::from_utf8_lossy(&generated.stdout);
    let errors = String::from_utf8_lossy(&generated.stderr);
    assert!(generated.status.success(), "{said}\n{errors}");

    let run = Command::new(contract_tool("python"))
        .arg(repository("tests/contract/client.py"))
        .args([&stack.api_url, &account.key, &receiver.url("/hook")])
        .env("PYTHONPATH", folder.path())
        .output()
        .await
        .expect("it starts");
    let said = String::from_utf8_lossy(&run.stdout);
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}\n{errors}");
    assert_eq!(said.lines().last(), Some("all done"), "{said}");
    // The event, its replay, and the other one's deliveries.
    assert!(receiver.count("/hook") >= 3);
}

/// It formats what it generates with a tool that lies beside it.
fn path_with_tools() -> std::ffi::OsString {
    let here = contract_tool("").into_os_string();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = here;
    all.push(":");
    all.push(path);
    all
}
