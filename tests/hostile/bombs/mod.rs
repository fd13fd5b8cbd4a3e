//! Bombs: requests that cost far more than they should, one kind in each file. Each is thrown at a
//! stack while events of another tenant go through it.
//!
//! In the small form a bomb is thrown once, and nothing may fail beside it. In the large form the stack
//! has as much of the machine as a function, the bomb is thrown again and again, and what the other
//! tenant sees is printed.

mod fat_endpoints;
mod filters;
mod forms;
mod header_names;
mod idempotency;
mod json;
mod limits;
mod quiet;
mod reborn;
mod receivers;
mod schemas;
mod slow_clients;

use std::time::{Duration, Instant};

use bytes::Bytes;
use posthorn_end_to_end::{Account, Answer, Client, Stack, StackOptions, eventually_within};
use tempfile::TempDir;

use crate::bounds;
use crate::confines::Confines;
use crate::settings;
use crate::sink::Sink;
use crate::watcher::{Watcher, Watching};

/// Events a second of the other tenant, in the small form and the large one.
const EVENTS: u32 = 10;
const EVENTS_IF_LARGE: u32 = 50;
/// How long an answer, or the work that a bomb makes, may take before it counts as standing still.
const PATIENCE: Duration = Duration::from_secs(300);

/// A stack under limits, an account that throws bombs, and another tenant.
pub struct Scene {
    pub stack: Stack,
    pub mallory: Account,
    pub sink: Sink,
    watching: Watching,
    name: &'static str,
    began: Instant,
    thrown: u32,
    // Dropped after the stack: what it runs in.
    confines: Confines,
    _directory: TempDir,
}

impl Scene {
    /// In the large form with the limits of a function.
    pub async fn set(name: &'static str) -> Self {
        let large = settings::is_large();
        let confines = if large { Confines::of_a_function() } else { Confines::default() };
        Self::within(confines, name).await
    }

    /// With other limits.
    ///
    /// # Panics
    /// When the stack does not start.
    pub async fn within(confines: Confines, name: &'static str) -> Self {
        let (watcher, sink) = (Watcher::ready().await, Sink::start().await);
        let directory = TempDir::new().expect("a temporary directory");
        // Nothing leaves this machine, whatever is registered.
        let ports = format!("{},{}", sink.port(), settings::port_of(&watcher.url));
        let options = StackOptions {
            time_scale: 1.0,
            data_dir: directory.path().join("data"),
            // Less than the default, which would only make the tests longer.
            environment: vec![
                ("POSTHORN_ALLOWED_PORTS", ports),
                ("POSTHORN_BODY_SECONDS", "10".to_owned()),
            ],
        };
        let stack = Stack::try_start_by(&confines.launcher(), options).await;
        let stack = stack.expect("a stack that starts");
        let mallory = stack.account("mallory").await;
        let events = if settings::is_large() { EVENTS_IF_LARGE } else { EVENTS };
        let watching = watcher.watch(&stack, events).await;
        let began = Instant::now();
        Self {
            stack,
            mallory,
            sink,
            watching,
            name,
            began,
            thrown: 0,
            confines,
            _directory: directory,
        }
    }

    /// Whether the bomb is thrown now, or once more.
    pub fn goes_on(&mut self) -> bool {
        let long = Duration::from_secs(settings::BOMB_SECONDS);
        let again = settings::is_large() && self.began.elapsed() < long;
        let goes_on = self.thrown == 0 || again;
        self.thrown += u32::from(goes_on);
        goes_on
    }

    /// Which time it is, from 1 on: for names that have to be new.
    pub fn time(&self) -> u32 {
        self.thrown
    }

    /// Waits until dispatch has no event left to work on.
    pub async fn dispatched(&self) {
        eventually_within(PATIENCE, "an empty events queue", async || {
            match self.stack.queue_depth("events").await {
                0 => Ok(()),
                depth => Err(format!("{depth} messages")),
            }
        })
        .await;
    }

    /// Ends it: prints the figures and asserts that nothing failed.
    ///
    /// # Panics
    /// When something did.
    pub async fn close(mut self) {
        let seconds = self.began.elapsed().as_secs();
        let record = self.watching.end().await;
        println!(
            "{}, {} times in {seconds} s, {}: {}",
            self.name,
            self.thrown,
            self.confines.describe(),
            record.figures()
        );
        bounds::nothing_failed(&record);
        assert_eq!(self.sink.leaks(), Vec::<String>::new());
        let log = self.stack.log();
        let panics: Vec<_> = log.iter().filter(|line| line.contains("panicked")).collect();
        assert!(panics.is_empty(), "{panics:#?}");
        self.stack.kill9().await;
    }
}

/// One request, with an answer that holds to the bounds of all answers.
///
/// # Panics
/// When there is none, or it does not.
pub async fn ask(client: &Client, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
    ask_with(client, method, path, &[], body).await
}

/// The same with headers.
///
/// # Panics
/// When there is no answer, or it is out of bounds.
pub async fn ask_with(
    client: &Client,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let asked = client.try_request(method, path, headers, body);
    let answer = tokio::time::timeout(PATIENCE, asked).await.expect("an answer in time");
    let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    let comes_back = answer.status == 503 && answer.headers.contains_key("retry-after");
    assert!(
        answer.status < 500 || comes_back,
        "{method} {path}: {} {}",
        answer.status,
        answer.text
    );
    let most = if answer.status < 400 || path.starts_with("/portal") {
        bounds::MAX_ANSWER
    } else {
        bounds::MAX_REFUSAL
    };
    assert!(answer.text.len() <= most, "{method} {path}: {} bytes", answer.text.len());
    answer
}

/// Asserts that the answer has one of these statuses.
///
/// # Panics
/// When it has another.
pub fn expect(answer: &Answer, statuses: &[u16]) {
    assert!(statuses.contains(&answer.status), "{}: {:.1000}", answer.status, answer.text);
}
