//! What is around every page.

use axum::response::Html;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets::{HTMX, SCRIPT, STYLES};
use super::moment;
use super::posted::CSRF;
use super::session::Visitor;
use super::site::Site;
use super::trouble::Trouble;

/// No `eval`, no styles that htmx would put into the page itself: the policy refuses both.
const HTMX_CONFIG: &str = r#"{"allowEval":false,"includeIndicatorStyles":false,"historyCacheSize":0,"refreshOnHistoryMiss":true,"selfRequestsOnly":true}"#;

/// The parts of the portal, in the order of its navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    Endpoints,
    Events,
    EventTypes,
    Verify,
}

impl Section {
    const ALL: [Self; 4] = [Self::Endpoints, Self::Events, Self::EventTypes, Self::Verify];

    fn path(self) -> &'static str {
        match self {
            Self::Endpoints => "/endpoints",
            Self::Events => "/events",
            Self::EventTypes => "/event-types",
            Self::Verify => "/verify",
        }
    }

    fn label(self, visitor: &Visitor) -> String {
        match self {
            Self::Endpoints => visitor.words().endpoints_first(),
            Self::Events => "Events".to_owned(),
            Self::EventTypes => "Event types".to_owned(),
            Self::Verify => "Signatures".to_owned(),
        }
    }
}

/// A part of the pages, as the navigation leads to it.
pub struct Part {
    pub path: String,
    pub label: String,
    /// Whether this page belongs to it.
    pub here: bool,
}

/// What leads from page to page, and out. `leave` is where signing out is sent, with what every form
/// of the session carries.
pub fn navigation(name: &str, parts: &[Part], leave: &str, csrf: &str) -> Markup {
    html! {
        nav.sections aria-label=(name) {
            ul {
                @for part in parts {
                    li {
                        a href=(part.path) aria-current=[part.here.then_some("page")] { (part.label) }
                    }
                }
            }
        }
        form.leave method="post" action=(leave) {
            (csrf_field(csrf))
            button.quiet type="submit" { "Sign out" }
        }
    }
}

/// A page of the portal. `content` begins with its `h1`.
pub fn page(visitor: &Visitor, section: Section, title: &str, content: &Markup) -> Html<String> {
    let parts = Section::ALL.map(|one| Part {
        path: visitor.path(one.path()),
        label: one.label(visitor),
        here: one == section,
    });
    let navigation = navigation("Portal", &parts, &visitor.path("/leave"), &visitor.csrf());
    let name = &visitor.view.account.name;
    let whole = html! {
        (content)
        p.small.soft { "Your session ends " (moment::at(visitor.expires_at)) "." }
    };
    document(&visitor.site, &format!("{title} · {name}"), name, Some(&navigation), &whole)
}

/// A page for somebody who is not signed in.
pub fn outside(site: &Site, title: &str, content: &Markup) -> Html<String> {
    document(site, title, "", None, &html! { div.notice-page { (content) } })
}

/// What went wrong, for somebody who is signed in.
pub fn trouble(visitor: &Visitor, trouble: &Trouble) -> Html<String> {
    let title = trouble.to_string();
    let content = html! {
        div.notice-page {
            h1 { (title) }
            p { (trouble.advice()) }
            p { a.button href=(visitor.path("/endpoints")) { "Go to your " (visitor.words().endpoints) } }
        }
    };
    page(visitor, Section::Endpoints, &title, &content)
}

/// The same for somebody who is not.
pub fn trouble_outside(site: &Site, trouble: &Trouble) -> Html<String> {
    let title = trouble.to_string();
    outside(site, &title, &html! { h1 { (title) } p { (trouble.advice()) } })
}

/// What every form carries.
pub fn csrf(visitor: &Visitor) -> Markup {
    csrf_field(&visitor.csrf())
}

/// The same for any session.
pub fn csrf_field(csrf: &str) -> Markup {
    html! { input type="hidden" name=(CSRF) value=(csrf); }
}

/// A whole page; `brand` is what it says at the top.
pub fn document(
    site: &Site,
    title: &str,
    brand: &str,
    navigation: Option<&Markup>,
    content: &Markup,
) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=(HTMX_CONFIG);
                title { (title) }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href=(STYLES.path(site));
                // Not deferred: it puts the chosen theme on before anything is painted.
                script src=(SCRIPT.path(site)) {}
                script src=(HTMX.path(site)) defer {}
            }
            body {
                a.skip href="#content" { "Skip to content" }
                header.top {
                    div.bar {
                        span.brand { (horn()) span.name { (brand) } }
                        @if let Some(navigation) = navigation { (navigation) }
                        button.quiet.theme type="button" data-theme-toggle hidden
                            aria-label="Dark theme" aria-pressed="false" { (half_moon()) }
                    }
                }
                main #content tabindex="-1" { (content) }
                div.toasts role="status" aria-live="polite" {}
            }
        }
    };
    Html(page.into_string())
}

const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect width='24' height='24' rx='6' fill='%23285fd0'/%3E%3Cpath d='M6 14.5v-5h3l6-3.5v12l-6-3.5zM17 9.500a3.500 3.500 0 0 1 0 5' fill='none' stroke='%23fff' stroke-width='1.700' stroke-linejoin='round' stroke-linecap='round'/%3E%3C/svg%3E";

fn horn() -> Markup {
    PreEscaped(
        "<svg class=\"mark\" viewBox=\"0 0 24 24\" width=\"24\" height=\"24\" aria-hidden=\"true\" \
         focusable=\"false\"><rect width=\"24\" height=\"24\" rx=\"6\" class=\"mark-ground\"/>\
         <path d=\"M6 14.500v-5h3l6-3.500v12l-6-3.500zM17.500 9.500a3.500 3.500 0 0 1 0 5\" \
         class=\"mark-line\"/></svg>"
            .to_owned(),
    )
}

fn half_moon() -> Markup {
    PreEscaped(
        "<svg viewBox=\"0 0 24 24\" width=\"20\" height=\"20\" aria-hidden=\"true\" \
         focusable=\"false\"><circle cx=\"12\" cy=\"12\" r=\"8.500\" fill=\"none\" \
         stroke=\"currentColor\" stroke-width=\"1.800\"/><path d=\"M12 3.500a8.500 8.500 0 0 1 0 17z\" \
         fill=\"currentColor\"/></svg>"
            .to_owned(),
    )
}
