//! Code that verifies a signature, made of a language's template and a scheme.
//!
//! A template's lines are code, in which `{{name}}` stands for a text, quoted as the language wants
//! it (`{{key}}` and `{{tolerance}}` are no texts, but code); or they begin with `%%`:
//! - `%% if <name>` … `%% else` … `%% end`: lines that are there or not;
//! - `%% content` with `%% case <text|id|unix|body>` … `%% end`: for each piece of what is signed,
//!   in order, the lines of its case.

use posthorn_shared::dialect::{Encoding, Part, Placeholder};
use posthorn_shared::secret::SecretForm;

use super::language::Language;
use super::scheme::{Key, Scheme, Time};

/// Seconds that a signature may be old, or ahead of the receiver's clock: what Standard Webhooks'
/// own libraries allow.
pub const TOLERANCE: &str = "300";

/// The code; `None`: the scheme holds a text that can't be quoted.
pub fn of(language: &Language, scheme: &Scheme) -> Option<String> {
    let (mut code, mut shown) = (String::new(), vec![true]);
    let mut lines = language.template.lines();
    while let Some(line) = lines.next() {
        let shows = shown.iter().all(|one| *one);
        match line.strip_prefix("%% ") {
            Some("else") => {
                if let Some(last) = shown.last_mut() {
                    *last = !*last;
                }
            }
            Some("end") => drop(shown.pop()),
            Some("content") => {
                let block: Vec<&str> =
                    lines.by_ref().take_while(|line| *line != "%% end").collect();
                if shows {
                    content(&mut code, &block, language, scheme)?;
                }
            }
            Some(directive) => shown.push(scheme.is(directive.strip_prefix("if ")?)?),
            None if shows => push(&mut code, line, language, scheme, None)?,
            None => {}
        }
    }
    Some(code)
}

fn content(code: &mut String, block: &[&str], language: &Language, scheme: &Scheme) -> Option<()> {
    for part in &scheme.content {
        let case = match part {
            Part::Text(_) => "text",
            Part::Placeholder(Placeholder::Id) => "id",
            Part::Placeholder(Placeholder::Unix) => "unix",
            Part::Placeholder(_) => "body",
        };
        let here = block.iter().skip_while(|line| line.strip_prefix("%% case ") != Some(case));
        let text = match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Placeholder(_) => None,
        };
        for line in here.skip(1).take_while(|line| !line.starts_with("%%")) {
            push(code, line, language, scheme, text)?;
        }
    }
    Some(())
}

/// Adds a line with its texts; `{{text}}` stands for the piece of what is signed, if that is one.
fn push(
    code: &mut String,
    line: &str,
    language: &Language,
    scheme: &Scheme,
    text: Option<&str>,
) -> Option<()> {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}")?;
        code.push_str(before);
        match (name, scheme.key) {
            ("tolerance", _) => code.push_str(TOLERANCE),
            ("key", Key::Secret(_)) => code.push_str("secret"),
            ("key", Key::Public) => code.push_str(language.public_key),
            ("text", _) => code.push_str(&language.quoted(text?)?),
            _ => code.push_str(&language.quoted(&scheme.text(name)?)?),
        }
        rest = after;
    }
    code.push_str(rest);
    code.push('\n');
    Some(())
}

impl Scheme {
    /// What a template asks.
    fn is(&self, name: &str) -> Option<bool> {
        let standard = self.key == Key::Secret(SecretForm::Standard);
        let public = self.key == Key::Public;
        Some(match name {
            "public" => public,
            "secret" => !public,
            "standard" => standard,
            "hex" => self.encoding == Encoding::Hex,
            "uses_hex" => public || self.encoding == Encoding::Hex,
            "uses_base64" => standard || self.encoding == Encoding::Base64,
            "wrapped" => !(self.before.is_empty() && self.after.is_empty()),
            "several" | "lists" => self.separator.is_some(),
            "id" => self.id_header.is_some(),
            "timed" => self.time.is_some(),
            "time_in_header" => matches!(self.time, Some(Time::Header(_))),
            "token" => self.token_header.is_some(),
            _ => return None,
        })
    }

    /// A text that a template names.
    fn text(&self, name: &str) -> Option<String> {
        if let Some(name) = name.strip_suffix("_lower") {
            return self.text(name).map(|text| text.to_ascii_lowercase());
        }
        match name {
            "header" => Some(self.header.clone()),
            "before" => Some(self.before.clone()),
            "after" => Some(self.after.clone()),
            "separator" => self.separator.clone(),
            "id_header" => self.id_header.clone(),
            "time_header" => match &self.time {
                Some(Time::Header(name)) => Some(name.clone()),
                _ => None,
            },
            "time_prefix" => match &self.time {
                Some(Time::Prefix(prefix)) => Some(prefix.clone()),
                _ => None,
            },
            "token_header" => self.token_header.clone(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::language::LANGUAGES;
    use super::*;
    use posthorn_shared::dialect::{Dialect, Dialects};

    fn scheme(dialect: &str) -> Scheme {
        Scheme::of(Dialects::built_in().named(dialect).unwrap()).unwrap()
    }

    #[test]
    fn every_language_has_code_for_every_built_in_dialect() {
        for dialect in Dialects::built_in().all() {
            let scheme = Scheme::of(dialect).unwrap();
            for language in &LANGUAGES {
                let code = of(language, &scheme);
                let code = code.unwrap_or_else(|| panic!("{} {}", dialect.name, language.id));
                assert!(!code.contains("%%") && !code.contains("{{"), "{code}");
                let lower = code.to_ascii_lowercase();
                assert!(lower.contains(&scheme.header.to_ascii_lowercase()), "{code}");
                assert_eq!(code.contains(TOLERANCE), scheme.time.is_some(), "{code}");
            }
        }
    }

    #[test]
    fn with_a_public_key_every_language_has_code_of_its_own() {
        let scheme = Scheme::with_public_key(&Dialect::standard()).unwrap();
        for language in &LANGUAGES {
            let code = of(language, &scheme).unwrap();
            assert!(!code.contains("%%") && !code.contains("{{"), "{code}");
            assert!(code.contains("v1a,") && code.contains("whpk_"), "{code}");
            assert!(code.contains(language.public_key), "{code}");
            assert!(!code.to_lowercase().contains("hmac") && !code.contains("secret"), "{code}");
        }
        for dialect in Dialects::built_in().all() {
            let has = Scheme::with_public_key(dialect).is_some();
            assert_eq!(has, dialect.name == "standard", "{}", dialect.name);
        }
    }

    #[test]
    fn a_time_beside_the_signatures_is_found_there() {
        let scheme = Scheme {
            separator: Some(",".to_owned()),
            before: "v1=".to_owned(),
            time: Some(Time::Prefix("t=".to_owned())),
            content: vec![
                Part::Placeholder(Placeholder::Unix),
                Part::Text(".".to_owned()),
                Part::Placeholder(Placeholder::Body),
            ],
            ..scheme("fltr")
        };
        for language in &LANGUAGES {
            let code = of(language, &scheme).unwrap();
            assert!(code.contains("t=") && code.contains("v1="), "{code}");
        }
    }

    #[test]
    fn what_a_dialect_says_stays_a_text() {
        let odd = Scheme { before: r#"'"\$#{x}"#.to_owned(), ..scheme("fltr") };
        let python = LANGUAGES.iter().find(|language| language.id == "python").unwrap();
        let code = of(python, &odd).unwrap();
        assert!(code.contains(r#"expected = '\'"\\$#{x}' + signature + ''"#), "{code}");
        let worse = Scheme { before: "a\nb".to_owned(), ..odd };
        assert_eq!(of(python, &worse), None);
    }
}
