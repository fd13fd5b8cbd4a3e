//! The receiver as the benchmark sees it: a child process.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Method;

use crate::connection::Connection;
use crate::process;
use crate::receiver::{Arrivals, Expected};

/// A receiver. It ends when it is dropped.
pub struct ReceiverProcess {
    child: Child,
    url: String,
    control: Connection,
}

impl Drop for ReceiverProcess {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}

impl ReceiverProcess {
    /// Starts this program once more, as the receiver.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start() -> Result<Self> {
        let program = std::env::current_exe().context("this program's own path")?;
        let mut command = Command::new(program);
        command.arg("receiver").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the receiver does not start")?;
        let ready = process::first_lines(&mut child, ["receiver ready: "]);
        let [url] = ready.inspect_err(|_| process::end(&mut child))?;
        let control = Connection::open(&url).await;
        let control = control.inspect_err(|_| process::end(&mut child))?;
        Ok(Self { child, url, control })
    }

    /// Where an endpoint's deliveries go.
    pub fn hook(&self, endpoint: u64) -> String {
        format!("{}/hook/{endpoint}", self.url)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Forgets what came, and counts this from now on.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn expect(&mut self, expected: Expected) -> Result<()> {
        let body = Bytes::from(serde_json::to_vec(&expected)?);
        self.control.json(Method::PUT, "/tally", &[], body).await?;
        Ok(())
    }

    /// What has come.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn arrivals(&mut self) -> Result<Arrivals> {
        let answer = self.control.json(Method::GET, "/tally", &[], Bytes::new()).await?;
        serde_json::from_value(answer).context("the receiver's tally")
    }
}
