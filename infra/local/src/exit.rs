//! How the program ends: its exit code, and what standard error says about a failure.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;

use crate::colours::LITERAL;
use crate::plain_text::plain;
use crate::screen;
use crate::usage::Usage;

/// What was asked for failed.
const FAILURE: u8 = 1;
/// What was asked for makes no sense. clap ends with the same code.
const WRONG_USAGE: u8 = 2;

/// How clap's messages about wrong usage end.
const CLAPS_HINT: &str = "For more information, try '";

/// The exit code of a command that ended like this. Prints a failure as one line on standard error.
/// `help` is the command line that explains the command's arguments.
pub fn code(outcome: Result<()>, help: &str) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if screen::is_closed(&error) {
        return ExitCode::SUCCESS;
    }
    let mut line = format!("{error:#}");
    if let Some(usage) = error.downcast_ref::<Usage>() {
        line.push_str(&format!("; see {}", usage.help(help)));
    }
    // If standard error can't be written either, the exit code is all that is left to say.
    let _ = writeln!(io::stderr(), "posthorn: {}", plain(&line));
    ExitCode::from(status(&error))
}

/// The exit code when clap found no command to run: it was asked for help or the version, or the
/// command line is wrong.
pub fn without_command(said: &clap::Error, help: &str) -> ExitCode {
    if !said.use_stderr() {
        return code(screen::write_help(said).map_err(Into::into), help);
    }
    let message = pointing_to(&said.render().ansi().to_string(), help);
    let _ = write!(anstream::stderr(), "{message}");
    ExitCode::from(WRONG_USAGE)
}

/// clap's message with the help of the command that was meant, instead of `--help` alone.
fn pointing_to(message: &str, help: &str) -> String {
    match message.rsplit_once(CLAPS_HINT) {
        Some((problem, _)) => format!("{problem}{CLAPS_HINT}{LITERAL}{help}{LITERAL:#}'.\n"),
        None => message.to_owned(),
    }
}

fn status(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() { WRONG_USAGE } else { FAILURE }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn wrong_usage_is_found_below_its_context() {
        let wrong = || Usage::variable("POSTHORN_LISTEN", "here is not an address");
        assert_eq!(status(&wrong().into()), WRONG_USAGE);
        let result: Result<(), Usage> = Err(wrong());
        let error = result.context("the stack").context("the demo").unwrap_err();
        assert_eq!(status(&error), WRONG_USAGE);
        assert_eq!(status(&anyhow!("the port is in use")), FAILURE);
    }

    #[test]
    fn claps_hint_names_the_command() {
        let said = "error: a\n\nUsage: b\n\nFor more information, try '--help'.\n";
        let hint = pointing_to(said, "posthorn dlq --help");
        let hint = anstream::adapter::strip_str(&hint).to_string();
        assert_eq!(hint, said.replace("--help", "posthorn dlq --help"));
        assert_eq!(
            pointing_to("Commands:\n  --help\n", "posthorn --help"),
            "Commands:\n  --help\n"
        );
    }
}
