//! Limits the memory that the request bodies of a port take. Bodies that would take more wait until
//! requests are answered. If that takes too long, the largest body that is still being received is given
//! up. It may be an honest one: many clients that each hold a smaller body back can keep larger ones out.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Bytes of all bodies together.
pub const MAX_BYTES: usize = 48 * 1024 * 1024;
/// How long bodies wait before one is given up.
const PATIENCE: Duration = Duration::from_millis(500);

/// The memory of all bodies.
pub struct BodyMemory {
    max: usize,
    bodies: Mutex<Bodies>,
    /// Some were freed.
    freed: Notify,
}

#[derive(Default)]
struct Bodies {
    taken: usize,
    next: u64,
    shares: BTreeMap<u64, Taken>,
}

/// What one body takes.
struct Taken {
    bytes: usize,
    is_complete: bool,
    given_up: Arc<Notify>,
}

/// The part of one request. It is free again when this is dropped.
pub struct Share {
    memory: Arc<BodyMemory>,
    number: u64,
    given_up: Arc<Notify>,
}

/// Others need the memory that this body took.
#[derive(Debug, thiserror::Error)]
#[error("too many large requests at once")]
pub struct GivenUp;

impl BodyMemory {
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, bodies: Mutex::default(), freed: Notify::new() })
    }

    /// For a request that begins.
    pub fn share(self: &Arc<Self>) -> Share {
        let given_up = Arc::new(Notify::new());
        let mut bodies = self.lock();
        let number = bodies.next;
        bodies.next += 1;
        let taken = Taken { bytes: 0, is_complete: false, given_up: Arc::clone(&given_up) };
        bodies.shares.insert(number, taken);
        Share { memory: Arc::clone(self), number, given_up }
    }

    fn lock(&self) -> MutexGuard<'_, Bodies> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up the largest body that is not complete.
    fn give_up_one(&self) {
        let mut bodies = self.lock();
        let frees = |taken: &Taken| !taken.is_complete && taken.bytes > 0;
        let incomplete = bodies.shares.iter().filter(|(_, taken)| frees(taken));
        let Some(number) = incomplete.max_by_key(|(_, taken)| taken.bytes).map(|(n, _)| *n) else {
            return;
        };
        if let Some(taken) = bodies.shares.remove(&number) {
            bodies.taken -= taken.bytes;
            taken.given_up.notify_one();
            tracing::warn!(
                bytes = taken.bytes,
                "a request body was given up: bodies take too much memory"
            );
        }
        drop(bodies);
        self.freed.notify_waiters();
    }
}

impl Share {
    /// Whether the body was given up.
    pub fn is_given_up(&self) -> bool {
        !self.memory.lock().shares.contains_key(&self.number)
    }

    /// Takes memory, as soon as there is some.
    async fn take(&self, bytes: usize) -> Result<(), GivenUp> {
        let mut patient_until = Instant::now() + PATIENCE;
        loop {
            let mut freed = pin!(self.memory.freed.notified());
            freed.as_mut().enable();
            if self.try_take(bytes)? {
                return Ok(());
            }
            // Of those that have waited, only the first gives one up: that may do for all.
            if patient_until <= Instant::now() {
                self.memory.give_up_one();
                patient_until = Instant::now() + PATIENCE;
            }
            // What is freed may be too little, or taken by others: that is no reason to wait longer.
            let _ = tokio::time::timeout_at(patient_until, freed).await;
        }
    }

    /// The same, unless there is none at once.
    fn try_take(&self, bytes: usize) -> Result<bool, GivenUp> {
        let mut bodies = self.memory.lock();
        let fits = bodies.taken + bytes <= self.memory.max;
        let taken = bodies.shares.get_mut(&self.number).ok_or(GivenUp)?;
        if fits {
            taken.bytes += bytes;
            bodies.taken += bytes;
        }
        Ok(fits)
    }

    fn complete(&self) {
        if let Some(taken) = self.memory.lock().shares.get_mut(&self.number) {
            taken.is_complete = true;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut bodies = self.memory.lock();
        let Some(taken) = bodies.shares.remove(&self.number) else {
            return;
        };
        bodies.taken -= taken.bytes;
        drop(bodies);
        if taken.bytes > 0 {
            self.memory.freed.notify_waiters();
        }
    }
}

/// A body that takes its share.
struct Counted {
    frames: BoxStream<'static, Result<Bytes, BoxError>>,
    left: SizeHint,
    has_ended: bool,
}

/// The body, whose bytes are counted as they come.
pub fn counted(body: Body, share: Arc<Share>) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let left = body.size_hint();
    let frames = stream::unfold(body.into_data_stream(), move |mut body| {
        let share = Arc::clone(&share);
        async move {
            let came = tokio::select! {
                came = body.next() => came,
                () = share.given_up.notified() => Some(Err(axum::Error::new(GivenUp))),
            };
            let bytes = match came {
                Some(Ok(bytes)) => {
                    share.take(bytes.len()).await.map(|()| bytes).map_err(Into::into)
                }
                Some(Err(error)) => Err(error.into()),
                None => {
                    share.complete();
                    return None;
                }
            };
            Some((bytes, body))
        }
    });
    Body::new(Counted { frames: frames.boxed(), left, has_ended: false })
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = self.frames.poll_next_unpin(cx);
        match &polled {
            Poll::Ready(Some(Ok(bytes))) => self.left = less(&self.left, bytes.len() as u64),
            Poll::Ready(None | Some(Err(_))) => self.has_ended = true,
            Poll::Pending => {}
        }
        polled.map(|came| came.map(|came| came.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }

    fn size_hint(&self) -> SizeHint {
        self.left
    }
}

/// What is left to come after so many bytes.
fn less(hint: &SizeHint, bytes: u64) -> SizeHint {
    let mut left = SizeHint::new();
    left.set_lower(hint.lower().saturating_sub(bytes));
    if let Some(upper) = hint.upper() {
        left.set_upper(upper.saturating_sub(bytes));
    }
    left
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn endless(chunk: usize) -> Body {
        let chunks = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b'x'; chunk]))]);
        Body::from_stream(chunks.chain(stream::pending()))
    }

    async fn read(body: Body) -> Result<usize, String> {
        let read = axum::body::to_bytes(body, usize::MAX).await;
        read.map(|bytes| bytes.len()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_largest_body_that_does_not_end_is_given_up_for_those_that_wait() {
        let memory = BodyMemory::new(1_000);
        let begin = |chunk| {
            let share = Arc::new(memory.share());
            (tokio::spawn(read(counted(endless(chunk), Arc::clone(&share)))), share)
        };
        let (large, large_share) = begin(600);
        let (small, small_share) = begin(300);
        tokio::task::yield_now().await;
        let share = Arc::new(memory.share());
        let waited = read(counted(Body::from(vec![b'x'; 500]), Arc::clone(&share))).await;
        assert_eq!(waited, Ok(500));
        assert!(large_share.is_given_up() && !small_share.is_given_up());
        let error = large.await.unwrap().unwrap_err();
        assert!(error.contains("too many large requests"), "{error}");
        assert!(!small.is_finished());
        small.abort();

        // What is complete is not given up, but waited for.
        drop((large_share, small_share));
        let next = Arc::new(memory.share());
        let waiting = tokio::spawn(read(counted(Body::from(vec![b'x'; 900]), next)));
        tokio::time::sleep(PATIENCE * 2).await;
        assert!(!waiting.is_finished() && !share.is_given_up());
        drop(share);
        assert_eq!(waiting.await.unwrap(), Ok(900));
        assert_eq!(memory.lock().taken, 0);
    }

    #[tokio::test]
    async fn bodies_that_come_and_go_make_nobody_wait_longer() {
        let memory = BodyMemory::new(1_000);
        let large = tokio::spawn(read(counted(endless(900), Arc::new(memory.share()))));
        tokio::task::yield_now().await;
        let passing = tokio::spawn({
            let memory = Arc::clone(&memory);
            async move {
                loop {
                    let _ = read(counted(Body::from("x"), Arc::new(memory.share()))).await;
                    tokio::time::sleep(PATIENCE / 10).await;
                }
            }
        });
        let body = counted(Body::from(vec![b'x'; 300]), Arc::new(memory.share()));
        let waited = tokio::time::timeout(PATIENCE * 20, read(body)).await;
        assert_eq!(waited, Ok(Ok(300)));
        assert!(large.await.unwrap().is_err());
        passing.abort();
    }

    #[tokio::test]
    async fn a_body_says_how_much_is_left_of_it() {
        let memory = BodyMemory::new(1_000);
        let mut body = counted(Body::from("four"), Arc::new(memory.share()));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(4), false));
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "four");
        assert_eq!(body.size_hint().exact(), Some(0));
    }
}
