//! A receiver that behaves for the accounts that are watched, and for all others as badly as it can.
//! It keeps nothing but what it got and should not have.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::deflate;
use crate::wire::{Incoming, contains, header};

/// Deliveries at this path get no answer in time.
pub const HANGS: &str = "hangs";

const WELL: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// The receiver. It stops when it is dropped.
pub struct Sink {
    base: String,
    known: Arc<Mutex<Known>>,
    server: JoinHandle<()>,
}

/// What it knows of the accounts, and what it has found.
#[derive(Default)]
struct Known {
    /// Accounts that get good answers.
    watched: Vec<String>,
    /// What only deliveries of an account may contain.
    marks: Vec<(String, String)>,
    leaks: Vec<String>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Sink {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("its address"));
        let known = Arc::new(Mutex::new(Known::default()));
        let served = Arc::clone(&known);
        let server = tokio::spawn(async move {
            let turn = Arc::new(AtomicUsize::new(0));
            while let Ok((stream, _)) = listener.accept().await {
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&served), turn));
            }
        });
        Self { base, known, server }
    }

    /// Where an account's endpoints are.
    pub fn url(&self, account: &str) -> String {
        format!("{}/{account}", self.base)
    }

    /// Its port.
    pub fn port(&self) -> &str {
        self.base.rsplit(':').next().unwrap_or_default()
    }

    /// Answers this account's deliveries well.
    pub fn watch(&self, account: &str) {
        self.with(|known| known.watched.push(account.to_owned()));
    }

    /// Looks for a mark of this account in all deliveries that are not its own.
    pub fn mark(&self, account: &str, mark: &str) {
        self.with(|known| known.marks.push((account.to_owned(), mark.to_owned())));
    }

    /// Deliveries with something of another account.
    pub fn leaks(&self) -> Vec<String> {
        self.with(|known| known.leaks.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.known.lock().expect("no panic while it was held"))
    }
}

async fn serve(stream: TcpStream, known: Arc<Mutex<Known>>, turn: usize) {
    let (from, mut to) = stream.into_split();
    let mut incoming = Incoming::new(from);
    let Some(head) = incoming.through(b"\r\n\r\n").await else { return };
    let text = String::from_utf8_lossy(&head).into_owned();
    let length = header(&text, "content-length").and_then(|length| length.parse().ok());
    let Some(body) = incoming.exactly(length.unwrap_or_default()).await else { return };
    let path = text.split(' ').nth(1).unwrap_or_default();
    let account = path.trim_start_matches('/');
    let behaves = {
        let mut known = known.lock().expect("no panic while it was held");
        let foreign = known.marks.iter().filter(|(owner, _)| owner != account);
        let found = foreign.filter(|(_, mark)| contains(&head, mark) || contains(&body, mark));
        let found: Vec<String> = found.map(|(owner, _)| format!("{owner}'s at {path}")).collect();
        known.leaks.extend(found);
        known.watched.iter().any(|watched| watched == account)
    };
    if account == HANGS {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    // A client that goes away in the middle is what is to be expected.
    let _ = if behaves { to.write_all(WELL).await } else { misbehave(&mut to, turn).await };
}

/// One answer of many, in turns.
async fn misbehave(to: &mut OwnedWriteHalf, turn: usize) -> std::io::Result<()> {
    match turn % 14 {
        0 | 1 => to.write_all(WELL).await,
        2 => to.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\n<script>\xff").await,
        3 => to.write_all(b"HTTP/1.1 429 No\r\nretry-after: 99999999999999999999\r\n\r\n").await,
        4 => to.write_all(b"HTTP/1.1 302 No\r\nlocation: http://127.0.0.1:4566/\r\n\r\n").await,
        5 => to.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n").await,
        6 => to.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\0\xff\xfe").await,
        7 => to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nshort").await,
        8 => {
            to.write_all(b"HTTP/1.1 200 OK\r\nx-long: ").await?;
            to.write_all(&[b'x'; 512 * 1024]).await?;
            to.write_all(b"\r\n\r\n").await
        }
        9 => to.write_all(&b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".repeat(10_000)).await,
        10 => {
            let body = deflate::zeros(100_000_000);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
            );
            to.write_all(head.as_bytes()).await?;
            to.write_all(&body).await
        }
        // Without an end.
        11 => {
            to.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            loop {
                to.write_all(&[b'x'; 64 * 1024]).await?;
            }
        }
        // A byte at a time.
        12 => {
            for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx" {
                to.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
