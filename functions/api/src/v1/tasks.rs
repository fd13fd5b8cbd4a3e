//! Recovers, replays of what is missing, and how far they are.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use posthorn_shared::api_key::Scope;
use posthorn_shared::ids::{EndpointId, TaskId};
use posthorn_shared::task::{Task, TaskKind, TaskStatus};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::body::RequestBody;
use crate::extract::Path;
use crate::fields::Fields;
use crate::operations::{endpoints, tasks};
use crate::problem::Refusal;
use crate::state::ApiState;
use crate::v1::requests::Window;

/// A task that was started.
#[derive(Serialize, ToSchema)]
pub struct Started {
    task_id: TaskId,
}

/// A task as it is shown.
#[derive(Serialize, ToSchema)]
#[schema(as = Task)]
pub struct TaskView {
    id: TaskId,
    kind: TaskKind,
    status: TaskStatus,
    endpoint_id: EndpointId,
    since: Timestamp,
    until: Timestamp,
    /// Failed deliveries, or events, that were looked at so far.
    examined: u64,
    /// Deliveries that were put on their way so far.
    sent: u64,
    created_at: Timestamp,
    /// The last progress.
    updated_at: Timestamp,
}

impl TaskView {
    fn new(task: Task, now: Timestamp) -> Self {
        Self {
            status: if task.is_stalled(now) { TaskStatus::Stalled } else { task.status },
            id: task.id,
            kind: task.kind,
            endpoint_id: task.endpoint,
            since: task.since,
            until: task.until,
            examined: task.examined,
            sent: task.sent,
            created_at: task.created_at,
            updated_at: task.updated_at,
        }
    }
}

/// Resends every failed delivery of a window, oldest first: one attempt each. One task of a kind
/// runs for an endpoint at a time.
#[utoipa::path(post, operation_id = "recover", path = "/v1/endpoints/{id}/recover", tag = "tasks",
    params(("id" = EndpointId, Path)),
    request_body = Window, responses((status = 202, body = Started)))]
pub async fn recover(
    caller: Caller,
    state: State<ApiState>,
    id: Path<String>,
    body: RequestBody,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    start(caller, state, id, body, TaskKind::Recover).await
}

/// Sends the events of a window that this endpoint subscribes to and never got: from before it was
/// created, while it was switched off, or of types it subscribed to later. Newest first.
#[utoipa::path(post, operation_id = "replay_missing", path = "/v1/endpoints/{id}/replay-missing", tag = "tasks",
    params(("id" = EndpointId, Path)),
    request_body = Window, responses((status = 202, body = Started)))]
pub async fn replay_missing(
    caller: Caller,
    state: State<ApiState>,
    id: Path<String>,
    body: RequestBody,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    start(caller, state, id, body, TaskKind::ReplayMissing).await
}

async fn start(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    body: RequestBody,
    kind: TaskKind,
) -> Result<(StatusCode, Json<Started>), Refusal> {
    let account = caller.account(Scope::Manage)?;
    let endpoint = endpoints::find(&state, account, &id).await?;
    let task_id = tasks::start(&state, &endpoint, kind, Fields::parse(&body)?).await?;
    Ok((StatusCode::ACCEPTED, Json(Started { task_id })))
}

/// How far a recover or a replay is.
#[utoipa::path(get, operation_id = "get_task", path = "/v1/tasks/{id}", tag = "tasks",
    params(("id" = TaskId, Path)), responses((status = 200, body = TaskView)))]
pub async fn show(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<TaskView>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let task = tasks::find(&state, account, &id).await?;
    Ok(Json(TaskView::new(task, state.runtime.clock.now())))
}
