//! What is around every page of the platform team.

use axum::response::Html;
use maud::{Markup, html};

use super::session::Operator;
use crate::portal::moment;
use crate::portal::shell::{self, Part};
use crate::portal::trouble::Trouble;

const BRAND: &str = "Platform team";

/// The parts of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Overview,
    Accounts,
}

/// A page. `content` begins with its `h1`.
pub fn page(operator: &Operator, section: Section, title: &str, content: &Markup) -> Html<String> {
    let part = |one: Section, path: &str, label: &str| Part {
        path: operator.path(path),
        label: label.to_owned(),
        here: one == section,
    };
    let parts =
        [part(Section::Overview, "", "Overview"), part(Section::Accounts, "/accounts", "Accounts")];
    let leave = operator.path("/leave");
    let navigation = shell::navigation(BRAND, &parts, &leave, &operator.csrf());
    let whole = html! {
        (content)
        p.small.soft { "Your session ends " (moment::at(operator.expires_at)) "." }
    };
    let title = format!("{title} · {BRAND}");
    shell::document(&operator.site, &title, BRAND, Some(&navigation), &whole)
}

/// What went wrong.
pub fn trouble(operator: &Operator, trouble: &Trouble) -> Html<String> {
    let title = trouble.to_string();
    let content = html! {
        div.notice-page {
            h1 { (title) }
            p { (trouble.advice()) }
            p { a.button href=(operator.path("")) { "Go to the overview" } }
        }
    };
    page(operator, Section::Overview, &title, &content)
}
