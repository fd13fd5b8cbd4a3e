//! `posthorn completions`: the script that teaches a shell the commands and options.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::screen;

/// Examples for `posthorn completions --help`: how each shell gets its script.
pub const EXAMPLES: &str = "\
# bash, with the package bash-completion:
mkdir -p ~/.local/share/bash-completion/completions
posthorn completions bash >~/.local/share/bash-completion/completions/posthorn

# zsh, with `fpath+=~/.zfunc` in ~/.zshrc before compinit:
mkdir -p ~/.zfunc
posthorn completions zsh >~/.zfunc/_posthorn

# fish:
mkdir -p ~/.config/fish/completions
posthorn completions fish >~/.config/fish/completions/posthorn.fish

# elvish:
mkdir -p ~/.config/elvish
posthorn completions elvish >>~/.config/elvish/rc.elv

# PowerShell:
mkdir -p (Split-Path $PROFILE)
posthorn completions powershell >>$PROFILE";

/// Prints the script for a shell.
///
/// # Errors
/// When standard output can't be written.
pub fn run(shell: Shell) -> Result<()> {
    let mut script: Vec<u8> = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "posthorn", &mut script);
    Ok(screen::write_file(&script)?)
}
