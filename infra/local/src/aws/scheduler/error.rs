//! Scheduler's errors.

/// What Scheduler answers instead of a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchedulerError {
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    NotFound(String),
    /// The database failed; nothing of the request was done.
    #[error("{0}")]
    Internal(String),
}

impl SchedulerError {
    /// The `x-amzn-errortype` of the REST protocol.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Validation(_) => "ValidationException",
            Self::Conflict(_) => "ConflictException",
            Self::NotFound(_) => "ResourceNotFoundException",
            Self::Internal(_) => "InternalServerException",
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::Validation(_) => 400,
            Self::Conflict(_) => 409,
            Self::NotFound(_) => 404,
            Self::Internal(_) => 500,
        }
    }
}

impl From<rusqlite::Error> for SchedulerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Internal(format!("the schedule database failed: {error}"))
    }
}

impl From<serde_json::Error> for SchedulerError {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(format!("the schedule database holds what can't be read: {error}"))
    }
}
