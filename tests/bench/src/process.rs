//! The stack and the receiver as processes: started, measured, ended.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::aws;
use crate::http::Connection;

pub const ADMIN_KEY: &str = "the-admin-key-of-the-benchmark";
const PATIENCE: Duration = Duration::from_secs(30);

/// A stack over a directory of its own.
pub struct Stack {
    child: Child,
    pub api_url: String,
    pub aws_url: String,
    binary: PathBuf,
    _lines: Lines<BufReader<ChildStdout>>,
    directory: TempDir,
}

/// The receiver.
pub struct Receiver {
    child: Child,
    pub url: String,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub cpu_seconds: f64,
    pub peak_mib: f64,
}

fn beside_me(name: &str) -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let path = me.parent().context("a directory")?.join(name);
    if !path.exists() {
        bail!("{} is missing: cargo build --release -p posthorn", path.display());
    }
    Ok(path)
}

impl Stack {
    /// Starts one on free ports, with its data on disk.
    pub async fn start(binary: Option<&Path>) -> Result<Self> {
        let binary = match binary {
            Some(path) => path.to_owned(),
            None => beside_me("posthorn")?,
        };
        Self::start_over(binary, TempDir::new()?).await
    }

    /// Kills it as a power cut would, and starts it again over the same data, on other ports.
    pub async fn kill_and_start_again(mut self) -> Result<Self> {
        self.child.kill().await.context("ending the stack")?;
        Self::start_over(self.binary, self.directory).await
    }

    async fn start_over(binary: PathBuf, directory: TempDir) -> Result<Self> {
        let mut child = Command::new(&binary)
            .env("POSTHORN_LISTEN", "127.0.0.1:0")
            .env("POSTHORN_AWS_LISTEN", "127.0.0.1:0")
            .env("POSTHORN_DATA_DIR", directory.path().join("data"))
            .env("POSTHORN_ADMIN_KEY", ADMIN_KEY)
            .env("POSTHORN_AWS_KEY", aws::key())
            // More than any scenario opens.
            .env("POSTHORN_CONNECTIONS", "1024")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the stack")?;
        let stdout = child.stdout.take().context("a pipe")?;
        let mut lines = BufReader::new(stdout).lines();
        let (mut api_url, mut aws_url) = (None, None);
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(url) = line.strip_prefix("events queue: ") {
                    aws_url = url.split("/000000000000").next().map(str::to_owned);
                } else if let Some(url) = line.strip_prefix("posthorn ready: ") {
                    api_url = Some(url.to_owned());
                    break;
                }
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, ready).await.context("the stack is not ready")??;
        let (api_url, aws_url) = api_url.zip(aws_url).context("the stack did not start")?;
        Ok(Self { child, api_url, aws_url, binary, _lines: lines, directory })
    }

    /// CPU and memory since its start.
    pub fn usage(&self) -> Result<Usage> {
        usage(self.child.id().context("the stack has ended")?)
    }

    /// The meter's counts since the last reset.
    pub async fn meter(&self) -> Result<serde_json::Value> {
        let mut connection = Connection::open(&self.aws_url).await?;
        let authorization = format!("Bearer {}", aws::SECRET);
        let headers = [("authorization", authorization.as_str())];
        connection.json("GET", "/_posthorn/meter", &headers, "", 200).await
    }

    /// Sets the meter to zero.
    pub async fn reset_meter(&self) -> Result<()> {
        let mut connection = Connection::open(&self.aws_url).await?;
        let authorization = format!("Bearer {}", aws::SECRET);
        let headers = [("authorization", authorization.as_str())];
        let (status, _) = connection.send("POST", "/_posthorn/meter/reset", &headers, "").await?;
        if status >= 300 {
            bail!("resetting the meter: {status}");
        }
        Ok(())
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await.context("ending the stack")
    }
}

impl Receiver {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--be-receiver")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the receiver")?;
        let stdout = child.stdout.take().context("a pipe")?;
        let mut lines = BufReader::new(stdout).lines();
        let url = tokio::time::timeout(PATIENCE, lines.next_line()).await??;
        Ok(Self { child, url: url.context("the receiver did not start")? })
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<()> {
        self.child.kill().await.context("ending the receiver")
    }
}

fn usage(pid: u32) -> Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; the fields begin behind it (proc(5)).
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(Usage {
        // Linux counts in hundredths of a second on every platform of ours.
        cpu_seconds: (ticks(11) + ticks(12)) / 100.0,
        peak_mib: peak.unwrap_or(0.0) / 1024.0,
    })
}
