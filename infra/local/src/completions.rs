//! `posthorn completions`: the script that teaches a shell the commands and options.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::screen;

/// Examples for `posthorn completions --help`: how each shell gets its script.
pub const EXAMPLES: &str = "\
# bash, with the package bash-completion, in a directory that exists:
posthorn completions bash >~/.local/share/bash-completion/completions/posthorn

# zsh, with `fpath+=~/.zfunc` in ~/.zshrc before compinit:
posthorn completions zsh > ~/.zfunc/_posthorn

# fish:
posthorn completions fish > ~/.config/fish/completions/posthorn.fish

# elvish:
posthorn completions elvish >> ~/.config/elvish/rc.elv

# PowerShell:
posthorn completions powershell >> $PROFILE";

/// Prints the script for a shell.
///
/// # Errors
/// When standard output can't be written.
pub fn run(shell: Shell) -> Result<()> {
    let mut script: Vec<u8> = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "posthorn", &mut script);
    Ok(screen::write_file(&script)?)
}
