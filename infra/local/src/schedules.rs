//! Fires schedules: what EventBridge Scheduler does.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;
use posthorn_retry::{Retry, RetryEvent};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::aws::LocalAws;
use crate::aws::scheduler::Firing;
use crate::template::Function;

/// Precise to a fifth of a second, where AWS promises a minute.
const TICK: Duration = Duration::from_millis(200);
/// Firings handed out at a time.
const AT_ONCE: usize = 8;

/// Everything that a schedule of ours calls is the retry function.
pub struct Schedules {
    pub aws: LocalAws,
    pub function: Function,
    pub retry: Arc<Retry>,
}

impl Schedules {
    /// Fires until told to stop, then waits for the calls under way.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let schedules = Arc::new(self);
        let mut calls = JoinSet::new();
        loop {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            while calls.try_join_next().is_some() {}
            let room = AT_ONCE.saturating_sub(calls.len());
            match schedules.aws.scheduler.due(Timestamp::now(), room) {
                Ok(firings) => {
                    for firing in firings {
                        let schedules = Arc::clone(&schedules);
                        calls.spawn(async move { schedules.fire(firing).await });
                    }
                }
                Err(error) => tracing::error!(%error, "schedules"),
            }
        }
        calls.join_all().await;
    }

    async fn fire(&self, firing: Firing) {
        let started = Instant::now();
        let outcome = self.call(&firing).await;
        self.aws.meter.lambda(&self.function.name, started.elapsed());
        let now = Timestamp::now();
        let noted = match outcome {
            Ok(()) => self.aws.scheduler.completed(&firing, now),
            Err(reason) => {
                tracing::warn!(schedule = firing.name, reason, "the retry function failed");
                self.aws.scheduler.failed(&firing, now)
            }
        };
        if let Err(error) = noted {
            tracing::error!(schedule = firing.name, %error, "schedule");
        }
    }

    async fn call(&self, firing: &Firing) -> Result<(), String> {
        if firing.target_arn != self.function.arn {
            return Err(format!("there is no function {}", firing.target_arn));
        }
        let event: RetryEvent = serde_json::from_str(&firing.input).map_err(|e| e.to_string())?;
        let call = AssertUnwindSafe(self.retry.handle(event)).catch_unwind();
        match tokio::time::timeout(self.function.timeout, call).await {
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err(error))) => Err(error.to_string()),
            Ok(Err(_)) => Err("panicked".to_owned()),
            Err(_) => Err("timed out".to_owned()),
        }
    }
}
