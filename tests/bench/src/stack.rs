//! The stack under measurement: one that is started for a run, or one that runs already.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::options::Options;
use crate::process;

/// The admin key of the stacks that are started here: on loopback, gone after the run.
const ADMIN_KEY: &str = "an-admin-key-of-the-benchmark";

/// A running stack.
pub struct Stack {
    pub api_url: String,
    pub aws_url: String,
    pub admin_key: String,
    /// Unknown for one that was not started here, unless it was named.
    pub pid: Option<u32>,
    started: Option<Started>,
}

/// A child and its data. It ends, then the data goes, when this is dropped.
struct Started {
    child: Child,
    directory: TempDir,
}

impl Drop for Started {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}

impl Stack {
    /// Starts one with an empty directory, unless the options name one that runs.
    ///
    /// # Errors
    /// When it does not start, with what it said.
    pub fn start(options: &Options) -> Result<Self> {
        if let (Some(url), Some(aws), Some(key)) =
            (&options.url, &options.aws_url, &options.admin_key)
        {
            return Ok(Self {
                api_url: url.trim_end_matches('/').to_owned(),
                aws_url: aws.trim_end_matches('/').to_owned(),
                admin_key: key.clone(),
                pid: options.pid,
                started: None,
            });
        }
        let directory = match &options.data_dir {
            Some(parent) => TempDir::with_prefix_in("posthorn-bench-", parent),
            None => TempDir::with_prefix("posthorn-bench-"),
        };
        let directory = directory.context("a directory for the stack's data")?;
        let log = directory.path().join("log");
        let child = Command::new(program()?)
            .env("POSTHORN_LISTEN", "127.0.0.1:0")
            .env("POSTHORN_AWS_LISTEN", "127.0.0.1:0")
            .env("POSTHORN_DATA_DIR", directory.path().join("data"))
            .env("POSTHORN_ADMIN_KEY", ADMIN_KEY)
            .env("POSTHORN_LOG_LEVEL", "warn")
            .env_remove("POSTHORN_TIME_SCALE")
            .env_remove("POSTHORN_ALLOWED_NETWORKS")
            .env_remove("POSTHORN_TEMPLATE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).context("a file for the stack's log")?)
            .spawn()
            .context("the stack does not start")?;
        let mut started = Started { child, directory };
        let ready = process::first_lines(&mut started.child, ["events queue: ", "posthorn ready: "]);
        let [queue, api_url] = ready.with_context(|| last_words(&log))?;
        let Some((aws_url, _)) = queue.split_once("/000000000000/") else {
            bail!("{queue} is no queue's URL");
        };
        Ok(Self {
            aws_url: aws_url.to_owned(),
            api_url,
            admin_key: ADMIN_KEY.to_owned(),
            pid: Some(started.child.id()),
            started: Some(started),
        })
    }

    /// What it logged last; empty for a stack that was not started here.
    pub fn last_words(&self) -> String {
        let started = self.started.as_ref();
        started.map(|started| last_words(&started.directory.path().join("log"))).unwrap_or_default()
    }

    /// The URL of its events queue.
    pub fn events_queue_url(&self) -> String {
        format!("{}/000000000000/posthorn-events", self.aws_url)
    }
}

/// The `posthorn` of the same build.
fn program() -> Result<PathBuf> {
    let own = std::env::current_exe().context("this program's own path")?;
    let program = own.with_file_name("posthorn");
    if !program.exists() {
        bail!("{} is missing: run cargo build --release first", program.display());
    }
    Ok(program)
}

fn last_words(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(10).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
