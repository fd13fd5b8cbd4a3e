//! Starting and stopping: every failure is one clear line; exit code 2 for a setting that is wrong,
//! 1 for everything else.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use posthorn_end_to_end::{Receiver, Reply, Stack, StackOptions};
use serde_json::json;
use tempfile::TempDir;

fn options(directory: &TempDir) -> StackOptions {
    StackOptions {
        time_scale: 1.0,
        data_dir: directory.path().join("data"),
        environment: Vec::new(),
    }
}

/// A setting that can't be right.
async fn wrong_usage(options: StackOptions) -> String {
    refusal(options, 2).await
}

/// A start that fails although the settings are well formed.
async fn failed_start(options: StackOptions) -> String {
    refusal(options, 1).await
}

async fn refusal(options: StackOptions, exit_code: i32) -> String {
    let failure = Stack::try_start(options).await.err().expect("a start that fails");
    assert_eq!(failure.exit_code, Some(exit_code), "{}", failure.stderr);
    assert_eq!(failure.stderr.trim_end().lines().count(), 1, "{}", failure.stderr);
    assert!(failure.stderr.starts_with("posthorn: "), "{}", failure.stderr);
    failure.stderr
}

#[tokio::test]
async fn what_can_not_be_used_is_named() {
    let directory = TempDir::new().unwrap();
    let with = |name: &'static str, value: &str| {
        let mut options = options(&directory);
        options.environment.push((name, value.to_owned()));
        options
    };
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    for name in ["POSTHORN_LISTEN", "POSTHORN_AWS_LISTEN"] {
        let said = failed_start(with(name, &taken)).await;
        assert!(said.contains(&taken) && said.contains("in use"), "{said}");
        assert!(said.contains(&format!("set {name} to")), "{said}");
    }
    drop(held);
    assert!(wrong_usage(with("POSTHORN_LISTEN", "here")).await.contains("POSTHORN_LISTEN"));
    assert!(wrong_usage(with("POSTHORN_ADMIN_KEY", "short")).await.contains("24"));
    assert!(wrong_usage(with("POSTHORN_TIME_SCALE", "0")).await.contains("POSTHORN_TIME_SCALE"));
    let said = wrong_usage(with("POSTHORN_ALLOWED_NETWORKS", "house")).await;
    assert!(said.contains("POSTHORN_ALLOWED_NETWORKS"), "{said}");

    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let said = failed_start(StackOptions { data_dir: file.clone(), ..options(&directory) }).await;
    assert!(said.contains(&file.display().to_string()), "{said}");

    let template = directory.path().join("template.yaml");
    let said = failed_start(with("POSTHORN_TEMPLATE", &template.display().to_string())).await;
    assert!(said.contains("template.yaml"), "{said}");
    std::fs::write(&template, "Resources: {}").unwrap();
    let said = failed_start(with("POSTHORN_TEMPLATE", &template.display().to_string())).await;
    assert!(said.contains("Table"), "{said}");
}

#[tokio::test]
async fn a_data_directory_is_for_one_at_a_time() {
    let directory = TempDir::new().unwrap();
    let mut first = Stack::try_start(options(&directory)).await.expect("a stack that starts");
    let said = failed_start(options(&directory)).await;
    assert!(said.contains("in use by another posthorn"), "{said}");
    first.kill9().await;
    Stack::try_start(options(&directory)).await.expect("free again");
}

fn mode(path: &Path) -> u32 {
    let found = std::fs::metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    found.permissions().mode() & 0o777
}

/// What is in the data directory: each file's name and permissions.
fn files(directory: &Path) -> Vec<(String, u32)> {
    let entries =
        std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| (entry.file_name().into_string().expect("a name"), mode(&entry.path())))
        .collect()
}

#[tokio::test]
async fn nobody_else_reads_the_data_directory() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("below").join("data");
    let options = StackOptions { data_dir: data.clone(), ..options(&directory) };
    let mut stack = Stack::try_start(options).await.expect("a stack that starts");
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    account.post_event(json!({ "type": "a.b", "data": {} })).await;
    receiver.wait_for("/hook", 1).await;
    assert_eq!(mode(&data), 0o700);
    let found = files(&data);
    for name in [
        "dynamodb.sqlite",
        "sqs.sqlite-wal",
        "scheduler.sqlite-shm",
        "deployment-key",
        "aws-credentials",
    ] {
        assert!(found.iter().any(|(file, _)| file == name), "{name} in {found:?}");
    }
    assert!(found.iter().all(|(_, mode)| *mode == 0o600), "{found:?}");

    // As an earlier release left it.
    stack.kill9().await;
    std::fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    for (name, _) in files(&data) {
        if name.contains(".sqlite") {
            std::fs::set_permissions(data.join(name), Permissions::from_mode(0o644)).unwrap();
        }
    }
    stack.restart().await;
    assert_eq!(mode(&data), 0o755, "its owner may have given it to a group");
    let found = files(&data);
    assert!(found.iter().all(|(_, mode)| *mode == 0o600), "{found:?}");
}

#[tokio::test]
async fn ctrl_c_stops_it_and_loses_nothing() {
    let mut stack = Stack::start().await;
    let receiver = Receiver::start().await;
    receiver.reply("/hook", Reply::after(std::time::Duration::from_secs(30), 200));
    let account = stack.account("acme").await;
    account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    let id = account.post_event(json!({ "type": "a.b", "data": {} })).await;
    receiver.wait_for("/hook", 1).await;
    // An attempt is under way, and will not end in time.
    assert_eq!(stack.interrupt().await, Some(0));
    receiver.reply("/hook", Reply::status(200));
    stack.restart().await;
    let requests = receiver.wait_for("/hook", 2).await;
    assert!(requests.iter().all(|request| request.header("webhook-id") == id));
}
