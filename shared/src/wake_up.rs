//! One EventBridge schedule per bucket and shard of due retries.

use std::time::Duration;

use aws_sdk_scheduler::types::{
    ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, Target,
};
use moka::sync::Cache;

use crate::aws_error::causes;
use crate::due::Bucket;
use crate::runtime::Runtime;
use crate::sent::Sent;

/// Creates wake-ups, each once: names the bucket and shard, and remembers what it has created.
#[derive(Clone)]
pub struct WakeUps {
    runtime: Runtime,
    created: Cache<(Bucket, u8), ()>,
}

/// A schedule that could not be created. The rows are there all the same, and the recurring sweep
/// finds them.
#[derive(Debug, thiserror::Error)]
#[error("schedule not created: {0}")]
pub struct NotScheduled(String);

impl WakeUps {
    pub fn new(runtime: Runtime) -> Self {
        let day = Duration::from_secs(25 * 3600);
        let created = Cache::builder().max_capacity(20_000).time_to_live(day).build();
        Self { runtime, created }
    }

    /// Makes sure that the retry function is called when the bucket begins. That the schedule
    /// exists already is success: its name is its identity.
    ///
    /// # Errors
    /// When Scheduler does not take it.
    pub async fn ensure(&self, bucket: Bucket, shard: u8) -> Result<(), NotScheduled> {
        if self.created.contains_key(&(bucket, shard)) {
            return Ok(());
        }
        let settings = &self.runtime.settings;
        let broken = |e: aws_sdk_scheduler::error::BuildError| NotScheduled(e.to_string());
        // A day of tries in case the function is throttled; the sweep would find the rows anyway.
        let retry = RetryPolicy::builder().maximum_retry_attempts(20).build();
        let target = Target::builder()
            .arn(&settings.retry_function_arn)
            .role_arn(&settings.scheduler_role_arn)
            .input(format!(r#"{{"bucket":"{bucket}","shard":{shard}}}"#))
            .retry_policy(retry)
            .build()
            .map_err(broken)?;
        let exact = FlexibleTimeWindow::builder()
            .mode(FlexibleTimeWindowMode::Off)
            .build()
            .map_err(broken)?;
        let at = bucket.start().strftime("at(%Y-%m-%dT%H:%M:%S)").to_string();
        let created = self
            .runtime
            .scheduler
            .create_schedule()
            .name(format!("due-{bucket}-{shard}"))
            .group_name(&settings.schedule_group)
            .schedule_expression(at)
            .flexible_time_window(exact)
            .action_after_completion(ActionAfterCompletion::Delete)
            .target(target)
            .sent()
            .await;
        match created {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conflict_exception()) => {}
            Err(error) => return Err(NotScheduled(causes(&error))),
        }
        self.created.insert((bucket, shard), ());
        Ok(())
    }
}
