//! Clients that begin a request and do not end it.

use std::process::Command;
use std::time::Duration;

use futures::future::join_all;
use posthorn_end_to_end::{DEADLINE, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Scene, ask};
use crate::confines::Confines;
use crate::wire::{Outcome, address, exchange};

/// Descriptors of the stack: what a process gets where nothing else is set.
const DESCRIPTORS: u32 = 1_024;
const CONNECTIONS: usize = 1_100;
/// Descriptors that the test takes itself.
const OWN_DESCRIPTORS: usize = 2_000;
/// Connections with nearly all of a body each.
const BODIES: usize = 60;
const BODY: usize = 4 * 1024 * 1024 - 1_000;

/// Lets this process have as many connections as the test makes.
fn allow_descriptors() {
    let pid = std::process::id().to_string();
    let limit = format!("--nofile={OWN_DESCRIPTORS}:");
    let set = Command::new("prlimit").args(["--pid", &pid, &limit]).status();
    assert!(set.is_ok_and(|status| status.success()), "ulimit -n {OWN_DESCRIPTORS} is needed");
}

/// Beginnings of requests, by turns.
fn beginnings(key: &str) -> Vec<String> {
    let post = |path: &str, fields: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{fields}content-length: 1000\r\n\r\n")
    };
    vec![
        String::new(),
        "GET".to_owned(),
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-header: ".to_owned(),
        post("/v1/events", &format!("authorization: Bearer {key}\r\n")) + "{\"type\":",
        post("/portal/enter", "content-type: application/x-www-form-urlencoded\r\n") + "session=",
        post("/v1/events", "idempotency-key: one\r\nauthorization: Bearer phk_nobody\r\n") + "{",
    ]
}

/// Opens a connection and sends this much of a request. The server may have closed it already.
async fn begin(address: &str, text: &[u8]) -> Option<TcpStream> {
    let connected = tokio::time::timeout(DEADLINE, TcpStream::connect(address)).await;
    let mut stream = connected.ok()?.ok()?;
    let _ = tokio::time::timeout(DEADLINE, stream.write_all(text)).await;
    Some(stream)
}

/// Waits until the server has ended a connection, with an answer or without.
async fn ended(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    // An end by a reset is one, too.
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await.is_ok()
}

async fn is_well(address: &str) -> Result<(), String> {
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    match exchange(address, request, false, Duration::from_secs(5)).await {
        Outcome::Answered(reply) if reply.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "while a port is full, some connections of others are reset, and their client has to try again"]
async fn requests_that_never_end() {
    allow_descriptors();
    let confines = Confines::of_descriptors(DESCRIPTORS);
    let mut scene = Scene::within(confines, "requests that never end").await;
    let address = address(&scene.stack.api_url).to_owned();
    let beginnings = beginnings(&scene.mallory.key);
    while scene.goes_on() {
        let mut open = Vec::new();
        for number in 0..CONNECTIONS {
            let text = &beginnings[number % beginnings.len()];
            open.extend(begin(&address, text.as_bytes()).await);
        }
        eventually("an answer on a new connection", async || is_well(&address).await).await;
        let all = join_all(open.into_iter().map(ended)).await;
        let held = all.iter().filter(|ended| !**ended).count();
        assert_eq!(held, 0, "of {} connections are open after {DEADLINE:?}", all.len());
    }
    scene.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_end() {
    let mut scene = Scene::set("bodies that never end").await;
    let address = address(&scene.stack.api_url).to_owned();
    let head = |fields: &str| {
        let length = BODY + 1;
        format!(
            "POST /v1/events HTTP/1.1\r\nhost: localhost\r\n{fields}content-length: {length}\r\n\r\n"
        )
    };
    let with_key = head(&format!("authorization: Bearer {}\r\n", scene.mallory.key));
    let of_nobody = head("authorization: Bearer phk_nobody\r\nidempotency-key: one\r\n");
    while scene.goes_on() {
        for head in [&with_key, &of_nobody] {
            let text = [head.as_bytes(), &[b' '; BODY]].concat();
            let open = join_all((0..BODIES).map(|_| begin(&address, &text))).await;
            let all = join_all(open.into_iter().flatten().map(ended)).await;
            let held = all.iter().filter(|ended| !**ended).count();
            assert_eq!(held, 0, "of {} connections are open after {DEADLINE:?}", all.len());
        }
        let answer = ask(&scene.mallory, "GET", "/v1/endpoints", "").await;
        super::expect(&answer, &[200, 429]);
    }
    scene.close().await;
}
