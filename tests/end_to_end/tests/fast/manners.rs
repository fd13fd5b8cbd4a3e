//! The manners of the command line: help, completions, exit codes, and what goes where.

use std::fs::{File, OpenOptions};
use std::process::{Command, Stdio};

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
/// An access key that no stack has.
const OTHER_KEY: &str = "other:a-secret-that-no-stack-has";
const SHELLS: [&str; 5] = ["bash", "zsh", "fish", "elvish", "powershell"];

/// An address on this machine at which nothing listens.
fn closed_address() -> String {
    let url = closed_port_url();
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// Commands that print a result, as far as they run beside a stack.
fn printing(api_url: &str) -> [Vec<&str>; 6] {
    [
        vec!["dlq", "list"],
        vec!["dlq", "show", "tasks"],
        vec!["dlq", "redrive", "tasks"],
        vec!["admin", "list-accounts"],
        vec!["admin", "create-account", "other"],
        vec!["doctor", "--api-url", api_url],
    ]
}

/// A program that works on this stack.
fn of(stack: &Stack, program: Program) -> Program {
    let data_dir = stack.options.data_dir.to_str().expect("a path of text");
    program
        .env("POSTHORN_AWS_LISTEN", stack.aws_url.trim_start_matches("http://"))
        .env("POSTHORN_DATA_DIR", data_dir)
}

/// A command that works on this stack.
fn beside(stack: &Stack, arguments: &[&str]) -> Program {
    of(stack, Program::new(arguments))
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

/// The same for wrong usage, which is found before anything is done. `help` explains what was wrong.
async fn wrong_usage(program: Program, help: &str) -> String {
    let ended = program.run().await;
    assert_eq!(ended.stdout, "", "{ended:?}");
    let said = error(&ended, 2);
    assert!(said.ends_with(&format!("; see {help}\n")), "{said}");
    said.to_owned()
}

/// The command line that explains the command which these arguments begin with.
fn help_on(arguments: &[&str]) -> String {
    let named = COMMANDS.iter().filter(|command| arguments.starts_with(command));
    let command = named.max_by_key(|command| command.len()).expect("posthorn itself");
    [&["posthorn"][..], command, &["--help"]].concat().join(" ")
}

/// A device on which no space is left.
fn full_disk() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("Linux has it")
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
        // What other commands read is listed with all of them.
        for name in ["POSTHORN_API_URL", "POSTHORN_API_KEY", "WEBHOOK_SECRET"] {
            assert_eq!(settings.contains(name), command.len() == 1, "{name}: {help}");
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
async fn bash_completes_values() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("posthorn");
    std::fs::write(&file, success(Program::new(&["completions", "bash"]).run().await)).unwrap();
    // What it proposes for the last word.
    let completed = |words: &[&str]| {
        let complete = r#"
            source "$0"
            COMP_WORDS=(posthorn "$@") COMP_CWORD=$#
            _posthorn posthorn "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            echo "${COMPREPLY[*]}""#;
        let mut bash = Command::new("bash");
        let output = bash.args(["-c", complete]).arg(&file).args(words).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    let scopes = ["admin", "create-key", "--account", "acme", "--scopes"];
    assert_eq!(completed(&[&scopes[..], &[""]].concat()), "manage publish read");
    assert_eq!(completed(&[&scopes[..], &["p"]].concat()), "publish");
    let dialects = "beltic filedgr flexorch flowcode fltr standard";
    assert_eq!(completed(&["listen", "--dialect", ""]), dialects);
    assert_eq!(completed(&["admin", "create-account", "x", "--dialect", ""]), dialects);
    assert_eq!(completed(&["dlq", "show", "d"]), "deliveries");
    assert_eq!(completed(&["completions", "f"]), "fish");
}

#[tokio::test]
async fn the_help_on_completions_can_be_followed_in_a_new_home() {
    let help = success(Program::new(&["completions", "--help"]).run().await);
    let (_, examples) = help.rsplit_once("\nExamples:\n").expect(&help);
    let (examples, _) = examples.split_once("# PowerShell").expect(&help);
    let home = TempDir::new().unwrap();
    let script = Program::shell(&format!("set -e\n{examples}"));
    success(script.env("HOME", &home.path().display().to_string()).run().await);
    for file in [
        ".local/share/bash-completion/completions/posthorn",
        ".zfunc/_posthorn",
        ".config/fish/completions/posthorn.fish",
        ".config/elvish/rc.elv",
    ] {
        let script = std::fs::read_to_string(home.path().join(file)).expect(file);
        assert!(script.contains("create-account"), "{file}: {script}");
    }
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
        (&["admin", "create-key", "--account", "x", "--scopes", "fly"], "manage, publish, read"),
        (&["admin", "rotate-deployment-key", "--secret-id", "any"], "--stack"),
        (&["completions"], "<SHELL>"),
        (&["completions", "tcsh"], "zsh"),
    ] {
        let ended = Program::new(arguments).run().await;
        assert_eq!((ended.exit_code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(part), "{arguments:?}: {ended:?}");
        let hint = format!("For more information, try '{}'.\n", help_on(arguments));
        let is_help = ended.stderr.contains("\nExamples:\n");
        assert!(is_help || ended.stderr.ends_with(&hint), "{arguments:?}: {ended:?}");
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
        let said = wrong_usage(Program::new(arguments), &help_on(arguments)).await;
        assert!(said.contains(part), "{arguments:?}: {said}");
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
        (&["serve"], "POSTHORN_UNPROVEN_PER_SECOND", "-1"),
        (&["serve"], "POSTHORN_TIME_SCALE", "0"),
        (&["serve"], "POSTHORN_LOG_LEVEL", "loud"),
        (&["serve"], "POSTHORN_TRACES_COLLECTOR", "nowhere"),
        (&["serve"], "POSTHORN_TRACES_RATIO", "2"),
        (&["serve"], "POSTHORN_AWS_THROTTLE", "1"),
        (&["serve"], "POSTHORN_HOSTS", "https://hooks.example.com"),
        (&["listen"], "POSTHORN_HOSTS", "hooks.example.com:443"),
        (&["serve"], "POSTHORN_PUBLIC_URL", "nowhere"),
        (&["serve"], "POSTHORN_HEAD_SECONDS", "0"),
        (&["serve"], "POSTHORN_BODY_SECONDS", "601"),
        (&["listen"], "POSTHORN_BODY_SECONDS", "soon"),
        (&["serve"], "POSTHORN_CONNECTIONS", "0"),
        (&["admin", "rotate-deployment-key"], "POSTHORN_DATA_DIR", ":memory:"),
    ] {
        let said = wrong_usage(Program::new(arguments).env(name, value), "posthorn --help").await;
        assert!(said.contains(&format!("{name}: ")) && said.contains(value), "{said}");
    }
    let short = Program::new(&["serve"]).env("POSTHORN_ADMIN_KEY", "hunter2");
    let said = wrong_usage(short, "posthorn --help").await;
    assert!(said.contains("POSTHORN_ADMIN_KEY: ") && !said.contains("hunter2"), "{said}");
    for arguments in [&["serve"][..], &["dlq", "list"]] {
        let program = Program::new(arguments).env("POSTHORN_AWS_KEY", "local:hunter2");
        let said = wrong_usage(program, "posthorn --help").await;
        assert!(said.contains("POSTHORN_AWS_KEY: ") && !said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn what_fails_says_what_to_do_and_is_no_wrong_usage() {
    let closed = closed_address();
    for arguments in
        [&["dlq", "list"][..], &["admin", "list-keys"], &["admin", "create-key"], &["doctor"]]
    {
        let program = Program::new(arguments).env("POSTHORN_AWS_LISTEN", &closed);
        let ended = program.env("POSTHORN_AWS_KEY", OTHER_KEY).run().await;
        let said = error(&ended, 1);
        for part in [closed.as_str(), "start one with `posthorn`", "POSTHORN_AWS_LISTEN", "--stack"]
        {
            assert!(said.contains(part), "{arguments:?}: {said}");
        }
    }
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let ended = Program::new(&["listen", "--port", &port]).run().await;
    assert!(error(&ended, 1).contains("in use"), "{ended:?}");
    let api = format!("http://{closed}");
    let register = ["listen", "--port", "0", "--register", "--key", "any", "--api", &api];
    let ended = Program::new(&register).run().await;
    let said = error(&ended, 1);
    assert!(
        said.contains(&format!("no answer from the API at {api}; start a stack with")),
        "{said}"
    );
    assert!(said.contains("`posthorn`") && said.contains("with --api: "), "{said}");
    // Where no stack ever ran, there is no key, either.
    let empty = TempDir::new().unwrap();
    let empty = empty.path().display().to_string();
    let register = ["listen", "--port", "0", "--register", "--account", "acme"];
    let ended = Program::new(&register).env("POSTHORN_DATA_DIR", &empty).run().await;
    let said = error(&ended, 1);
    assert!(said.contains(&empty) && said.contains("start one with `posthorn`"), "{said}");
}

#[tokio::test]
async fn a_wrong_name_of_a_stack_is_reported_with_the_reason() {
    let stack = Stack::start().await;
    for (arguments, part) in [
        (&["admin", "create-account", "acme", "--stack", "other"][..], "ResourceNotFound"),
        (&["dlq", "list", "--stack", "other"], "has no queue other-events-dlq"),
    ] {
        let program = Program::new(arguments)
            .env("AWS_ENDPOINT_URL", &stack.aws_url)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", stack.aws_key.id())
            .env("AWS_SECRET_ACCESS_KEY", stack.aws_key.secret());
        let ended = program.run().await;
        let said = error(&ended, 1);
        for part in [part, "the stack other in AWS", "check the stack's name"] {
            assert!(said.contains(part), "{said}");
        }
    }
}

#[tokio::test]
async fn a_command_without_the_stacks_access_key_says_what_to_do() {
    let stack = Stack::start().await;
    let aws = stack.aws_url.trim_start_matches("http://");
    let nowhere = TempDir::new().unwrap();
    let nowhere = nowhere.path().to_str().expect("a path of text");
    let wrong_secret = format!("{}:a-secret-that-no-stack-has", stack.aws_key.id());
    for arguments in [&["dlq", "list"][..], &["admin", "list-keys"], &["doctor"]] {
        for (name, value) in [
            ("POSTHORN_DATA_DIR", nowhere),
            ("POSTHORN_AWS_KEY", OTHER_KEY),
            ("POSTHORN_AWS_KEY", &wrong_secret),
        ] {
            let program = Program::new(arguments).env("POSTHORN_AWS_LISTEN", aws);
            let ended = program.env(name, value).run().await;
            let said = error(&ended, 1);
            for part in ["aws-credentials", "POSTHORN_DATA_DIR", "POSTHORN_AWS_KEY"] {
                assert!(said.contains(part), "{arguments:?} {name}: {said}");
            }
            assert!(!said.contains("a-secret-that"), "{said}");
        }
    }
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
    success(Program::new(&["demo"]).run_unread().await);
    let stack = Stack::start().await;
    stack.account("acme").await;
    for arguments in printing(&stack.api_url) {
        success(beside(&stack, &arguments).run_unread().await);
    }
}

#[tokio::test]
#[cfg_attr(not(target_os = "linux"), ignore = "there is no /dev/full")]
async fn output_that_can_not_be_written_is_a_failure() {
    let fails = async |program: Program| {
        let ended = program.run_into(full_disk()).await;
        assert!(error(&ended, 1).contains("could not write to standard output: "), "{ended:?}");
    };
    for command in COMMANDS {
        fails(Program::new(&[command, &["--help"]].concat())).await;
    }
    fails(Program::new(&["--version"])).await;
    for shell in SHELLS {
        fails(Program::new(&["completions", shell])).await;
    }
    fails(Program::new(&["demo"])).await;
    let stack = Stack::start().await;
    stack.account("acme").await;
    for arguments in printing(&stack.api_url) {
        fails(beside(&stack, &arguments)).await;
    }
}

#[tokio::test]
async fn the_doctor_comes_to_its_verdict_although_nothing_reads_it() {
    let stack = Stack::start().await;
    let doctor = ["doctor", "--api-url", &closed_port_url()];
    let ended = beside(&stack, &doctor).run_unread().await;
    assert!(error(&ended, 1).contains("2 things are wrong"), "{ended:?}");
}

#[tokio::test]
async fn a_key_that_nobody_sees_does_not_exist() {
    let stack = Stack::start().await;
    stack.account("acme").await;
    let keys = async || {
        let admin_keys = stack.command(&["admin", "list-keys"]).await.unwrap();
        let keys = stack.command(&["admin", "list-keys", "--account", "acme"]).await.unwrap();
        (admin_keys, keys)
    };
    let before = keys().await;
    for account in [&[][..], &["--account", "acme"]] {
        let create = [&["admin", "create-key"][..], account].concat();
        let mut outcomes = vec![
            (beside(&stack, &create).run_unread().await, "deleted again: nothing reads"),
            (beside(&stack, &create).run_into(Stdio::null()).await, "nothing was done"),
        ];
        let closed = Program::shell(&format!("exec posthorn {} >&-", create.join(" ")));
        outcomes.push((of(&stack, closed).run().await, "nothing was done"));
        if cfg!(target_os = "linux") {
            let full = beside(&stack, &create).run_into(full_disk()).await;
            outcomes.push((full, "deleted again: could not write to standard output: "));
        }
        for (ended, part) in outcomes {
            assert!(error(&ended, 1).contains(part), "{ended:?}");
        }
    }
    assert_eq!(keys().await, before);
    let shown = success(beside(&stack, &["admin", "create-key"]).run().await);
    assert!(shown.starts_with("admin key: "), "{shown}");
    assert_ne!(keys().await, before);
}
