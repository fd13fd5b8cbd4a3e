//! One port for three services: who is meant follows from the target header or the path.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::{get, post};

use posthorn_shared::clock::Clock;

use super::access::Access;
use super::{LocalAws, dynamodb, scheduler, sqs};

/// Bytes. DynamoDB takes 16 MB in one `BatchWriteItem`, which is the most of all actions.
pub(super) const MAX_BODY: usize = 17 * 1024 * 1024;

/// What a service answers.
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// The query protocol's name of an error (SQS).
    pub query_error: Option<String>,
    /// The REST protocol's name of an error (Scheduler).
    pub error_type: Option<&'static str>,
}

impl Answer {
    /// An answer of the AWS JSON 1.0 protocol.
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        let content_type = "application/x-amz-json-1.0";
        Self { status, content_type, body, query_error: None, error_type: None }
    }

    /// An answer of the REST JSON protocol.
    pub fn rest(status: u16, body: Vec<u8>) -> Self {
        Self { content_type: "application/json", ..Self::json(status, body) }
    }

    /// An error of the AWS JSON 1.0 protocol.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        let body = serde_json::json!({"__type": kind, "message": message});
        Self::json(status, body.to_string().into_bytes())
    }

    /// As each service says that there were too many calls.
    fn throttled(target: &str) -> Self {
        let message = "Rate exceeded (POSTHORN_AWS_THROTTLE).";
        if target.starts_with(sqs::TARGET) {
            return Self::error(403, "com.amazonaws.sqs#RequestThrottled", message);
        }
        if target.is_empty() {
            let body = serde_json::json!({ "message": message }).to_string().into_bytes();
            return Self { error_type: Some("ThrottlingException"), ..Self::rest(429, body) };
        }
        let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
        Self::error(400, kind, message)
    }

    fn into_response(self) -> Response<Body> {
        static REQUESTS: AtomicU64 = AtomicU64::new(1);
        let request_id = REQUESTS.fetch_add(1, Ordering::Relaxed);
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert("x-amzn-requestid", HeaderValue::from(request_id));
        if let Some(error_type) = self.error_type {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(error_type));
        }
        if let Some(value) = self.query_error.and_then(|error| HeaderValue::try_from(error).ok()) {
            headers.insert("x-amzn-query-error", value);
        }
        response
    }
}

/// Every route of the port, for those who have access.
pub fn router(aws: LocalAws, access: Access) -> Router {
    Router::new()
        .route("/_posthorn/meter", get(read_meter))
        .route("/_posthorn/meter/reset", post(reset_meter))
        .fallback(serve)
        .layer(from_fn_with_state(Arc::new(access), admit))
        .with_state(aws)
}

async fn admit(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response<Body> {
    match access.admit(request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn read_meter(State(aws): State<LocalAws>) -> axum::Json<super::meter::Counts> {
    axum::Json(aws.meter.read())
}

async fn reset_meter(State(aws): State<LocalAws>) -> StatusCode {
    aws.meter.reset();
    StatusCode::NO_CONTENT
}

/// Whether it is among the calls that functions live on, not one that makes tables or queues.
fn is_throttled(operation: &str) -> bool {
    !["Table", "TimeToLive", "Backups", "Queue"].iter().any(|part| operation.contains(part))
}

fn chance() -> f64 {
    Clock::system().random_unit()
}

async fn serve(State(aws): State<LocalAws>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // All of it is there: who signs a request signs its body.
    let body = axum::body::to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let target = header("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    if aws.throttle > 0.0 && is_throttled(operation) && chance() < aws.throttle {
        return Answer::throttled(target).into_response();
    }
    let answer = if let Some(action) = target.strip_prefix(sqs::TARGET) {
        let host = header("host").or_else(|| parts.uri.authority().map(|a| a.as_str()));
        let endpoint = format!("http://{}", host.unwrap_or("127.0.0.1:4566"));
        aws.sqs.answer(action, body, &endpoint).await
    } else if let Some(operation) = dynamodb::operation(target) {
        aws.dynamodb.answer(operation, body).await
    } else if scheduler::is_path(parts.uri.path()) {
        aws.scheduler.answer(&parts.method, &parts.uri, body).await
    } else {
        Answer::error(
            404,
            "com.amazon.coral.service#UnknownOperationException",
            "This port serves DynamoDB, SQS (AWS JSON protocol) and EventBridge Scheduler.",
        )
    };
    answer.into_response()
}
