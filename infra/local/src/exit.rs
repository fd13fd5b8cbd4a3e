//! How the program ends: its exit code, and what standard error says about a failure.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;

use crate::plain_text::plain;
use crate::screen;
use crate::usage::Usage;

/// What was asked for failed.
const FAILURE: u8 = 1;
/// What was asked for makes no sense. clap ends with the same code.
const WRONG_USAGE: u8 = 2;

/// The exit code of a command that ended like this. Prints a failure as one line on standard error.
pub fn code(outcome: Result<()>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if screen::is_closed(&error) {
        return ExitCode::SUCCESS;
    }
    // If standard error can't be written either, the exit code is all that is left to say.
    let _ = writeln!(io::stderr(), "posthorn: {}", plain(&format!("{error:#}")));
    ExitCode::from(status(&error))
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
}
