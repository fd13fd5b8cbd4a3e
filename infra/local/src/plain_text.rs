//! Texts of strangers, for a terminal.

/// Whether a terminal would obey it, or it would show a text as another: control characters, and
/// those that have no shape or turn the direction of writing.
pub fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A text with blanks in the place of odd characters.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_odd(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys() {
        assert_eq!(plain("a\u{1b}[31mb\r\n\u{9b}1m\u{202e}c"), "a [31mb   1m c");
        assert_eq!(plain("Łódź 東京 🎺"), "Łódź 東京 🎺");
    }
}
