//! What is around every page of one endpoint.

use axum::response::Html;
use jiff::Timestamp;
use maud::{Markup, html};
use posthorn_shared::endpoint::Endpoint;

use super::state;
use crate::portal::notice::{self, Done};
use crate::portal::session::Visitor;
use crate::portal::shell::{self, Section};

/// The pages of an endpoint, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    Deliveries,
    Test,
    Again,
    Settings,
}

impl Tab {
    const ALL: [Self; 4] = [Self::Deliveries, Self::Test, Self::Again, Self::Settings];

    fn label(self) -> &'static str {
        match self {
            Self::Deliveries => "Deliveries",
            Self::Test => "Test",
            Self::Again => "Send again",
            Self::Settings => "Settings",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Deliveries => "",
            Self::Test => "/test",
            Self::Again => "/again",
            Self::Settings => "/settings",
        }
    }
}

/// The path of a page of an endpoint; `page` begins with a slash, or is empty.
pub fn path(visitor: &Visitor, endpoint: &Endpoint, page: &str) -> String {
    visitor.path(&format!("/endpoints/{}{page}", endpoint.id))
}

/// A page of an endpoint.
pub fn page(
    visitor: &Visitor,
    endpoint: &Endpoint,
    now: Timestamp,
    tab: Tab,
    done: Option<Done>,
    content: &Markup,
) -> Html<String> {
    let words = visitor.words();
    let title = format!("{} · {}", tab.label(), endpoint.url);
    let whole = html! {
        (notice::of(done, visitor))
        div.head {
            div {
                p.crumbs { a href=(visitor.path("/endpoints")) { (words.endpoints_first()) } }
                h1 { (endpoint.url) }
                div.row-meta.actions {
                    (state::badge(endpoint))
                    @if let Some(description) = &endpoint.description { span.soft.wrap { (description) } }
                }
            }
            div.actions {
                a.button href=(path(visitor, endpoint, "/edit")) { "Edit" }
                (switch(visitor, endpoint))
            }
        }
        @if let Some(explanation) = state::explanation(endpoint, now) {
            div.note.warn { div { (explanation) } }
        }
        nav.tabs aria-label=(words.endpoint_first()) {
            ul {
                @for one in Tab::ALL {
                    li {
                        a href=(path(visitor, endpoint, one.path())) aria-current=[(one == tab).then_some("page")] { (one.label()) }
                    }
                }
            }
        }
        (content)
    };
    shell::page(visitor, Section::Endpoints, &title, &whole)
}

/// Off asks first; on does not.
fn switch(visitor: &Visitor, endpoint: &Endpoint) -> Markup {
    let words = visitor.words();
    if !endpoint.is_active() {
        return html! {
            form.inline method="post" action=(path(visitor, endpoint, "/enable")) {
                (shell::csrf(visitor))
                button.primary type="submit" { "Switch on" }
            }
        };
    }
    html! {
        button type="button" data-opens="switch-off" { "Switch off" }
        dialog #switch-off aria-labelledby="switch-off-title" {
            form method="post" action=(path(visitor, endpoint, "/disable")) {
                (shell::csrf(visitor))
                h2 #switch-off-title { "Switch this " (words.endpoint) " off?" }
                p { "It gets no new events, and deliveries that are being retried are cancelled. Settings, secret and log stay." }
                p.soft { "When it is on again, what it missed can be sent under “Send again”." }
                div.actions {
                    button type="button" data-closes { "Leave it on" }
                    button.danger type="submit" { "Switch off" }
                }
            }
        }
    }
}
