//! `posthorn serve`: the whole system on this machine, until it is told to stop.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use posthorn_shared::logging;

use crate::aws_key::{self, Found};
use crate::data_dir::MEMORY;
use crate::options::{self, Options};
use crate::stack::Stack;

/// Examples for `posthorn serve --help`.
pub const EXAMPLES: &str = "\
# Serve the API and the portal on 127.0.0.1:8080, with the data in .posthorn:
posthorn serve

# On another port, with the data elsewhere:
POSTHORN_LISTEN=127.0.0.1:9090 POSTHORN_DATA_DIR=/tmp/posthorn posthorn serve";

/// Serves until `stop`.
///
/// # Errors
/// When a setting is wrong, or the stack does not start.
pub async fn run(stop: impl Future<Output = ()>) -> Result<()> {
    let options = Options::from_env(&options::DEFAULTS)?;
    logging::init_terminal(&options.log_level, io::stderr().is_terminal());
    let data_dir = options.data_dir.clone();
    let stack = Stack::start(options).await?;
    // A server goes on when nothing reads its output.
    let _ = introduce(&stack, &data_dir);
    stop.await;
    stack.stop().await;
    Ok(())
}

fn introduce(stack: &Stack, data_dir: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if stack.admin_key.is_new {
        let key = &stack.admin_key.key;
        let kept = match data_dir {
            MEMORY => "not kept".to_owned(),
            directory => format!("kept in {directory}"),
        };
        writeln!(out, "admin key: {key} (shown this once; {kept})")?;
    }
    let key = &stack.aws.key;
    match stack.aws_key {
        Found::Given => {}
        Found::Kept => writeln!(out, "AWS credentials: {data_dir}/{}", aws_key::FILE)?,
        Found::Shown => writeln!(out, "AWS key: {}:{} (kept nowhere)", key.id(), key.secret())?,
    }
    writeln!(out, "events queue: {}", stack.events_queue_url)?;
    writeln!(out, "posthorn ready: {}", stack.api_url)
}
