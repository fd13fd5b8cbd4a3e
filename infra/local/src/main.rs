//! `posthorn`: the whole system on one machine.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use posthorn::options::{self, Options};
use posthorn::stack::Stack;
use posthorn::{admin, demo, dlq, doctor, listen};
use posthorn_shared::logging;
use tokio::signal::unix::{SignalKind, signal};

// The system allocator returns little of what a burst of small allocations took.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Webhook delivery, the whole system on this machine. Settings come from the environment
/// (POSTHORN_LISTEN, POSTHORN_DATA_DIR, …: see the README).
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until Ctrl-C (what happens without a command, too)
    Serve,
    /// Show the whole at work until Ctrl-C: a receiver, endpoints that fail, every attempt as it
    /// happens. Keeps nothing, and retries come 60 times as fast, unless the environment says
    /// otherwise
    Demo,
    /// Receive deliveries on this machine, and show each as it comes: verified or not and why, in
    /// the terminal and on a page. Answers as it is told. Made for trying things out
    Listen(listen::Arguments),
    /// Look into the dead-letter queues, and send their messages back
    #[command(subcommand)]
    Dlq(dlq::Command),
    /// Make the first admin key, accounts and their keys
    #[command(subcommand)]
    Admin(admin::Command),
    /// Check a deployment end to end, and say in plain words what is wrong
    Doctor(doctor::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        None | Some(Command::Serve) => serve().await,
        Some(Command::Demo) => demo().await,
        Some(Command::Listen(arguments)) => listen(arguments).await,
        Some(Command::Dlq(command)) => dlq::run(command).await,
        Some(Command::Admin(command)) => admin::run(command).await,
        Some(Command::Doctor(arguments)) => doctor::run(arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("posthorn: {}", format!("{error:#}").replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<()> {
    let options = Options::from_env(&options::DEFAULTS)?;
    logging::init_terminal(&options.log_level, std::io::stderr().is_terminal());
    let data_dir = options.data_dir.clone();
    let stop = stop_signal()?;
    let stack = Stack::start(options).await?;
    if stack.admin_key.is_new {
        println!("admin key: {} (shown this once; kept in {data_dir})", stack.admin_key.key);
    }
    println!("events queue: {}", stack.events_queue_url);
    println!("posthorn ready: {}", stack.api_url);
    stop.await;
    stack.stop().await;
    Ok(())
}

async fn demo() -> Result<()> {
    let options = Options::from_env(&demo::DEFAULTS)?;
    logging::init_terminal(&options.log_level, std::io::stderr().is_terminal());
    demo::run(options, stop_signal()?).await
}

async fn listen(arguments: listen::Arguments) -> Result<()> {
    listen::run(arguments, stop_signal()?).await
}

/// Ends with Ctrl-C or SIGTERM. Until it is awaited, Ctrl-C ends the process at once.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("signals")?;
    Ok(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    })
}
