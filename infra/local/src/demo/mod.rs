//! `posthorn demo`: the whole system at work, with endpoints that behave and endpoints that don't.
//!
//! It is a customer of the stack like any other: it creates its account and endpoints by REST,
//! pushes events by REST and by SQS, and verifies signatures with a check of its own.

mod client;
mod endpoints;
mod follower;
mod happening;
mod producer;
mod receiver;

use std::future::Future;
use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use posthorn_shared::logging;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::client::Client;
use self::endpoints::{Endpoint, Manner};
use self::follower::Follower;
use self::producer::Producer;
use self::receiver::Receiver;
use crate::aws_key::Found;
use crate::options::{Defaults, Options};
use crate::screen;
use crate::stack::Stack;

/// Keeps nothing, and makes retries come soon enough to be watched.
pub const DEFAULTS: Defaults = Defaults { data_dir: ":memory:", time_scale: "60" };

/// Examples for `posthorn demo --help`.
pub const EXAMPLES: &str = "\
# Show every attempt as it happens:
posthorn demo

# With the delays of retries as in production:
POSTHORN_TIME_SCALE=1 posthorn demo";

/// Happenings that wait to be shown.
const WAITING: usize = 256;

/// Runs until `stop`, or until nothing reads what it shows any more.
///
/// # Errors
/// When a setting is wrong, the stack does not start, or refuses what the demo asks of it, or
/// standard output can't be written.
pub async fn run(stop: impl Future<Output = ()>) -> Result<()> {
    let options = Options::from_env(&DEFAULTS)?;
    logging::init_terminal(&options.log_level, std::io::stderr().is_terminal());
    let time_scale = options.time_scale;
    let stack = Stack::start(options).await?;
    let outcome = watch(&stack, time_scale, stop).await;
    stack.stop().await;
    outcome
}

async fn watch(stack: &Stack, time_scale: f64, stop: impl Future<Output = ()>) -> Result<()> {
    let receiver = Receiver::bind().await?;
    let admin = Client::new(&stack.api_url, &stack.admin_key.key);
    let (account, client) = open_account(&admin).await?;
    let mut endpoints = Vec::new();
    for manner in Manner::ALL {
        endpoints.push(Endpoint::create(&client, manner, &receiver.url(manner)).await?);
    }
    let mut screen = screen::stdout();
    introduce(&mut screen, stack, time_scale)?;

    let (happenings, mut seen) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    tasks.spawn(receiver.serve(&endpoints, happenings.clone()));
    tasks.spawn(Follower::new(client.clone(), endpoints, happenings.clone()).run());
    tasks.spawn(Producer::new(client, account, stack, happenings).await.run());
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => return Ok(()),
            Some(happening) = seen.recv() => writeln!(screen, "{happening}")?,
            Some(ended) = tasks.join_next() => return ended.context("the demo failed")?,
        }
    }
}

/// A new account of this name, and a client that speaks for it.
async fn open_account(admin: &Client) -> Result<(String, Client)> {
    let account = admin.post("/v1/accounts", &json!({ "name": "Demo" })).await?;
    let id =
        account["id"].as_str().context("the API returned an account without an id")?.to_owned();
    let key = json!({ "name": "demo", "scopes": ["manage", "publish", "read"] });
    let key = admin.post(&format!("/v1/accounts/{id}/keys"), &key).await?;
    let key = key["key"].as_str().context("the API returned a key without its text")?;
    Ok((id, admin.with_key(key)))
}

fn introduce(screen: &mut impl Write, stack: &Stack, time_scale: f64) -> std::io::Result<()> {
    writeln!(screen, "events queue: {}", stack.events_queue_url)?;
    if stack.admin_key.is_new {
        writeln!(screen, "admin key:    {}", stack.admin_key.key)?;
    }
    if stack.aws_key == Found::Shown {
        writeln!(screen, "AWS key:      {}:{}", stack.aws.key.id(), stack.aws.key.secret())?;
    }
    writeln!(screen, "retries:      {time_scale} times as fast (POSTHORN_TIME_SCALE)")?;
    for manner in Manner::ALL {
        let style = manner.style();
        writeln!(screen, "{style}{:<8}{style:#}      {}", manner.name(), manner.description())?;
    }
    writeln!(screen, "posthorn ready: {}\n", stack.api_url)
}
