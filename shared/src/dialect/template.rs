//! Texts with placeholders: `t=${unix},v1=${signature}`.

use std::fmt;

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// The event's id as users know it.
    Id,
    /// The event's type.
    Type,
    /// When the event happened, RFC 3339.
    Timestamp,
    /// Seconds since the epoch, of this attempt.
    Unix,
    /// The request's body.
    Body,
    /// The event's data, byte for byte as its producer wrote it.
    Data,
    /// A comma and the members of the data, but those that the body has itself; nothing if there
    /// are none.
    Members,
    /// The endpoint's token.
    Token,
    /// One signature.
    Signature,
    /// All signatures, separated as the dialect says.
    Signatures,
}

impl Placeholder {
    const ALL: [(&str, Self); 10] = [
        ("id", Self::Id),
        ("type", Self::Type),
        ("timestamp", Self::Timestamp),
        ("unix", Self::Unix),
        ("body", Self::Body),
        ("data", Self::Data),
        (",members", Self::Members),
        ("token", Self::Token),
        ("signature", Self::Signature),
        ("signatures", Self::Signatures),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{}}}", self.name())
    }
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Placeholder(Placeholder),
}

impl fmt::Display for Template {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Placeholder(placeholder) => placeholder.fmt(f),
        })
    }
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(pub Vec<Part>);

impl Template {
    /// Reads a template in which these placeholders may stand.
    ///
    /// # Errors
    /// Which placeholder is wrong, and which would be right.
    pub fn parse(text: &str, allowed: &[Placeholder]) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| format!("a ${{ without }} in {text}"))?;
            let known = Placeholder::ALL.iter().find(|(known, _)| *known == name);
            let placeholder = known.map(|(_, placeholder)| *placeholder);
            let placeholder = placeholder.filter(|p| allowed.contains(p)).ok_or_else(|| {
                let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
                format!("${{{name}}} can't stand here; what can: {}", allowed.join(", "))
            })?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Placeholder(placeholder));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The template with values in the placeholders' places.
    pub fn fill<'v>(&self, value: impl Fn(Placeholder) -> &'v [u8]) -> Vec<u8> {
        let mut filled = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.extend_from_slice(text.as_bytes()),
                Part::Placeholder(placeholder) => filled.extend_from_slice(value(*placeholder)),
            }
        }
        filled
    }

    /// The same where everything is text.
    pub fn fill_text<'v>(&self, value: impl Fn(Placeholder) -> &'v str) -> String {
        let filled = self.fill(|placeholder| value(placeholder).as_bytes());
        String::from_utf8(filled).unwrap_or_default()
    }

    /// What stands in the placeholders' places of a text that [`Self::fill_text`] made: each up to
    /// the text that follows it, the last one to the end. `None`: the template makes no such text.
    pub fn read<'t>(&self, text: &'t str) -> Option<Vec<(Placeholder, &'t str)>> {
        let (mut found, mut rest) = (Vec::new(), text);
        for (index, part) in self.0.iter().enumerate() {
            match part {
                Part::Text(expected) => rest = rest.strip_prefix(expected.as_str())?,
                Part::Placeholder(placeholder) => {
                    let end = match self.0.get(index + 1..) {
                        Some([Part::Text(last)]) => rest.rfind(last.as_str())?,
                        Some([Part::Text(next), ..]) => rest.find(next.as_str())?,
                        _ => rest.len(),
                    };
                    found.push((*placeholder, &rest[..end]));
                    rest = &rest[end..];
                }
            }
        }
        rest.is_empty().then_some(found)
    }

    /// Whether this placeholder stands in it.
    pub fn has(&self, placeholder: Placeholder) -> bool {
        self.0.contains(&Part::Placeholder(placeholder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_wrong_ones_named() {
        let allowed = [Placeholder::Unix, Placeholder::Signature];
        let template = Template::parse("t=${unix},v1=${signature}", &allowed).unwrap();
        let filled = template.fill_text(|placeholder| match placeholder {
            Placeholder::Unix => "7",
            _ => "abc",
        });
        assert_eq!(filled, "t=7,v1=abc");
        let error = Template::parse("${body}", &allowed).unwrap_err();
        assert!(error.contains("${unix}, ${signature}"), "{error}");
        assert!(Template::parse("${unix", &allowed).is_err());
    }

    #[test]
    fn what_was_filled_in_is_read_again() {
        let allowed = [Placeholder::Unix, Placeholder::Signatures];
        let parse = |text: &str| Template::parse(text, &allowed).unwrap();
        let stripe = parse("t=${unix},${signatures}");
        assert_eq!(
            stripe.read("t=7,v1=a,v1=b"),
            Some(vec![(Placeholder::Unix, "7"), (Placeholder::Signatures, "v1=a,v1=b")])
        );
        assert_eq!(parse("(${unix})").read("(a)b)"), Some(vec![(Placeholder::Unix, "a)b")]));
        for other in ["", "t=7", "7,v1=a", "x t=7,v1=a"] {
            assert_eq!(stripe.read(other), None, "{other}");
        }
        assert_eq!(parse("sha256=${unix}!").read("sha256=a!b"), None);
    }
}
