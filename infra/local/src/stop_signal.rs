//! When a command that runs on has to stop.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Ends with Ctrl-C or SIGTERM. Until it is awaited, Ctrl-C ends the process at once.
///
/// # Errors
/// When the system does not let the process handle SIGTERM.
pub fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate()).context("can't handle SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    })
}
