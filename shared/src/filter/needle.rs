//! A text that is searched for in others, each step counted: how long a search takes depends on how
//! often its rarest byte is met, and whoever wrote the event chose that.

use memchr::arch::all::packedpair::Pair;
use memchr::memchr;

use super::steps::{CANDIDATE, SEARCH, SKIPPED, Steps, TooExpensive};

/// A text that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needle {
    text: String,
    /// Where the byte is that is met least in common texts.
    rarest: usize,
}

impl Needle {
    pub fn new(text: String) -> Self {
        let rarest = Pair::new(text.as_bytes()).map_or(0, |pair| usize::from(pair.index1()));
        Self { text, rarest }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it is in the text first, if it is.
    ///
    /// # Errors
    /// When the search takes too many steps.
    pub fn find(&self, text: &[u8], steps: &Steps) -> Result<Option<usize>, TooExpensive> {
        let needle = self.text.as_bytes();
        let mut start = 0;
        steps.spend(SEARCH)?;
        while let Some(rest) = text.get(start + self.rarest..) {
            let Some(skipped) = memchr(needle[self.rarest], rest) else {
                steps.spend(rest.len() / SKIPPED)?;
                break;
            };
            steps.spend(CANDIDATE + (skipped + needle.len()) / SKIPPED)?;
            start += skipped;
            if text[start..].starts_with(needle) {
                return Ok(Some(start));
            }
            start += 1;
        }
        Ok(None)
    }
}
