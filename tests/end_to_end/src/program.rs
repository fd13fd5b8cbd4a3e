//! The real `posthorn` binary with commands that end by themselves.

use std::process::Stdio;

use tokio::process::Command;

use crate::DEADLINE;
use crate::stack::binary;

/// A command of the program. It takes no settings from the environment of the tests, listens on free
/// ports, and keeps no data.
pub struct Program(Command);

/// How a command ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    /// `None`: a signal ended it.
    pub exit_code: Option<i32>,
    /// Standard output as text.
    pub stdout: String,
    /// Standard error as text.
    pub stderr: String,
}

impl Program {
    /// A command with these arguments.
    pub fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.args(arguments);
        Self::prepared(command)
    }

    /// Commands of a shell, which finds the program as `posthorn`.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn shell(script: &str) -> Self {
        let program = binary();
        let mut path = program.parent().expect("a folder").as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("PATH", path);
        Self::prepared(command)
    }

    fn prepared(mut command: Command) -> Self {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("POSTHORN_") || text == "WEBHOOK_SECRET" || text == "COLUMNS" {
                command.env_remove(&name);
            }
        }
        command
            .env("POSTHORN_LISTEN", "127.0.0.1:0")
            .env("POSTHORN_AWS_LISTEN", "127.0.0.1:0")
            .env("POSTHORN_DATA_DIR", ":memory:")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Self(command)
    }

    /// The same command with an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it until it ends.
    ///
    /// # Panics
    /// When there is no such program, or it does not end.
    pub async fn run(mut self) -> Ended {
        self.0.stdout(Stdio::piped());
        self.end().await
    }

    /// Runs it with a standard output that is closed at the other end.
    ///
    /// # Panics
    /// When there is no such program, or it does not end.
    pub async fn run_unread(self) -> Ended {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        self.run_into(writer).await
    }

    /// Runs it with this standard output.
    ///
    /// # Panics
    /// When there is no such program, or it does not end.
    pub async fn run_into(mut self, output: impl Into<Stdio>) -> Ended {
        self.0.stdout(output);
        self.end().await
    }

    async fn end(mut self) -> Ended {
        let child = self.0.spawn().expect("the program starts");
        let ended = tokio::time::timeout(DEADLINE, child.wait_with_output()).await;
        let output = ended.expect("it ends").expect("its output");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended {
            exit_code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}
