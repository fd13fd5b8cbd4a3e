//! Takes deliveries in: verify → enter → answer.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use jiff::Timestamp;

use super::Listener;
use super::answers::Why;
use super::delivery::{Delivery, Outcome, Repeat};
use super::line::{Arrived, HungUp};
use crate::verification::{Identity, Refusal, Verdict};

/// Bytes of a body that are read: four times what an event may have.
const MAX_BODY: usize = 1024 * 1024;

/// Any request that is not for the page.
pub async fn receive(State(listener): State<Arc<Listener>>, request: Request<Body>) -> Response {
    if request.method() != Method::POST {
        let hint = "Deliveries are POSTed here, to any path.\n";
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")], hint).into_response();
    }
    let (head, body) = request.into_parts();
    let Some((body, is_cut)) = read(body).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let delivery = listener.enter(target, head.headers, body, is_cut);
    listener.print(Arrived(&delivery));
    let (number, answer) = (delivery.number, delivery.answer);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let why = match answer.why {
        _ if matches!(answer.status, 204 | 205 | 304) => String::new(),
        Why::AsSet => format!("posthorn listen: as set, {status}\n"),
        Why::AtRandom => format!("posthorn listen: at random, {status}\n"),
        Why::NotVerified => format!("posthorn listen: {}\n", delivery.verdict.headline()),
    };
    // The book keeps as many as it may; a body is not kept once more for as long as the answer takes.
    drop(delivery);
    let answering = Answering { listener: &listener, number, since: Instant::now() };
    tokio::time::sleep(answer.delay()).await;
    answering.done();
    (status, why).into_response()
}

impl Listener {
    fn enter(&self, target: String, headers: HeaderMap, body: Bytes, is_cut: bool) -> Delivery {
        let now = Timestamp::now();
        let identity = Identity::read(&self.verifier.dialect, &headers, &body);
        let verdict = match is_cut {
            true => Verdict::Refused(Refusal::TooLarge { limit: MAX_BODY }),
            false => self.verifier.verify(&headers, &body, &identity, now),
        };
        let refused = match &verdict {
            Verdict::Refused(refusal) => Some(refusal.status()),
            Verdict::Verified { .. } | Verdict::Unchecked => None,
        };
        let answer = self.book.answers().choose(refused, self.clock.random_unit());
        self.book.enter(Delivery {
            number: 0,
            at: now,
            target,
            headers,
            body,
            is_cut,
            identity,
            verdict,
            repeat: Repeat::First,
            answer,
            outcome: Outcome::Waiting,
        })
    }
}

/// The body, and whether it went on: what is too much is forgotten, for a sender that is interrupted
/// gets no answer. `None`: the connection broke.
async fn read(mut body: Body) -> Option<(Bytes, bool)> {
    let (mut read, mut is_cut) = (BytesMut::new(), false);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        let room = MAX_BODY - read.len();
        read.extend_from_slice(&data[..data.len().min(room)]);
        is_cut |= data.len() > room;
    }
    Some((read.freeze(), is_cut))
}

/// An answer that is under way. Dropped when the sender hangs up.
struct Answering<'a> {
    listener: &'a Listener,
    number: u64,
    since: Instant,
}

impl Answering<'_> {
    fn done(self) {
        self.listener.book.close(self.number, Outcome::Answered);
        std::mem::forget(self);
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.listener.book.close(self.number, Outcome::HungUp);
        self.listener.print(HungUp { number: self.number, after: self.since.elapsed() });
    }
}
