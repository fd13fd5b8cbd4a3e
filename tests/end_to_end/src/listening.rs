//! The real `posthorn listen`, on a free port.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::Client;
use crate::output::Output;
use crate::stack::{Failure, binary, interrupt};
use crate::{DEADLINE, eventually};

/// Says that it listens, and where.
const READY: &str = "posthorn listening: ";
/// What the environment of whoever runs the tests may say, and must not.
const SETTINGS: [&str; 6] = [
    "WEBHOOK_SECRET",
    "POSTHORN_API_KEY",
    "POSTHORN_API_URL",
    "POSTHORN_ADMIN_KEY",
    "POSTHORN_LISTEN",
    "POSTHORN_DATA_DIR",
];

/// A running `posthorn listen`. It is killed when it is dropped.
pub struct Listening {
    /// `http://127.0.0.1:<port>`
    pub url: String,
    /// Speaks to it, without a key.
    pub client: Client,
    child: Child,
    printed: Output,
}

/// What the page's stream has told so far, as text.
pub struct Told(Arc<Mutex<String>>);

impl Listening {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(arguments: &[&str]) -> Self {
        Self::try_start(arguments).await.expect("it listens")
    }

    /// A start that may fail.
    ///
    /// # Errors
    /// With what it said, when it does.
    ///
    /// # Panics
    /// When there is no such program, or it does neither.
    pub async fn try_start(arguments: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new(binary());
        command.arg("listen").args(arguments);
        if !arguments.contains(&"--port") {
            command.args(["--port", "0"]);
        }
        for name in SETTINGS {
            command.env_remove(name);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut printed = Vec::new();
        let read = async {
            while let Ok(Some(line)) = lines.next_line().await {
                let url = line.strip_prefix(READY).and_then(|rest| rest.split('/').nth(2));
                let url = url.map(|address| format!("http://{address}"));
                printed.push(line);
                if url.is_some() {
                    return url;
                }
            }
            None
        };
        let ready = tokio::time::timeout(DEADLINE, read).await.expect("it listens, or ends");
        let Some(url) = ready else {
            return Err(child.wait_with_output().await.expect("its output").into());
        };
        let printed = Output::keep(printed, lines, |_| ());
        let client = Client::new(&url, "");
        Ok(Self { url, client, child, printed })
    }

    /// What it has printed so far, or as a whole when it has ended.
    pub fn printed(&self) -> String {
        self.printed.so_far().join("\n")
    }

    /// Waits until it has printed this.
    pub async fn wait_for_printed(&self, part: &str) {
        eventually(&format!("{part} in the terminal"), async || {
            let printed = self.printed();
            if printed.contains(part) { Ok(()) } else { Err(printed) }
        })
        .await;
    }

    /// Waits until the page shows this many deliveries; answers them, the oldest first.
    ///
    /// # Panics
    /// When the page has no list.
    pub async fn wait_for(&self, count: usize) -> Vec<Value> {
        let is_there = |list: &Value| list["data"].as_array().is_some_and(|l| l.len() >= count);
        let list = self.client.wait_until("/_posthorn/deliveries", is_there).await;
        let mut deliveries = list["data"].as_array().expect("a list").clone();
        deliveries.reverse();
        deliveries
    }

    /// All that the page shows of a delivery.
    pub async fn detail(&self, number: u64) -> Value {
        self.client.get(&format!("/_posthorn/deliveries/{number}")).await
    }

    /// Follows the page's stream, as a browser does.
    ///
    /// # Panics
    /// When there is none.
    pub async fn follow(&self) -> Told {
        let url = format!("{}/_posthorn/stream", self.url).parse().expect("a URL");
        let http = HyperClient::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let response = http.get(url).await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let told = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&told);
        let mut body = response.into_body();
        tokio::spawn(async move {
            while let Some(Ok(frame)) = body.frame().await {
                let data = frame.into_data().unwrap_or_default();
                let text = String::from_utf8_lossy(&data).into_owned();
                kept.lock().expect("no panic while it was held").push_str(&text);
            }
        });
        Told(told)
    }

    /// Presses Ctrl-C and answers the exit code.
    pub async fn interrupt(&mut self) -> Option<i32> {
        let code = interrupt(&mut self.child).await;
        self.printed.end().await;
        code
    }
}

impl Told {
    /// Waits until an event of this name is as wanted; answers its data.
    pub async fn wait_for(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("an event {name} of the stream"), async || {
            let text = self.0.lock().map_err(|error| error.to_string())?.clone();
            let events = text.split("\n\n").filter_map(|event| {
                let data = event.strip_prefix(&format!("event: {name}\ndata: "))?;
                serde_json::from_str::<Value>(data).ok()
            });
            events.filter(|data| wanted(data)).last().ok_or(text)
        })
        .await
    }
}
