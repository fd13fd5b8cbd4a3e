//! Standard output of the commands that print a result. Output that can't be written is a failure,
//! except that a reader may have seen enough, like `head`.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

/// Standard output. Strips colours where they are not wanted.
pub struct Screen(anstream::Stdout);

/// What reads standard output has closed it.
#[derive(Debug, thiserror::Error)]
#[error("nothing reads standard output any more")]
struct Closed;

/// What is written to standard output goes nowhere.
#[derive(Debug, thiserror::Error)]
#[error(
    "nothing was done, because the result is shown only once, and standard output is closed or \
     /dev/null; send it to a terminal, a file or a pipe"
)]
pub struct Discarded;

/// Standard output of this process.
pub fn stdout() -> Screen {
    Screen(anstream::stdout())
}

/// Writes a file to standard output, exactly as it is.
///
/// # Errors
/// When it can't be written; [`is_closed`] recognises a reader that is gone.
pub fn write_file(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(explained)
}

/// Prints what clap shows when it is asked for help or the version.
///
/// # Errors
/// When it can't be written, as [`write_file`].
pub fn write_help(asked: &clap::Error) -> io::Result<()> {
    asked.print().and_then(|()| io::stdout().flush()).map_err(explained)
}

/// Makes sure that a result which can't be shown again is not sent to the null device. A standard
/// output that was closed at the start is that device, too: Rust's runtime opens it in its place.
///
/// # Errors
/// [`Discarded`] when it would be.
pub fn must_be_kept() -> Result<(), Discarded> {
    // What can't be looked at is left to the write itself.
    if goes_nowhere().unwrap_or(false) { Err(Discarded) } else { Ok(()) }
}

fn goes_nowhere() -> io::Result<bool> {
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()?;
    let null = std::fs::metadata("/dev/null")?;
    Ok(output.file_type().is_char_device() && output.rdev() == null.rdev())
}

/// Whether a command failed only because nothing reads its standard output any more. A connection
/// that breaks is another matter, although its error is of the same kind.
pub fn is_closed(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<Closed>())
    })
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(explained)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).map_err(explained)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(explained)
    }
}

fn explained(error: io::Error) -> io::Error {
    match error.kind() {
        // Callers try again.
        ErrorKind::Interrupted => error,
        ErrorKind::BrokenPipe => io::Error::new(ErrorKind::BrokenPipe, Closed),
        kind => io::Error::new(kind, format!("could not write to standard output: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_is_no_closed_output() {
        let broken = || io::Error::from(ErrorKind::BrokenPipe);
        let closed = anyhow::Error::new(explained(broken())).context("listing the queues");
        assert!(is_closed(&closed));
        assert!(!is_closed(&anyhow::Error::new(broken()).context("SQS")));
        let full = io::Error::from(ErrorKind::StorageFull);
        assert!(!is_closed(&anyhow::Error::new(explained(full))));
    }
}
