//! The examples at the end of each command's help. A test holds them to the command line's own
//! definition.

use crate::colours::HEADING;

/// The section of a help text that shows these lines: comments, and the commands that they explain.
pub fn section(lines: &str) -> String {
    let mut section = format!("{HEADING}Examples:{HEADING:#}");
    for line in lines.lines() {
        section.push('\n');
        if !line.is_empty() {
            section.push_str("  ");
            section.push_str(line);
        }
    }
    section
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::cli::Cli;

    /// The words of a line as a shell splits it, up to a pipe, a redirection or a comment.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
        for c in line.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some(_), c) => word.get_or_insert_default().push(c),
                (None, '\'' | '"') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, '|' | '>' | '<' | ';' | '&') => break,
                (None, '#') if word.is_none() => break,
                (None, ' ') => words.extend(word.take()),
                (None, c) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }

    /// The command of a line, without the variables that are set for it.
    fn command_line(line: &str) -> Option<Vec<String>> {
        let words = words(line.trim_start().trim_start_matches("$ "));
        let words: Vec<String> = words.into_iter().skip_while(|word| word.contains('=')).collect();
        (words.first()? == "posthorn").then_some(words)
    }

    fn check(command: &clap::Command, name: &str) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (_, lines) =
            help.split_once("Examples:\n").unwrap_or_else(|| panic!("{name} has no examples"));
        // A directory that has to be there is made first.
        let is_other = |line: &str| line.starts_with('#') || line.starts_with("mkdir -p ");
        let is_command = |line: &&str| !line.trim().is_empty() && !is_other(line.trim());
        let examples: Vec<&str> = lines.lines().filter(is_command).collect();
        assert!(!examples.is_empty(), "{name} has no examples");
        for example in examples {
            let words = command_line(example).unwrap_or_else(|| panic!("{name}: {example}"));
            assert!(words.join(" ").starts_with(name), "{example} is no example of {name}");
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{name}: {example}: {error}");
            }
            assert!(example.len() <= 80, "{example} is broken on a terminal of 80 columns");
        }
        for command in command.get_subcommands() {
            check(command, &format!("{name} {}", command.get_name()));
        }
    }

    #[test]
    fn every_command_has_some_and_they_are_valid() {
        check(&Cli::command(), "posthorn");
    }

    #[test]
    fn lines_are_split_as_a_shell_splits_them() {
        assert_eq!(
            command_line(r#"  A=1 posthorn x 'a b' "$C" --d=e >f # g"#).unwrap(),
            ["posthorn", "x", "a b", "$C", "--d=e"]
        );
        assert_eq!(command_line("# posthorn x"), None);
        assert_eq!(command_line("source <(posthorn x)"), None);
    }
}
