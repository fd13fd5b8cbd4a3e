//! Fields of forms: a label, a hint, what is wrong, and all of it tied together for screen readers.

use maud::{Markup, html};
use posthorn_shared::problem::Problem;

use super::moment;

/// What a field says; one that is empty, or has nothing but spaces, says nothing.
pub fn said(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The same for a point in time.
pub fn said_time(text: &str) -> Option<String> {
    said(text).map(|text| moment::from_form(&text))
}

/// What is wrong with a form.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong at a pointer, or below it; one text, if anything.
    pub fn at(&self, pointer: &str) -> Option<String> {
        let below = |problem: &&Problem| {
            let rest = problem.pointer.strip_prefix(pointer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let texts: Vec<String> = self
            .0
            .iter()
            .filter(below)
            .map(|problem| {
                let inner = problem.pointer[pointer.len()..].trim_start_matches('/');
                if inner.is_empty() || inner.bytes().all(|byte| byte.is_ascii_digit()) {
                    problem.detail.clone()
                } else {
                    format!("{inner}: {}", problem.detail)
                }
            })
            .collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    /// Said once above the form, which is where a reader begins. `named`: each field's pointer, id
    /// and label.
    pub fn summary(&self, named: &[(&str, &str, &str)]) -> Markup {
        if self.is_empty() {
            return html! {};
        }
        let elsewhere: Vec<&Problem> = self
            .0
            .iter()
            .filter(|problem| {
                !named.iter().any(|(pointer, ..)| problem.pointer.starts_with(pointer))
            })
            .collect();
        html! {
            div.note.bad role="alert" tabindex="-1" data-problems {
                div {
                    strong { "This is not saved yet." }
                    ul {
                        @for (pointer, id, label) in named {
                            @if let Some(text) = self.at(pointer) {
                                li { a href={ "#" (id) } { (label) } " " (text) }
                            }
                        }
                        @for problem in elsewhere { li { (problem.detail) } }
                    }
                }
            }
        }
    }
}

/// What is around an input.
pub struct Field<'a> {
    pub id: &'a str,
    pub label: &'a str,
    pub hint: Option<Markup>,
    pub error: Option<String>,
}

impl Field<'_> {
    /// The ids of hint and error, for `aria-describedby`.
    pub fn described_by(&self) -> Option<String> {
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.id));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.id));
        let ids: Vec<String> = error.into_iter().chain(hint).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    pub fn invalid(&self) -> Option<&'static str> {
        self.error.as_ref().map(|_| "true")
    }

    /// With its input.
    pub fn around(&self, input: &Markup) -> Markup {
        html! {
            div.field {
                label for=(self.id) { (self.label) }
                (input)
                (self.below())
            }
        }
    }

    /// Error and hint.
    pub fn below(&self) -> Markup {
        html! {
            @if let Some(error) = &self.error { p.error id={ (self.id) "-error" } { (error) } }
            @if let Some(hint) = &self.hint { p.hint id={ (self.id) "-hint" } { (hint) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_found_by_its_field() {
        let problems = Problems::new(vec![
            Problem::new("/event_types/3", "expected an event type"),
            Problem::new("/headers/Host", "can't be changed"),
            Problem::new("/url", "is required"),
        ]);
        assert_eq!(problems.at("/event_types").as_deref(), Some("expected an event type"));
        assert_eq!(problems.at("/headers").as_deref(), Some("Host: can't be changed"));
        assert_eq!(problems.at("/u"), None);
        let summary = problems.summary(&[("/url", "url", "URL")]).into_string();
        assert!(summary.contains("<a href=\"#url\">URL</a> is required"), "{summary}");
        assert!(summary.contains("<li>can't be changed</li>"), "{summary}");
    }
}
