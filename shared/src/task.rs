//! Work that is too long for one request: recovering what failed, replaying what is missing. It is
//! done page by page; each page is one message of the tasks queue.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{AccountId, EndpointId, EventKey, TaskId};
use crate::queue::Outgoing;
use crate::tenant::Tenant;

/// A task that shows no progress for this long has lost its message: another may be started.
pub const STALLED_AFTER: Duration = Duration::from_secs(15 * 60);

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Resends every failed delivery of the window, oldest first.
    Recover,
    /// Sends the events of the window that the endpoint subscribes to and never got, newest first.
    ReplayMissing,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    Running,
    Completed,
    /// The endpoint was switched off or deleted meanwhile.
    Stopped,
    /// Shown, never stored: running, but without progress for a quarter of an hour. Another may be
    /// started.
    Stalled,
}

/// A task as the table keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub account: AccountId,
    /// When that account was created: a later one with its id is another. Earlier releases did not
    /// note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_created_at: Option<Timestamp>,
    pub endpoint: EndpointId,
    pub kind: TaskKind,
    pub status: TaskStatus,
    /// Events received at or after.
    pub since: Timestamp,
    /// Events received before.
    pub until: Timestamp,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EventKey>,
    /// Deliveries or events that were looked at.
    pub examined: u64,
    /// Deliveries that were put on the queue.
    pub sent: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Task {
    /// Whether it is a task of this account.
    pub fn is_of(&self, tenant: &Tenant) -> bool {
        let generation = self.account_created_at.map(Timestamp::as_millisecond);
        self.account == tenant.id && tenant.owns(generation, self.created_at)
    }

    /// Whether it goes on, as far as the table tells.
    pub fn is_running(&self) -> bool {
        self.status == TaskStatus::Running
    }

    /// Whether it shows no progress any more.
    pub fn is_stalled(&self, now: Timestamp) -> bool {
        let quiet = now.duration_since(self.updated_at);
        self.is_running() && quiet.as_secs() >= STALLED_AFTER.as_secs() as i64
    }
}

/// What travels on the tasks queue: make one more page of this task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskMessage {
    pub account: AccountId,
    pub task: TaskId,
}

impl TaskMessage {
    /// As it is sent, visible after `delay`.
    pub fn outgoing(&self, delay: Duration) -> Outgoing {
        // Two ids: nothing that could fail to serialize.
        let body = serde_json::to_string(self).unwrap_or_default();
        // One account's tasks don't hold up another's.
        Outgoing { body, group: Some(self.account.to_string()), delay, ..Outgoing::default() }
    }
}
