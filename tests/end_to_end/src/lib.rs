//! What the end-to-end tests are built on: the real `posthorn` binary, a receiver, and a client.
//!
//! Everything waits for conditions, with a deadline and a message that says what was seen instead.

mod aws_request;
mod client;
mod listening;
mod output;
mod portal;
mod program;
mod receiver;
mod repository;
mod scripts;
mod stack;
mod table;
mod verifiers;

use std::future::Future;
use std::time::{Duration, Instant};

pub use aws_request::AwsRequest;
pub use client::{Account, Answer, Client};
pub use listening::Listening;
pub use portal::{Browser, portal_link, portal_token};
pub use program::{Ended, Program};
pub use receiver::{Receiver, Reply, Request};
pub use repository::{contract_tool, repository};
pub use scripts::run_node;
pub use stack::{ADMIN_KEY, Failure, Stack, StackOptions};
pub use table::{runtime, store, tenant};
pub use verifiers::{python, verdicts};

/// How long a test waits for anything: far longer than it takes, so that a slow machine fails no
/// test, and a broken one ends.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// Asks again until there is an answer. `Err` says what was seen, for the message.
///
/// # Panics
/// When the deadline passes.
pub async fn eventually<T, F>(what: &str, ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    eventually_within(DEADLINE, what, ask).await
}

/// The same for what takes longer.
///
/// # Panics
/// When the deadline passes.
pub async fn eventually_within<T, F>(
    deadline: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let started = Instant::now();
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(seen) if started.elapsed() > deadline => {
                panic!("waited for {what}; saw {seen:.2000}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// A URL on this machine at which nobody listens.
///
/// # Panics
/// When no port is free.
pub fn closed_port_url() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    format!("http://{address}/")
}
