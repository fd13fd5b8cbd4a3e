//! Wrong usage: an argument or an environment variable whose value can't be right, whatever state
//! the system is in. The program then ends with exit code 2, and with 1 after any other failure.

use std::fmt::Display;

/// An argument or an environment variable with a value that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; see {help}")]
pub struct Usage {
    problem: String,
    help: &'static str,
}

impl Usage {
    /// A wrong argument: what is wrong and what would be right. `help` is the command line that
    /// explains it, like `posthorn listen --help`.
    pub fn argument(help: &'static str, problem: impl Display) -> Self {
        Self { problem: problem.to_string(), help }
    }

    /// An environment variable with a wrong value: what is wrong and what would be right.
    pub fn variable(name: &str, problem: impl Display) -> Self {
        Self { problem: format!("{name}: {problem}"), help: "posthorn --help" }
    }
}

/// Turns a failure to read a value into wrong usage.
pub trait OrUsage<T> {
    /// The value came from this argument, which the command line `help` explains.
    ///
    /// # Errors
    /// [`Usage`] when the value can't be read.
    fn wrong_argument(self, argument: &str, help: &'static str) -> Result<T, Usage>;

    /// The value came from this environment variable.
    ///
    /// # Errors
    /// [`Usage`] when the value can't be read.
    fn wrong_variable(self, name: &str) -> Result<T, Usage>;
}

impl<T, E: Display> OrUsage<T> for Result<T, E> {
    fn wrong_argument(self, argument: &str, help: &'static str) -> Result<T, Usage> {
        self.map_err(|error| Usage::argument(help, format!("{argument}: {error:#}")))
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
        let port = "x".parse::<u16>().wrong_argument("--port", "posthorn listen --help");
        assert_eq!(
            port.unwrap_err().to_string(),
            "--port: invalid digit found in string; see posthorn listen --help"
        );
        let port = "x".parse::<u16>().wrong_variable("POSTHORN_PORT");
        assert_eq!(
            port.unwrap_err().to_string(),
            "POSTHORN_PORT: invalid digit found in string; see posthorn --help"
        );
    }
}
