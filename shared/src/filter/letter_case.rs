//! Comparing texts whatever their letter case, character by character.

/// A text in lower case.
#[derive(Debug, Clone)]
pub struct Folded(Vec<char>);

impl From<&str> for Folded {
    fn from(text: &str) -> Self {
        Self(fold(text).collect())
    }
}

impl Folded {
    pub fn equals(&self, text: &str) -> bool {
        fold(text).eq(self.0.iter().copied())
    }

    /// Whether `text` starts with it.
    pub fn starts(&self, text: &str) -> bool {
        let mut text = fold(text);
        self.0.iter().all(|c| text.next() == Some(*c))
    }

    /// Whether `text` ends with it.
    pub fn ends(&self, text: &str) -> bool {
        let mut text = fold(text).rev();
        self.0.iter().rev().all(|c| text.next() == Some(*c))
    }
}

fn fold(text: &str) -> impl DoubleEndedIterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}
