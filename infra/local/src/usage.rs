//! Wrong usage: an argument or an environment variable whose value can't be right, whatever state
//! the system is in. The program then ends with exit code 2, and with 1 after any other failure.

use std::fmt::Display;

/// The command line that explains the environment variables.
const HELP_ON_VARIABLES: &str = "posthorn --help";

/// An argument or an environment variable with a value that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Usage {
    problem: String,
    is_variable: bool,
}

impl Usage {
    /// A wrong argument: what is wrong and what would be right.
    pub fn argument(problem: impl Display) -> Self {
        Self { problem: problem.to_string(), is_variable: false }
    }

    /// An environment variable with a wrong value: what is wrong and what would be right.
    pub fn variable(name: &str, problem: impl Display) -> Self {
        Self { problem: format!("{name}: {problem}"), is_variable: true }
    }

    /// The command line that explains what was wrong, if `command` is the one that explains the
    /// arguments.
    pub fn help<'c>(&self, command: &'c str) -> &'c str {
        if self.is_variable { HELP_ON_VARIABLES } else { command }
    }
}

/// Turns a failure to read a value into wrong usage.
pub trait OrUsage<T> {
    /// The value came from this argument.
    ///
    /// # Errors
    /// [`Usage`] when the value can't be read.
    fn wrong_argument(self, argument: &str) -> Result<T, Usage>;

    /// The value came from this environment variable.
    ///
    /// # Errors
    /// [`Usage`] when the value can't be read.
    fn wrong_variable(self, name: &str) -> Result<T, Usage>;
}

impl<T, E: Display> OrUsage<T> for Result<T, E> {
    fn wrong_argument(self, argument: &str) -> Result<T, Usage> {
        self.map_err(|error| Usage::argument(format!("{argument}: {error:#}")))
    }

    fn wrong_variable(self, name: &str) -> Result<T, Usage> {
        self.map_err(|error| Usage::variable(name, format!("{error:#}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_is_wrong_and_where_to_read_on() {
        let said = |wrong: Usage| format!("{wrong}; see {}", wrong.help("posthorn listen --help"));
        let port = "x".parse::<u16>().wrong_argument("--port");
        assert_eq!(
            said(port.unwrap_err()),
            "--port: invalid digit found in string; see posthorn listen --help"
        );
        let port = "x".parse::<u16>().wrong_variable("POSTHORN_PORT");
        assert_eq!(
            said(port.unwrap_err()),
            "POSTHORN_PORT: invalid digit found in string; see posthorn --help"
        );
    }
}
