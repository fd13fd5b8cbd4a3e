//! The manners of the command line: help, completions, exit codes, and what goes where.

use std::process::Command;

use posthorn_end_to_end::{Ended, Program, Stack, closed_port_url};
use tempfile::TempDir;

const COMMANDS: [&[&str]; 17] = [
    &[],
    &["serve"],
    &["demo"],
    &["listen"],
    &["dlq"],
    &["dlq", "list"],
    &["dlq", "show"],
    &["dlq", "redrive"],
    &["admin"],
    &["admin", "create-key"],
    &["admin", "list-keys"],
    &["admin", "delete-key"],
    &["admin", "create-account"],
    &["admin", "list-accounts"],
    &["admin", "rotate-deployment-key"],
    &["doctor"],
    &["completions"],
];
const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

/// An address on this machine at which nothing listens.
fn closed_address() -> String {
    let url = closed_port_url();
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

fn success(ended: Ended) -> String {
    assert_eq!((ended.exit_code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.stdout
}

/// What the program says about an error: one line on standard error.
fn error(ended: &Ended, exit_code: i32) -> &str {
    assert_eq!(ended.exit_code, Some(exit_code), "{ended:?}");
    assert_eq!(ended.stderr.trim_end().lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.starts_with("posthorn: "), "{ended:?}");
    assert!(!ended.stdout.contains("posthorn: "), "{ended:?}");
    &ended.stderr
}

/// The same for wrong usage, which is found before anything is done.
async fn wrong_usage(program: Program) -> String {
    let ended = program.run().await;
    assert_eq!(ended.stdout, "", "{ended:?}");
    let said = error(&ended, 2);
    assert!(said.contains("; see posthorn ") && said.trim_end().ends_with(" --help"), "{said}");
    said.to_owned()
}

#[tokio::test]
async fn it_says_its_version() {
    for flag in ["--version", "-V"] {
        let said = success(Program::new(&[flag]).run().await);
        assert_eq!(said, format!("posthorn {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[tokio::test]
async fn the_help_of_every_command_ends_with_examples() {
    for command in COMMANDS {
        for flag in ["-h", "--help"] {
            let help = success(Program::new(&[command, &[flag]].concat()).run().await);
            assert!(help.contains("\nUsage: posthorn"), "{command:?} {flag}: {help}");
            let (_, examples) = help.rsplit_once("\nExamples:\n").expect(&help);
            assert!(examples.contains("  posthorn"), "{command:?} {flag}: {help}");
            let is_example = |line: &str| line.is_empty() || line.starts_with("  ");
            assert!(examples.lines().all(is_example), "{command:?} {flag}: {help}");
        }
    }
}

#[tokio::test]
async fn the_long_help_lists_the_settings() {
    for command in [&["--help"][..], &["serve", "--help"]] {
        let help = success(Program::new(command).run().await);
        let (_, settings) = help.split_once("\nEnvironment:\n").expect(&help);
        for name in ["POSTHORN_LISTEN", "POSTHORN_DATA_DIR", "POSTHORN_ALLOWED_NETWORKS"] {
            assert!(settings.contains(name), "{help}");
        }
    }
}

#[tokio::test]
async fn every_shell_gets_its_completions() {
    for shell in SHELLS {
        let script = success(Program::new(&["completions", shell]).run().await);
        for word in ["posthorn", "create-account", "--fail-rate"] {
            // fish writes options without the dashes.
            assert!(script.contains(word.trim_start_matches('-')), "{shell}: {word}");
        }
    }
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("posthorn");
    std::fs::write(&file, success(Program::new(&["completions", "bash"]).run().await)).unwrap();
    assert!(Command::new("bash").arg("-n").arg(&file).status().unwrap().success());
    let mut bash = Command::new("bash");
    bash.args(["-c", "source \"$0\" && complete -p posthorn"]).arg(&file);
    let loaded = bash.output().unwrap();
    let printed = String::from_utf8_lossy(&loaded.stdout);
    assert!(printed.contains("-F _posthorn") && printed.contains(" posthorn"), "{loaded:?}");
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_is_wrong_usage() {
    for (arguments, part) in [
        (&["serv"][..], "'serve'"),
        (&["--nonsense"], "--nonsense"),
        (&["dlq"], "Usage: posthorn dlq"),
        (&["dlq", "show"], "<QUEUE>"),
        (&["dlq", "show", "nonsense"], "deliveries"),
        (&["dlq", "list", "--max", "2"], "--max"),
        (&["listen", "--port", "70000"], "--port"),
        (&["listen", "--delay", "soon"], "250ms"),
        (&["listen", "--account", "acme"], "--register"),
        (&["admin", "create-key", "--scopes", "read"], "--account"),
        (&["admin", "rotate-deployment-key", "--secret-id", "any"], "--stack"),
        (&["completions"], "<SHELL>"),
        (&["completions", "tcsh"], "zsh"),
    ] {
        let ended = Program::new(arguments).run().await;
        assert_eq!((ended.exit_code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(part), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test]
async fn an_argument_that_can_not_be_right_is_wrong_usage() {
    for (arguments, part) in [
        (&["listen", "--status", "700"][..], "--status must be from 200 to 599, not 700"),
        (&["listen", "--fail-status", "100"], "--fail-status must be from 200 to 599, not 100"),
        (&["listen", "--fail-rate", "30"], "--fail-rate must be from 0 to 1, not 30"),
        (&["listen", "--delay", "11m"], "--delay must be at most 10 minutes"),
        (&["listen", "--dialect", "klingon"], "there is no dialect klingon; there are beltic,"),
        (&["listen", "--secret", "hunter2"], "--secret 1"),
        (&["listen", "--port", "0", "--register"], "--key"),
        (
            &["listen", "--port", "0", "--register", "--key", "any", "--api", "nowhere"],
            "--api: nowhere is not a URL",
        ),
        (&["doctor", "--stack", "posthorn"], "--stack needs --api-url"),
        (&["doctor", "--api-url", "nowhere"], "--api-url: nowhere is not a URL"),
        (&["admin", "create-key", "--name", ""], "1 to 256 characters"),
        (&["admin", "delete-key", "nonsense"], "nonsense: expected an identifier like key_"),
        (&["admin", "rotate-deployment-key", "--stack", "posthorn"], "--stack needs --secret-id"),
    ] {
        let said = wrong_usage(Program::new(arguments)).await;
        assert!(said.contains(part), "{arguments:?}: {said}");
        assert!(said.contains(&format!("see posthorn {} --help", arguments[0])), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn a_setting_that_can_not_be_right_is_wrong_usage() {
    for (arguments, name, value) in [
        (&["serve"][..], "POSTHORN_LISTEN", "here"),
        (&[], "POSTHORN_LISTEN", "here"),
        (&["demo"], "POSTHORN_LISTEN", "here"),
        (&["doctor"], "POSTHORN_LISTEN", "here"),
        (&["serve"], "POSTHORN_AWS_LISTEN", "4566"),
        (&["dlq", "list"], "POSTHORN_AWS_LISTEN", "here"),
        (&["admin", "list-keys"], "POSTHORN_AWS_LISTEN", "here"),
        (&["serve"], "POSTHORN_ALLOWED_NETWORKS", "house"),
        (&["serve"], "POSTHORN_ALLOWED_PORTS", "99999"),
        (&["serve"], "POSTHORN_TIME_SCALE", "0"),
        (&["serve"], "POSTHORN_LOG_LEVEL", "loud"),
        (&["serve"], "POSTHORN_TRACES_COLLECTOR", "nowhere"),
        (&["serve"], "POSTHORN_TRACES_RATIO", "2"),
        (&["serve"], "POSTHORN_AWS_THROTTLE", "1"),
        (&["admin", "rotate-deployment-key"], "POSTHORN_DATA_DIR", ":memory:"),
    ] {
        let said = wrong_usage(Program::new(arguments).env(name, value)).await;
        assert!(said.contains(&format!("{name}: ")) && said.contains(value), "{said}");
    }
    let said = wrong_usage(Program::new(&["serve"]).env("POSTHORN_ADMIN_KEY", "hunter2")).await;
    assert!(said.contains("POSTHORN_ADMIN_KEY: ") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn what_fails_is_no_wrong_usage() {
    let closed = closed_address();
    for arguments in [&["dlq", "list"][..], &["admin", "list-keys"], &["doctor"]] {
        let ended = Program::new(arguments).env("POSTHORN_AWS_LISTEN", &closed).run().await;
        error(&ended, 1);
    }
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let ended = Program::new(&["listen", "--port", &port]).run().await;
    assert!(error(&ended, 1).contains("in use"), "{ended:?}");
    let api = format!("http://{closed}");
    let register = ["listen", "--port", "0", "--register", "--key", "any", "--api", &api];
    let ended = Program::new(&register).run().await;
    assert!(error(&ended, 1).contains("no answer from the API"), "{ended:?}");
}

#[tokio::test]
async fn the_api_refuses_values_as_wrong_usage_and_all_else_as_a_failure() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    for (arguments, exit_code) in [
        (&["admin", "create-account", "a b"][..], 2),
        (&["admin", "create-account", "x", "--dialect", "klingon"], 2),
        (&["admin", "create-key", "--account", "acme", "--scopes", "fly"], 2),
        (&["admin", "create-account", "acme"], 1),
        (&["admin", "create-key", "--account", "nobody"], 1),
    ] {
        let failure = stack.command(arguments).await.expect_err("a refusal");
        assert_eq!(failure.exit_code, Some(exit_code), "{arguments:?}: {failure:?}");
        assert_eq!(failure.stdout, "", "{arguments:?}: {failure:?}");
    }
}

#[tokio::test]
async fn output_that_nothing_reads_is_no_failure() {
    for command in COMMANDS {
        success(Program::new(&[command, &["--help"]].concat()).run_unread().await);
    }
    success(Program::new(&["--version"]).run_unread().await);
    for shell in SHELLS {
        success(Program::new(&["completions", shell]).run_unread().await);
    }
    let stack = Stack::start().await;
    stack.account("acme").await;
    let aws = stack.aws_url.trim_start_matches("http://");
    for arguments in [
        &["dlq", "list"][..],
        &["dlq", "show", "tasks"],
        &["dlq", "redrive", "tasks"],
        &["admin", "list-accounts"],
        &["admin", "create-account", "other"],
        &["doctor", "--api-url", &stack.api_url],
    ] {
        let program = Program::new(arguments).env("POSTHORN_AWS_LISTEN", aws);
        success(program.run_unread().await);
    }
}
