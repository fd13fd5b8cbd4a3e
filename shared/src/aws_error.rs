//! What an AWS call failed by, for people: every cause in its own words, on one line. The SDK's own
//! way prints the whole answer with all headers, too.

use std::error::Error;

/// The error and its causes, the outermost first; a cause that says nothing new is left out.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let (mut told, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        let text = cause.to_string();
        if !told.contains(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        next = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Link(&'static str, #[source] Option<Box<Link>>);

    #[test]
    fn every_cause_is_told_once() {
        let chain = Link("refused", Some(Box::new(Link("refused", None))));
        let chain = Link("dispatch failure", Some(Box::new(chain)));
        assert_eq!(causes(&chain), "dispatch failure: refused");
    }
}
