//! Serves a router on a port. Clients that are slow, silent or many neither hold what they were given
//! for ever nor keep others out: heads and bodies have to come in time, and the memory of bodies is bounded.
//! Connections are, too; a new one takes the place of the one that has been silent the longest.

mod body_memory;
mod connection;
pub mod descriptors;
mod room;
mod timed_body;
mod unread_body;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::body_memory::BodyMemory;
use self::room::Room;

/// How long a connection may be silent between two requests. Longer than the minute after which
/// proxies and load balancers give up their own: they would send a request on one that is just being
/// closed.
const IDLE: Duration = Duration::from_secs(75);
/// How long to rest when no connection can be accepted, as when descriptors run out.
const REST: Duration = Duration::from_secs(1);
/// A port's connections are one part in so many of the descriptors that may be open. There are two
/// ports; the rest is for deliveries, databases, and the stack's own calls.
const PART_OF_DESCRIPTORS: u64 = 4;

/// What clients of a port are given.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the head of a request, from its first byte on, or from the opening of its connection.
    pub head: Duration,
    /// For the whole body of a request; also for a client to take more of a response.
    pub body: Duration,
    /// Connections at a time.
    pub connections: usize,
}

impl Limits {
    /// The same, with no more connections than go with so many descriptors.
    #[must_use]
    pub fn within(self, descriptors: u64) -> Self {
        let most = usize::try_from(descriptors / PART_OF_DESCRIPTORS).unwrap_or(usize::MAX);
        if most < self.connections {
            tracing::warn!(
                descriptors,
                connections = most,
                "fewer connections than set: raise the limit of open files (ulimit -n)"
            );
        }
        Self { connections: self.connections.min(most.max(1)), ..self }
    }
}

/// What the connections of a port have in common.
struct Port {
    router: Router,
    memory: Arc<BodyMemory>,
    limits: Limits,
}

/// Serves HTTP/1.1 until `stop`, if there is one: then takes no new request, and lets those under way
/// end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stop: Option<watch::Receiver<bool>>,
) {
    let room = Arc::new(Room::new(limits.connections));
    let memory = BodyMemory::new(body_memory::MAX_BYTES);
    let mut connections = JoinSet::new();
    loop {
        let admitted = async {
            let (stream, peer) = accept(&listener).await;
            (stream, peer, room.enter().await)
        };
        let (stream, peer, place) = tokio::select! {
            admitted = admitted => admitted,
            () = stopped(&mut stop) => break,
        };
        while connections.try_join_next().is_some() {}
        let port = Port { router: router.clone(), memory: Arc::clone(&memory), limits };
        connections.spawn(connection::serve(stream, peer, place, port, stop.clone()));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers: waiting to fill a segment only adds latency.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "set_nodelay");
                }
                return (stream, peer);
            }
            // The client was gone before it was accepted.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                tracing::error!(%error, "could not accept a connection");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

/// Waits for the stop. Without one, for ever.
async fn stopped(stop: &mut Option<watch::Receiver<bool>>) {
    match stop {
        // Whoever could say so is gone: the same.
        Some(stop) => drop(stop.wait_for(|stop| *stop).await),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    use super::*;

    const FOREVER: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn a_stop_ends_the_silent_and_waits_for_those_that_are_answered() {
        let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let router = Router::new().route("/", {
            let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
            get(async move || {
                asked.notify_one();
                answer.notified().await;
                "answered"
            })
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits { head: FOREVER, body: FOREVER, connections: 10 };
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, router, limits, Some(stopped)));

        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut begun = TcpStream::connect(address).await.unwrap();
        begun.write_all(b"GET / HT").await.unwrap();
        let mut asking = TcpStream::connect(address).await.unwrap();
        asking.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        asked.notified().await;
        stop.send_replace(true);
        let mut came = String::new();
        for stream in [&mut silent, &mut begun] {
            // What it had sent may not have been read.
            let _ = stream.read_to_string(&mut came).await;
        }
        assert_eq!(came, "");
        assert!(!serving.is_finished());
        answer.notify_one();
        asking.read_to_string(&mut came).await.unwrap();
        assert!(came.starts_with("HTTP/1.1 200") && came.ends_with("answered"), "{came}");
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[test]
    fn connections_are_few_where_descriptors_are() {
        let limits = Limits { head: FOREVER, body: FOREVER, connections: 512 };
        let within = |descriptors| limits.within(descriptors).connections;
        assert_eq!([1, 1_024, 8_192, u64::MAX].map(within), [1, 256, 512, 512]);
    }
}
