//! A schedule as `CreateSchedule` describes it, and its checks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::SchedulerError;
use super::expression::Expression;

/// Attempts after the first, unless the target says otherwise.
const DEFAULT_RETRIES: i64 = 185;
/// Seconds, unless the target says otherwise.
const DEFAULT_EVENT_AGE: i64 = 86_400;

/// The members of a request that describe the schedule; the name is in the path.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Definition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_expression_timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flexible_time_window: Option<FlexibleTimeWindow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_after_completion: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<f64>,
    /// Seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FlexibleTimeWindow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_window_in_minutes: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Target {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
    /// Parameters of other kinds of targets, kept as they are.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RetryPolicy {
    /// 0–185.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_retry_attempts: Option<i64>,
    /// 60–86,400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_event_age_in_seconds: Option<i64>,
}

impl Definition {
    /// # Errors
    /// `ValidationException` for what AWS refuses, and for `cron`.
    pub fn check(&self) -> Result<Expression, SchedulerError> {
        let invalid = |message: String| Err(SchedulerError::Validation(message));
        let text = present(self.schedule_expression.as_ref(), "scheduleExpression")?;
        let window = present(self.flexible_time_window.as_ref(), "flexibleTimeWindow")?;
        let target = present(self.target.as_ref(), "target")?;
        let arn = present(target.arn.as_ref(), "target.arn")?;
        let role = present(target.role_arn.as_ref(), "target.roleArn")?;
        for (member, value) in [("arn", arn), ("roleArn", role)] {
            if !value.starts_with("arn:") {
                return invalid(format!("Provided {member} is not in correct format: {value}"));
            }
        }
        let mode = present(window.mode.as_ref(), "flexibleTimeWindow.mode")?;
        one_of("flexibleTimeWindow.mode", Some(mode), &["OFF", "FLEXIBLE"])?;
        match (mode.as_str(), window.maximum_window_in_minutes) {
            ("OFF", Some(_)) => {
                return invalid(
                    "MaximumWindowInMinutes must be absent when Mode is OFF.".to_owned(),
                );
            }
            ("FLEXIBLE", minutes) if !minutes.is_some_and(|m| (1..=1_440).contains(&m)) => {
                return invalid("MaximumWindowInMinutes must be from 1 to 1440.".to_owned());
            }
            _ => {}
        }
        one_of("state", self.state.as_ref(), &["ENABLED", "DISABLED"])?;
        let actions = ["NONE", "DELETE"];
        one_of("actionAfterCompletion", self.action_after_completion.as_ref(), &actions)?;
        let policy = target.retry_policy.unwrap_or_default();
        let out = |value: Option<i64>, min, max| value.is_some_and(|v| !(min..=max).contains(&v));
        if out(policy.maximum_retry_attempts, 0, DEFAULT_RETRIES) {
            return invalid("MaximumRetryAttempts must be from 0 to 185.".to_owned());
        }
        if out(policy.maximum_event_age_in_seconds, 60, DEFAULT_EVENT_AGE) {
            return invalid("MaximumEventAgeInSeconds must be from 60 to 86400.".to_owned());
        }
        Expression::parse(text, self.schedule_expression_timezone.as_deref())
            .map_err(SchedulerError::Validation)
    }

    pub fn group(&self) -> &str {
        self.group_name.as_deref().unwrap_or("default")
    }

    pub fn is_enabled(&self) -> bool {
        self.state.as_deref() != Some("DISABLED")
    }

    pub fn deletes_itself(&self) -> bool {
        self.action_after_completion.as_deref() == Some("DELETE")
    }

    /// What AWS fills in for members that were left out.
    pub fn with_defaults(mut self) -> Self {
        self.group_name.get_or_insert_with(|| "default".to_owned());
        self.state.get_or_insert_with(|| "ENABLED".to_owned());
        self.action_after_completion.get_or_insert_with(|| "NONE".to_owned());
        self.schedule_expression_timezone.get_or_insert_with(|| "UTC".to_owned());
        if let Some(target) = &mut self.target {
            let policy = target.retry_policy.get_or_insert_default();
            policy.maximum_retry_attempts.get_or_insert(DEFAULT_RETRIES);
            policy.maximum_event_age_in_seconds.get_or_insert(DEFAULT_EVENT_AGE);
        }
        self
    }

    /// Whether a firing that has failed this often, since `due`, is tried again.
    pub fn retries(&self, failures: i64, due: Timestamp, now: Timestamp) -> bool {
        let policy = self.target.as_ref().and_then(|target| target.retry_policy);
        let policy = policy.unwrap_or_default();
        let age = now.duration_since(due).as_secs();
        failures <= policy.maximum_retry_attempts.unwrap_or(DEFAULT_RETRIES)
            && age <= policy.maximum_event_age_in_seconds.unwrap_or(DEFAULT_EVENT_AGE)
    }
}

/// # Errors
/// `ValidationException` for what can't name a schedule or a group.
pub fn check_name(member: &str, name: &str) -> Result<(), SchedulerError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(SchedulerError::Validation(format!(
        "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$ and have length \
         from 1 to 64"
    )))
}

fn present<'a, T>(member: Option<&'a T>, name: &str) -> Result<&'a T, SchedulerError> {
    member.ok_or_else(|| {
        SchedulerError::Validation(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
             Member must not be null"
        ))
    })
}

fn one_of(member: &str, value: Option<&String>, allowed: &[&str]) -> Result<(), SchedulerError> {
    match value {
        Some(value) if !allowed.contains(&value.as_str()) => {
            Err(SchedulerError::Validation(format!(
                "1 validation error detected: Value '{value}' at '{member}' failed to satisfy \
                 constraint: Member must satisfy enum value set: [{}]",
                allowed.join(", ")
            )))
        }
        _ => Ok(()),
    }
}
