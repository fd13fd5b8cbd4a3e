//! The page that shows deliveries as they come: its files, its data and its stream.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::header::{HeaderName, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::Listener;
use super::answers::Answers;
use super::receive::receive;
use crate::door::Door;

/// What is below it is no delivery.
pub const PREFIX: &str = "/_posthorn";

/// Payloads are hostile: even if one came to be taken for a part of the page, nothing of it would run
/// or be loaded.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Path, media type, text.
const FILES: [(&str, &str, &str); 4] = [
    ("/", "text/html; charset=utf-8", include_str!("../../assets/listen/page.html")),
    ("/icon.svg", "image/svg+xml", include_str!("../../assets/listen/icon.svg")),
    ("/page.css", "text/css; charset=utf-8", include_str!("../../assets/listen/page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("../../assets/listen/page.js")),
];

/// The routes of the page, for those whom the door lets in.
pub fn routes(door: Door) -> Router<Arc<Listener>> {
    let at = |path: &str| format!("{PREFIX}{path}");
    let mut page = Router::new()
        .route(&at("/stream"), get(follow))
        .route(&at("/deliveries"), get(list))
        .route(&at("/deliveries/{number}"), get(show))
        .route(&at("/answers"), get(answers).put(change_answers))
        .route(&at("/{*rest}"), any(StatusCode::NOT_FOUND));
    for (path, media_type, text) in FILES {
        page = page.route(&at(path), get(move || file(media_type, text)));
    }
    let entrance = || async { Redirect::temporary(&format!("{PREFIX}/")) };
    page.route_layer(from_fn_with_state(door, guard))
        .route(PREFIX, get(entrance))
        .route("/", get(entrance).post(receive))
}

/// Lets in who may see the page, and says of every answer how to treat it.
async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    let mut response = match door.check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(closed) => (StatusCode::FORBIDDEN, format!("{closed}\n")).into_response(),
    };
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn file(media_type: &'static str, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// Everything that is kept, then everything that happens.
async fn follow(
    State(listener): State<Arc<Listener>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let start = event("start", &listener.introduction());
    let changes = listener.book.watch();
    let news = stream::unfold((listener, changes, 0), |(listener, mut changes, seen)| async move {
        let mut seen = seen;
        if seen > 0 {
            changes.changed().await.ok()?;
        }
        changes.mark_unchanged();
        let news = listener.book.news(seen);
        seen = news.change;
        let answers = news.answers.map(|answers| event("answers", &json!(answers)));
        let deliveries = news.deliveries.iter().map(|one| event("delivery", &one.summary()));
        let events: Vec<Event> = answers.into_iter().chain(deliveries).collect();
        Some((stream::iter(events), (listener, changes, seen)))
    });
    let all = stream::iter([start]).chain(news.flatten());
    Sse::new(all.map(Ok)).keep_alive(KeepAlive::default())
}

fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// Every delivery that is kept, the newest first.
async fn list(State(listener): State<Arc<Listener>>) -> Json<Value> {
    let deliveries = listener.book.deliveries();
    let all: Vec<Value> = deliveries.iter().map(super::delivery::Delivery::summary).collect();
    Json(json!({ "data": all }))
}

async fn show(State(listener): State<Arc<Listener>>, Path(number): Path<u64>) -> Response {
    match listener.book.delivery(number) {
        Some(delivery) => Json(delivery.detail(&listener.base)).into_response(),
        None => {
            let gone = format!("there is no delivery {number}, or it is no longer kept\n");
            (StatusCode::NOT_FOUND, gone).into_response()
        }
    }
}

async fn answers(State(listener): State<Arc<Listener>>) -> Json<Answers> {
    Json(listener.book.answers())
}

async fn change_answers(State(listener): State<Arc<Listener>>, body: Bytes) -> Response {
    let answers: Answers = match serde_json::from_slice(&body) {
        Ok(answers) => answers,
        Err(error) => {
            let problem = json!({ "errors": [{ "field": null, "detail": error.to_string() }] });
            return (StatusCode::BAD_REQUEST, Json(problem)).into_response();
        }
    };
    let problems = answers.problems();
    if !problems.is_empty() {
        let errors: Vec<Value> = problems
            .iter()
            .map(|(field, detail)| json!({ "field": field, "detail": detail }))
            .collect();
        let problem = json!({ "errors": errors });
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(problem)).into_response();
    }
    listener.book.set_answers(answers);
    Json(answers).into_response()
}
