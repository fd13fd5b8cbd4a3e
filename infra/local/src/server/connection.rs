//! One connection: whose turn it is, and what that side has time for.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::EXPECT;
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use posthorn_api::Refusal;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt;

use super::body_memory::{GivenUp, counted};
use super::room::Place;
use super::timed_body::timed;
use super::unread_body::lend;
use super::{IDLE, Limits, Port, stopped};

/// Size of a connection's read buffer, in bytes: at most as much of a body is in memory and not counted
/// yet. A head may be somewhat larger.
const MAX_BUFFER: usize = 64 * 1024;

/// Serves a connection until it ends, its client has had its time, its place is wanted, or `stop`.
pub async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    port: Port,
    mut stop: Option<watch::Receiver<bool>>,
) {
    let Port { router, memory, limits } = port;
    let turn = Arc::new(Turn::new(place));
    let mut changes = turn.state.subscribe();
    let answering = Arc::clone(&turn);
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = Answering::begin(&answering);
        // A client that waits to be asked for its body sends none until it is.
        let asks_first = request.headers().contains_key(EXPECT);
        let (parts, body) = request.into_parts();
        let share = Arc::new(memory.share());
        let (body, unread) = lend(timed(body, limits.body));
        let body = counted(body, Arc::clone(&share));
        let mut request = Request::from_parts(parts, body);
        // The API logs where requests come from.
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = router.clone().oneshot(request);
        async move {
            let answer = answer.await;
            let answer = match share.is_given_up() {
                false => answer,
                true => Ok(Refusal::Unavailable(GivenUp.to_string()).into_response()),
            };
            drop(share);
            if !asks_first {
                unread.discard().await;
            }
            answer.map(|answer| answer.map(|body| TakenBody { body, _answering: answering }))
        }
    });
    // Not hyper's `header_read_timeout`, which also ends connections between two requests, and which
    // nobody can read the turn from.
    let io = TokioIo::new(Overheard { stream, turn: Arc::clone(&turn) });
    let mut server = http1::Builder::new();
    server.max_buf_size(MAX_BUFFER);
    let mut connection = pin!(server.serve_connection(io, service));
    let mut is_stopping = false;
    loop {
        let now = *changes.borrow_and_update();
        // hyper itself ends those that have had a request; this one was silent from the beginning.
        if is_stopping && now.waits_since.is_some() {
            break;
        }
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                break;
            }
            // The sender is in `turn`, so it is there.
            _ = changes.changed() => {}
            () = passed(now.deadline(&limits)) => {
                tracing::debug!("a connection was closed, since its client took too long");
                break;
            }
            () = turn.place.must_end() => break,
            () = stopped(&mut stop), if !is_stopping => {
                is_stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What both sides of a connection are at.
#[derive(Debug, Clone, Copy)]
struct State {
    /// When the wait for a request's head began; `None`: a request is being answered.
    waits_since: Option<Instant>,
    /// Whether that head has begun, or has to come at once, as the first one does.
    has_begun: bool,
    /// Whether hyper has all of the answer.
    is_handed_over: bool,
    /// Since when the client has taken nothing, although there is something to send.
    stuck_since: Option<Instant>,
}

impl State {
    /// Until when the client has to do something.
    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let patience = if self.has_begun { limits.head } else { IDLE };
        let waits = self.waits_since.map(|since| since + patience);
        let stuck = self.stuck_since.map(|since| since + limits.body);
        [waits, stuck].into_iter().flatten().min()
    }
}

/// Whose turn it is.
struct Turn {
    place: Place,
    state: watch::Sender<State>,
}

impl Turn {
    /// The client's: it has just come.
    fn new(place: Place) -> Self {
        place.wait();
        let waits_since = Some(Instant::now());
        let state =
            State { waits_since, has_begun: true, is_handed_over: false, stuck_since: None };
        Self { place, state: watch::Sender::new(state) }
    }

    /// A head has come.
    fn answer(&self) {
        self.place.work();
        self.state.send_modify(|state| {
            state.waits_since = None;
            state.is_handed_over = false;
        });
    }

    /// The answer is complete. What is left of it is hyper's to send.
    fn hand_over(&self) {
        self.state.send_if_modified(|state| {
            state.is_handed_over = true;
            false
        });
    }

    /// All that hyper had to send is sent.
    fn flushed(&self) {
        let waits = self.state.send_if_modified(|state| {
            let waits = state.is_handed_over && state.waits_since.is_none();
            if waits {
                state.waits_since = Some(Instant::now());
                state.has_begun = false;
            }
            waits
        });
        if waits {
            self.place.wait();
        }
    }

    /// The client has sent something.
    fn heard(&self) {
        self.state.send_if_modified(|state| {
            let begins = state.waits_since.is_some() && !state.has_begun;
            if begins {
                state.waits_since = Some(Instant::now());
                state.has_begun = true;
            }
            begins
        });
    }

    /// The client has taken something, or has not.
    fn spoke(&self, is_stuck: bool) {
        self.state.send_if_modified(|state| {
            let changes = state.stuck_since.is_some() != is_stuck;
            if changes {
                state.stuck_since = is_stuck.then(Instant::now);
            }
            changes
        });
    }
}

/// A request that is being answered, up to the last of its body, or to whatever ends it before.
struct Answering(Arc<Turn>);

impl Answering {
    fn begin(turn: &Arc<Turn>) -> Self {
        turn.answer();
        Self(Arc::clone(turn))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.hand_over();
    }
}

/// A response's body.
struct TakenBody {
    body: Body,
    _answering: Answering,
}

impl HttpBody for TakenBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that notes when something comes or goes.
struct Overheard {
    stream: TcpStream,
    turn: Arc<Turn>,
}

impl Overheard {
    fn sent<T>(&self, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.turn.spoke(sent.is_pending());
        sent
    }
}

impl AsyncRead for Overheard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.turn.heard();
        }
        read
    }
}

impl AsyncWrite for Overheard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.sent(sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.sent(sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.turn.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
