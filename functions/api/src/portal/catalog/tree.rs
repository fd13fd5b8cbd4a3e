//! A schema's outline as nested lists: a screen reader tells how deep it is, and how many there are.

use maud::{Markup, html};

use super::outline::Line;

/// An outline, from its top.
pub fn of(outline: &Line) -> Markup {
    html! {
        div.tree {
            (about(outline))
            (below(outline))
        }
    }
}

fn below(line: &Line) -> Markup {
    html! {
        @if !line.below.is_empty() {
            ul {
                @for one in &line.below {
                    li {
                        @if one.is_member { code.member { (one.name) } } @else { span.place { (one.name) } }
                        @if one.required { " " span.required { "required" } }
                        (about(one))
                        (below(one))
                    }
                }
            }
        }
    }
}

fn about(line: &Line) -> Markup {
    html! {
        " " span.kind { (line.kind) }
        @if !line.values.is_empty() {
            " " span.chips { @for value in &line.values { code.chip { (value) } } }
        }
        @if !line.description.is_empty() { p { (line.description) } }
        @if !line.rules.is_empty() { p.soft.small.wrap { (line.rules.join(" · ")) } }
    }
}
