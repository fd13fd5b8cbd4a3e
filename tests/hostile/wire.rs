//! HTTP/1.1 as bytes: requests that no client library sends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

/// Bytes of an answer that are read; longer ones are cut.
const MAX_READ: usize = 16 * 1024 * 1024;

/// An answer as it came.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// Whether head or body contains this text.
    pub fn contains(&self, text: &str) -> bool {
        self.head.contains(text) || contains(&self.body, text)
    }
}

/// How a request ended.
#[derive(Debug)]
pub enum Outcome {
    Answered(Reply),
    /// The server closed the connection without a whole answer.
    Closed,
    /// Neither an answer nor an end in time.
    Silent,
}

/// Whether these bytes contain a text.
pub fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}

/// The host and port of a URL of this machine.
///
/// # Panics
/// When it is another URL.
pub fn address(url: &str) -> &str {
    url.strip_prefix("http://").expect("a plain http URL")
}

/// Sends these bytes and reads the first answer. `hangs_up`: the sending half is closed afterwards, as a
/// client does that breaks off.
pub async fn exchange(address: &str, bytes: &[u8], hangs_up: bool, patience: Duration) -> Outcome {
    tokio::time::timeout(patience, converse(address, bytes, hangs_up))
        .await
        .unwrap_or(Outcome::Silent)
}

async fn converse(address: &str, bytes: &[u8], hangs_up: bool) -> Outcome {
    let Ok(stream) = TcpStream::connect(address).await else {
        return Outcome::Closed;
    };
    let (from, mut to) = stream.into_split();
    let write = async {
        // A server that has answered need not read the rest.
        let written = to.write_all(bytes).await;
        if hangs_up && written.is_ok() {
            let _ = to.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    let has_body = !bytes.starts_with(b"HEAD ");
    let mut incoming = Incoming::new(from);
    tokio::select! {
        () = write => Outcome::Closed,
        reply = incoming.reply(has_body) => reply.map_or(Outcome::Closed, Outcome::Answered),
    }
}

/// The value of a header of a head.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// The receiving half of a connection, and what of it was read but not used.
pub struct Incoming {
    from: OwnedReadHalf,
    buffer: Vec<u8>,
}

impl Incoming {
    pub fn new(from: OwnedReadHalf) -> Self {
        Self { from, buffer: Vec::new() }
    }

    /// The first answer that is not an interim one; `None`: the connection ended before its end.
    async fn reply(&mut self, has_body: bool) -> Option<Reply> {
        loop {
            let head = self.through(b"\r\n\r\n").await?;
            let head = String::from_utf8_lossy(&head).into_owned();
            let status: u16 = head.split(' ').nth(1)?.get(..3)?.parse().ok()?;
            if (100..200).contains(&status) {
                continue;
            }
            let body = if !has_body || matches!(status, 204 | 304) {
                Vec::new()
            } else if header(&head, "transfer-encoding").is_some() {
                self.chunks().await?
            } else if let Some(length) = header(&head, "content-length") {
                self.exactly(length.parse().ok()?).await?
            } else {
                while self.more().await {}
                std::mem::take(&mut self.buffer)
            };
            return Some(Reply { status, head, body });
        }
    }

    /// Reads on; false at the end.
    async fn more(&mut self) -> bool {
        self.buffer.len() < MAX_READ
            && matches!(self.from.read_buf(&mut self.buffer).await, Ok(count) if count > 0)
    }

    /// What comes up to the end of these bytes; `None`: the connection ended before.
    pub async fn through(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            let found = self.buffer.windows(end.len()).position(|window| window == end);
            if let Some(at) = found {
                return Some(self.buffer.drain(..at + end.len()).collect());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// So many bytes; `None`: the connection ended before.
    pub async fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.more().await {
                return None;
            }
        }
        Some(self.buffer.drain(..length).collect())
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.through(b"\r\n").await?;
            let line = String::from_utf8_lossy(&line);
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).ok()?;
            let chunk = self.exactly(size + 2).await?;
            if size == 0 || body.len() > MAX_READ {
                return Some(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
}
