//! The colours of what commands show. Whoever prints strips them where they are not wanted.

use anstyle::{AnsiColor, Style};

/// Headings of help texts, as clap shows its own.
pub const HEADING: Style = Style::new().bold().underline();
/// Names and commands in help texts, as clap shows its own.
pub const LITERAL: Style = Style::new().bold();
pub const FAINT: Style = Style::new().dimmed();
pub const EMPHASIS: Style = AnsiColor::Cyan.on_default().bold();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default();
pub const WAITING: Style = AnsiColor::Yellow.on_default();
