//! Recovers and replays: started here, carried out by the retry function.

use std::time::Duration;

use jiff::Timestamp;
use posthorn_shared::endpoint::Endpoint;
use posthorn_shared::ids::TaskId;
use posthorn_shared::queue;
use posthorn_shared::store::Created;
use posthorn_shared::task::{Task, TaskKind, TaskMessage, TaskStatus};
use posthorn_shared::tenant::Tenant;

use crate::fields::Fields;
use crate::operations::sends::refuse_inactive;
use crate::problem::Refusal;
use crate::state::ApiState;

/// How long a task's message waits for the task to be written down.
const HEAD_START: Duration = Duration::from_secs(1);

/// Starts a task over a window of an endpoint's past.
pub async fn start(
    state: &ApiState,
    endpoint: &Endpoint,
    kind: TaskKind,
    mut fields: Fields,
) -> Result<TaskId, Refusal> {
    let clock = &state.runtime.clock;
    let now = clock.now();
    let since: Option<Timestamp> = fields.time("since", true);
    let until = fields.time("until", false).map_or(now, |until| until.min(now));
    if since.is_some_and(|since| since >= until) {
        fields.problem("/since", "is before until, and in the past");
    }
    fields.finish()?;
    let Some(since) = since else {
        return Err(Refusal::Fault);
    };
    refuse_inactive(endpoint)?;
    let task = Task {
        id: TaskId::new(now, clock.random()),
        account: endpoint.account.id.clone(),
        account_created_at: Some(endpoint.account.created_at),
        endpoint: endpoint.id.clone(),
        kind,
        status: TaskStatus::Running,
        since,
        until,
        after: None,
        examined: 0,
        sent: 0,
        created_at: now,
        updated_at: now,
    };
    refuse_second(state, &task).await?;
    // The message first: a task that nobody works on would be in the way of others. A message
    // without a task comes to nothing.
    let message = TaskMessage { account: task.account.clone(), task: task.id.clone() };
    let url = &state.runtime.settings.tasks_queue_url;
    let sent = queue::send_all(&state.runtime.sqs, url, vec![message.outgoing(HEAD_START)]);
    if let Some(Err(error)) = sent.await.pop() {
        return Err(Refusal::Unavailable(error.to_string()));
    }
    match state.store.create_task(&endpoint.account, &task).await? {
        Created::Done => Ok(task.id),
        Created::NoAccount => Err(Refusal::Unknown("account")),
        Created::Taken | Created::Full => {
            refuse_second(state, &task).await?;
            Err(Refusal::Unavailable("another task came in between".to_owned()))
        }
    }
}

async fn refuse_second(state: &ApiState, task: &Task) -> Result<(), Refusal> {
    let Task { endpoint, kind, created_at, .. } = task;
    match state.store.task_under_way(endpoint, *kind, *created_at).await? {
        None => Ok(()),
        Some(other) => Err(Refusal::Conflict(format!(
            "{other} is on for this endpoint; wait for its end: GET /v1/tasks/{other}"
        ))),
    }
}

/// The task, if the account has it.
pub async fn find(state: &ApiState, account: &Tenant, id: &str) -> Result<Task, Refusal> {
    let unknown = || Refusal::Unknown("task");
    let id: TaskId = id.parse().map_err(|_| unknown())?;
    let task = state.store.task(&account.id, &id).await?;
    task.filter(|task| task.is_of(account)).ok_or_else(unknown)
}
