//! The command line: its commands, and what each of them runs.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::stop_signal::stop_signal;
use crate::{admin, completions, demo, dlq, doctor, environment, examples, exit, listen, serve};

const EXAMPLES: &str = "\
# Serve the whole system on 127.0.0.1:8080:
posthorn

# Watch deliveries, failures and retries:
posthorn demo

# See what an endpoint of the account acme receives:
posthorn listen --register --account acme";

/// Webhook delivery: the whole system on this machine, and tools for deployments in AWS
///
/// Without a command, posthorn serves until Ctrl-C. Settings are environment variables. Exits with
/// 0 after success, 1 after a failure, and 2 after wrong usage.
#[derive(Parser)]
#[command(
    name = "posthorn",
    version,
    max_term_width = 100,
    after_help = examples::section(EXAMPLES),
    after_long_help = with_settings(&environment::of_all(), EXAMPLES)
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until Ctrl-C (the default)
    ///
    /// Runs the API, the portal and every other part of the system in this process. Prints a line
    /// that begins with "posthorn ready:" when the API is ready.
    #[command(
        after_help = examples::section(serve::EXAMPLES),
        after_long_help = with_settings(&environment::of_stack(), serve::EXAMPLES)
    )]
    Serve,
    /// Show the system at work until Ctrl-C
    ///
    /// Starts a stack, a receiver and endpoints, some of which fail, and prints every attempt as it
    /// happens. Keeps no data, and retries are 60 times as fast, unless POSTHORN_DATA_DIR and
    /// POSTHORN_TIME_SCALE say otherwise. posthorn serve --help lists the settings.
    #[command(after_help = examples::section(demo::EXAMPLES))]
    Demo,
    /// Receive deliveries on this machine and show them
    ///
    /// Shows each delivery in the terminal and on a page: whether it is verified, why not, and
    /// how it was answered. Made for integrating and debugging; keeps deliveries in memory only.
    Listen(listen::Arguments),
    /// Show the dead-letter queues, and send their messages back
    #[command(subcommand, after_help = examples::section(dlq::EXAMPLES))]
    Dlq(dlq::Command),
    /// Manage admin keys, accounts, the accounts' keys and the deployment key
    ///
    /// Works on the table itself: with --stack by the AWS credentials of the environment, otherwise
    /// on the stack on this machine. No API key is needed.
    #[command(subcommand, after_help = examples::section(admin::EXAMPLES))]
    Admin(admin::Command),
    /// Check a deployment end to end, and say what is wrong
    ///
    /// Checks the table, the queues, the schedules and the API, then sends an event through a
    /// temporary account. Exits with 1 if anything is wrong.
    Doctor(doctor::Arguments),
    /// Print the completion script for a shell
    #[command(after_help = examples::section(completions::EXAMPLES))]
    Completions {
        /// Shell to print the script for
        shell: Shell,
    },
}

/// The program: reads the command line, runs the command until it ends, and returns the exit code.
///
/// It is here rather than in `main.rs` so that every future is compiled once, in this crate.
#[tokio::main]
pub async fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let help = help_on(&words);
    match Cli::try_parse_from(words) {
        Ok(cli) => exit::code(cli.run().await, &help),
        Err(error) => exit::without_command(&error, &help),
    }
}

/// The command line that explains the command which a command line begins with, like
/// `posthorn admin create-key --help`.
fn help_on(words: &[OsString]) -> String {
    let whole = Cli::command();
    let (mut command, mut line) = (&whole, whole.get_name().to_owned());
    for word in words.iter().skip(1) {
        let Some(below) = command.find_subcommand(word) else { break };
        line.push(' ');
        line.push_str(below.get_name());
        command = below;
    }
    line.push_str(" --help");
    line
}

impl Cli {
    /// Runs the command until it ends.
    ///
    /// # Errors
    /// [`Usage`](crate::usage::Usage) when an argument or a setting is wrong, anything else when
    /// the command fails.
    async fn run(self) -> Result<()> {
        match self.command.unwrap_or(Command::Serve) {
            Command::Serve => serve::run(stop_signal()?).await,
            Command::Demo => demo::run(stop_signal()?).await,
            Command::Listen(arguments) => listen::run(arguments, stop_signal()?).await,
            Command::Dlq(command) => dlq::run(command).await,
            Command::Admin(command) => admin::run(command).await,
            Command::Doctor(arguments) => doctor::run(arguments).await,
            Command::Completions { shell } => completions::run(shell),
        }
    }
}

/// The end of a long help text: the settings, then the examples.
fn with_settings(settings: &str, lines: &str) -> String {
    format!("{settings}\n\n{}", examples::section(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_is_that_of_the_command_which_was_meant() {
        for (line, help) in [
            ("posthorn", "posthorn --help"),
            ("./target/debug/posthorn --nonsense", "posthorn --help"),
            ("posthorn serv", "posthorn --help"),
            ("posthorn listen --port x", "posthorn listen --help"),
            ("posthorn admin creat-key", "posthorn admin --help"),
            ("posthorn admin create-key doctor", "posthorn admin create-key --help"),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(help_on(&words), help, "{line}");
        }
    }
}
