//! Clients of the one-machine stack that are slow, silent or many.

use std::io::ErrorKind;
use std::time::Duration;

use futures::future::join_all;
use posthorn_end_to_end::{AwsRequest, Client, Receiver, Stack, eventually_within};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUEST: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// Far longer than the limits that these tests set, and less than a connection may be silent between
/// two requests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connects, and sends the beginning of something.
async fn begin(url: &str, text: &str) -> TcpStream {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("sent");
    stream
}

/// What comes until the server closes the connection, which it has to do.
async fn until_closed(mut stream: TcpStream) -> String {
    let mut came = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut came)).await;
    match closed.expect("the connection is closed") {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8(came).expect("text")
}

/// As operators may set them.
fn in_a_second() -> Vec<(&'static str, String)> {
    ["POSTHORN_HEAD_SECONDS", "POSTHORN_BODY_SECONDS"].map(|name| (name, "1".to_owned())).into()
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_its_connection() {
    let stack = Stack::with_environment(1.0, in_a_second()).await;
    for url in [&stack.api_url, &stack.aws_url] {
        let streams = ["", "GET", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n", "\r\n\r\n"];
        let streams = join_all(streams.map(|text| begin(url, text))).await;
        for came in join_all(streams.into_iter().map(until_closed)).await {
            assert_eq!(came, "");
        }
        // A second request on a connection has no more time than the first.
        let mut stream = begin(url, REQUEST).await;
        let mut answer = [0; 4_096];
        assert!(stream.read(&mut answer).await.expect("an answer") > 0);
        stream.write_all(b"GET /hea").await.expect("sent");
        let came = until_closed(stream).await;
        assert!(!came.contains("HTTP/1.1 "), "{came}");
    }
}

#[tokio::test]
async fn between_two_requests_a_connection_may_be_silent_for_longer() {
    let stack = Stack::with_environment(1.0, in_a_second()).await;
    let mut stream = begin(&stack.api_url, REQUEST).await;
    let mut came = vec![0; 4_096];
    for _ in 0..2 {
        let read = stream.read(&mut came).await.expect("an answer");
        assert!(String::from_utf8_lossy(&came[..read]).starts_with("HTTP/1.1 200"));
        // Three times the time of a head.
        tokio::time::sleep(Duration::from_secs(3)).await;
        stream.write_all(REQUEST.as_bytes()).await.expect("sent");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_its_connection() {
    let stack = Stack::with_environment(1.0, in_a_second()).await;
    let account = stack.account("acme").await;
    let length = "Content-Length: 1000\r\n";
    let chunks = "Transfer-Encoding: chunked\r\n";
    let mut streams = Vec::new();
    for (path, headers) in [
        ("/v1/events", format!("Authorization: Bearer {}\r\n", account.key)),
        // Nobody needs a key for this.
        ("/portal/platform/enter", "Content-Type: application/x-www-form-urlencoded\r\n".into()),
    ] {
        for (framing, part) in [(length, ""), (length, "{\"a\""), (chunks, "4\r\n{\"a\"\r\n")] {
            let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{framing}");
            streams.push(begin(&stack.api_url, &format!("{head}\r\n{part}")).await);
        }
    }
    for came in join_all(streams.into_iter().map(until_closed)).await {
        assert!(came.starts_with("HTTP/1.1 400"), "{came}");
        assert!(came.contains("POSTHORN_BODY_SECONDS"), "{came}");
    }
    // Signed, since nothing is read from anybody else.
    let aws = stack.aws();
    let whole = AwsRequest::operation("AmazonSQS.ListQueues", "{}").signed(&aws);
    let headers = whole.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    let host = aws.url.trim_start_matches("http://");
    let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{headers}{length}\r\n{{");
    let came = until_closed(begin(&aws.url, &head).await).await;
    assert!(came.starts_with("HTTP/1.1 413"), "{came}");
    let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\n{length}\r\n{{");
    let came = until_closed(begin(&aws.url, &head).await).await;
    assert!(came.starts_with("HTTP/1.1 403"), "{came}");
}

/// Takes as many answers as it asks for, and reads none.
async fn asks_and_does_not_read(stack: &Stack) -> TcpStream {
    let request = "GET /docs/redoc.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    begin(&stack.api_url, &request.repeat(100)).await
}

#[tokio::test]
async fn an_answer_that_is_not_taken_ends_its_connection() {
    let stack = Stack::with_environment(1.0, in_a_second()).await;
    let stream = asks_and_does_not_read(&stack).await;
    // Once it is closed, there is less to read than was asked for.
    eventually_within(PATIENCE, "a connection that is closed", async || {
        match stream.try_write(b"G") {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

/// None ends by itself while a test lasts.
async fn patient_stack() -> Stack {
    Stack::with_environment(1.0, vec![("POSTHORN_HEAD_SECONDS", "600".to_owned())]).await
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let stack = patient_stack().await;
    assert_nobody_is_kept_out(&stack, 600).await;
}

#[tokio::test]
async fn no_more_connections_are_held_than_files_may_be_open() {
    // Of this process, in which no other test runs, and hence of the stack.
    let limit = Some(400);
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).expect("a lower limit");
    let stack = patient_stack().await;
    assert_nobody_is_kept_out(&stack, 150).await;
    stack.wait_for_log(1, &["fewer connections than set", "100"]).await;
}

/// Holds so many silent connections to each port, one after the other, while others go on.
async fn assert_nobody_is_kept_out(stack: &Stack, silent: usize) {
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = account.endpoint(json!({ "url": receiver.url("/hook") })).await;
    for url in [&stack.api_url, &stack.aws_url] {
        let mut held = Vec::new();
        for number in 0..silent {
            held.push(begin(url, ["", "GET"][number % 2]).await);
        }
        let health = Client::new(&stack.api_url, "");
        assert_eq!(health.request("GET", "/healthz", &[], "").await.status, 200);
        assert_eq!(stack.queue_depth("tasks").await, 0);
        let event = account.post_event(json!({ "type": "a.b", "data": {} })).await;
        account.delivery(&event, &endpoint, "delivered").await;
        // Not because they are gone.
        let open = held.iter().filter(|stream| is_open(stream)).count();
        assert!(open > silent / 4, "{open} of {silent} are open");
    }
}

fn is_open(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0; 1]);
    read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[tokio::test]
async fn an_answer_reaches_a_client_whose_body_nobody_reads() {
    let stack = Stack::start().await;
    let half = vec![b'x'; 1_500_000];
    // Answered with much, and with little; without a route, and without a key.
    for request in ["GET /v1/openapi.json", "GET /healthz", "PUT /nowhere", "POST /v1/events"] {
        let head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            2 * half.len()
        );
        let mut stream = begin(&stack.api_url, &head).await;
        stream.write_all(&half).await.expect("sent");
        // Time enough to answer, and to close the connection.
        tokio::time::sleep(Duration::from_millis(200)).await;
        stream.write_all(&half).await.unwrap_or_else(|error| panic!("{request}: {error}"));
        let mut came = Vec::new();
        let read = stream.read_to_end(&mut came).await;
        read.unwrap_or_else(|error| panic!("{request}: {error} after {} bytes", came.len()));
        assert!(came.starts_with(b"HTTP/1.1 "), "{request}: {} bytes", came.len());
    }
}
