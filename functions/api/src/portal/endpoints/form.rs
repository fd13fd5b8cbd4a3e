//! The form of an endpoint, new or not.

use maud::{Markup, html};
use posthorn_shared::dialect::Dialect;
use posthorn_shared::event_type::EventType;
use posthorn_shared::retry_policy::RetryPolicy;

use super::draft::{Draft, retry_text};
use super::filter_check;
use crate::portal::fields::{Field, Problems};
use crate::portal::session::Visitor;
use crate::portal::shell;
use crate::portal::types::{OPERATIONAL, by_group};

/// What a form is about.
pub struct Sheet<'a> {
    pub visitor: &'a Visitor,
    pub draft: &'a Draft,
    pub problems: &'a Problems,
    pub types: &'a [EventType],
    /// Where it is sent.
    pub action: String,
    pub cancel: String,
    pub is_new: bool,
}

/// Pointers, ids and labels, in the order of the form.
const NAMED: [(&str, &str, &str); 9] = [
    ("/url", "url", "URL"),
    ("/description", "description", "Description"),
    ("/event_types", "events", "Events"),
    ("/filter", "filter", "Filter"),
    ("/rate_limit", "per_second", "Rate limit"),
    ("/timeout_seconds", "timeout_seconds", "Time-out"),
    ("/retry", "retry", "Retries"),
    ("/headers", "headers", "Headers"),
    ("/secret", "secret", "Secret"),
];

/// Those that are folded away until somebody needs them.
const ADVANCED: [&str; 6] =
    ["/filter", "/rate_limit", "/timeout_seconds", "/retry", "/headers", "/secret"];

impl Sheet<'_> {
    pub fn show(&self) -> Markup {
        let Self { visitor, draft, problems, .. } = self;
        let words = visitor.words();
        let url = self.field(
            "/url",
            "url",
            "URL",
            html! {
                "Events are sent here, by POST. It begins with https://."
            },
        );
        let description = self.field(
            "/description",
            "description",
            "Description",
            html! {
                "For you, to tell it from others. Optional."
            },
        );
        html! {
            (problems.summary(&NAMED))
            form.form method="post" action=(self.action) novalidate {
                (shell::csrf(visitor))
                (url.around(&html! {
                    input #url type="url" name="url" value=(draft.url) required autocomplete="off" spellcheck="false"
                        maxlength="2048" placeholder="https://example.com/webhooks" aria-describedby=[url.described_by()] aria-invalid=[url.invalid()];
                }))
                (description.around(&html! {
                    input #description type="text" name="description" value=(draft.description) autocomplete="off"
                        maxlength="1024" aria-describedby=[description.described_by()] aria-invalid=[description.invalid()];
                }))
                (self.events())
                (self.advanced())
                div.actions {
                    button.primary type="submit" {
                        @if self.is_new { "Add " (words.endpoint) } @else { "Save" }
                    }
                    a.button href=(self.cancel) { "Cancel" }
                }
            }
        }
    }

    fn field<'f>(&self, pointer: &str, id: &'f str, label: &'f str, hint: Markup) -> Field<'f> {
        Field { id, label, hint: Some(hint), error: self.problems.at(pointer) }
    }

    fn events(&self) -> Markup {
        let error = self.problems.at("/event_types");
        let described = error.as_ref().map(|_| "events-error");
        html! {
            fieldset #events tabindex="-1" aria-describedby=[described] {
                legend { "Events" }
                @if let Some(error) = &error { p #events-error .error { (error) } }
                label.choice {
                    input type="radio" name="events" value="all" checked[self.draft.all_events];
                    span { "All events" span.hint { "Those that are added to the catalog later, too." } }
                }
                label.choice {
                    input type="radio" name="events" value="chosen" checked[!self.draft.all_events] data-reveals="choose-events";
                    span { "Only those that I choose" }
                }
                div #choose-events { (self.choice()) }
            }
        }
    }

    fn choice(&self) -> Markup {
        let chosen = |name: &str| self.draft.chosen.iter().any(|one| one == name);
        let offered = |name: &str| {
            let group = name.strip_suffix(".*");
            self.types.iter().any(|known| {
                let known = known.name.as_str();
                known == name || group.is_some_and(|group| known.split('.').next() == Some(group))
            }) || name == "posthorn.*"
                || OPERATIONAL.iter().any(|(known, _)| *known == name)
        };
        let others: Vec<&str> =
            self.draft.chosen.iter().map(String::as_str).filter(|name| !offered(name)).collect();
        let one = |name: &str, description: &str| {
            html! {
                label.choice data-words={ (name) " " (description) } {
                    input type="checkbox" name="event_type" value=(name) checked[chosen(name)];
                    span { span.mono { (name) } span.hint { (description) } }
                }
            }
        };
        let group = |name: &str, label: Markup, types: &Markup| {
            let whole = format!("{name}.*");
            html! {
                fieldset.group data-group {
                    legend.unseen { (label) }
                    label.choice {
                        input type="checkbox" name="event_type" value=(whole) checked[chosen(&whole)] data-whole;
                        span { strong { "All of " (label) } }
                    }
                    div.types { (types) }
                }
            }
        };
        html! {
            div.field hidden data-needs-script {
                label.unseen for="find-events" { "Find events" }
                input #find-events type="search" placeholder="Find events by name or description" autocomplete="off" data-search="catalog";
            }
            div #catalog .catalog role="group" aria-label="Event types" {
                @for (name, types) in by_group(self.types) {
                    (group(name, html! { (name) }, &html! {
                        @for known in types { (one(known.name.as_str(), &known.description)) }
                    }))
                }
                (group("posthorn", html! { "posthorn: about deliveries themselves" }, &html! {
                    @for (name, description) in OPERATIONAL { (one(name, description)) }
                }))
                p #catalog-none .soft hidden { "No event has these words." }
            }
            details open[!others.is_empty()] {
                summary { "Types that are not in the list" }
                div.field {
                    label for="other_types" { "Names, separated by spaces" }
                    input #other_types .code type="text" name="other_types" value=(others.join(" ")) autocomplete="off"
                        spellcheck="false" aria-describedby="other_types-hint";
                    p.hint #other_types-hint { "A name, or a whole group like " code { "order.*" } "." }
                }
            }
        }
    }

    fn advanced(&self) -> Markup {
        let draft = self.draft;
        let wrong = ADVANCED.iter().any(|pointer| self.problems.at(pointer).is_some());
        let used =
            ![&draft.filter, &draft.per_second, &draft.per_hour, &draft.timeout, &draft.retry]
                .iter()
                .all(|text| text.is_empty())
                || !draft.headers.is_empty();
        html! {
            details open[wrong || used && !self.is_new] {
                summary { "Advanced: filter, limits, retries, headers" @if self.is_new { ", secret" } }
                div.stack {
                    (self.filter())
                    (self.limits())
                    (self.headers())
                    @if self.is_new { (self.secret()) }
                }
            }
        }
    }

    fn filter(&self) -> Markup {
        let check = self.visitor.path("/endpoints/check-filter");
        let field = self.field(
            "/filter",
            "filter",
            "Filter",
            html! {
                "Only events whose content matches are sent. It looks like the event: "
                code { r#"{"data": {"status": ["paid", {"prefix": "part"}]}}"# }
                ". Values in a list are alternatives; fields beside one another must all match."
            },
        );
        let examples: Vec<&EventType> =
            self.types.iter().filter(|known| known.example.is_some()).collect();
        let first = examples.first().map(|known| known.name.as_str()).unwrap_or_default();
        html! {
            div.group.stack {
                (field.around(&html! {
                    textarea #filter .code name="filter" rows="6" spellcheck="false" aria-describedby=[field.described_by()]
                        aria-invalid=[field.invalid()] hx-post=(check) hx-trigger="input changed delay:300ms" hx-target="#filter-verdict" { (draft_text(&self.draft.filter)) }
                }))
                @if !examples.is_empty() {
                    div.field {
                        label for="filter_example" { "Check against the example of" }
                        select #filter_example name="filter_example" hx-post=(check) hx-trigger="change" hx-target="#filter-verdict" {
                            @for known in &examples { option value=(known.name) { (known.name) } }
                        }
                    }
                }
                div #filter-verdict aria-live="polite" {
                    (filter_check::verdict(&self.draft.filter, first, self.types))
                }
            }
        }
    }

    fn limits(&self) -> Markup {
        let Self { draft, visitor, .. } = self;
        let dialect = visitor.dialect();
        let second = Field {
            hint: None,
            ..self.field(
                "/rate_limit/per_second",
                "per_second",
                "Deliveries per second, at most",
                html! {},
            )
        };
        let hour = Field {
            hint: None,
            ..self.field(
                "/rate_limit/per_hour",
                "per_hour",
                "Deliveries per hour, at most",
                html! {},
            )
        };
        let timeout = self.field("/timeout_seconds", "timeout_seconds", "Time-out, in seconds", html! {
            "An answer later than that counts as none. 1 to 30; " (dialect.timeout.as_secs()) " where nothing is said."
        });
        let retry = self.field("/retry", "retry", "Retries, as pauses after each failure", html! {
            "Like " code { "5s 5m 2h" } ", or " code { "none" } ". Where nothing is said: " (policy(&dialect.retry)) "."
        });
        let input = |field: &Field<'_>, value: &str, numeric: bool| {
            let mode = numeric.then_some("numeric");
            field.around(&html! {
                input id=(field.id) type="text" inputmode=[mode] name=(field.id) value=(value) autocomplete="off"
                    aria-describedby=[field.described_by()] aria-invalid=[field.invalid()];
            })
        };
        html! {
            div.pair { (input(&second, &draft.per_second, true)) (input(&hour, &draft.per_hour, true)) }
            p.hint { (limit_hint(dialect)) }
            div.pair { (input(&timeout, &draft.timeout, true)) (input(&retry, &draft.retry, false)) }
        }
    }

    fn headers(&self) -> Markup {
        let error = self.problems.at("/headers");
        let empty = (String::new(), String::new());
        let rows = self.draft.headers.iter().chain(std::iter::once(&empty));
        let own: Vec<&str> = self.visitor.dialect().header_names().collect();
        html! {
            fieldset #headers tabindex="-1" aria-describedby="headers-hint" {
                legend { "Headers" }
                p.hint #headers-hint {
                    "Sent along with every delivery, beside " (own.join(", ")) ". Values are not shown again, but those of a few names like X-Environment; "
                    code { "***" } " keeps one, unless the URL goes to another host. An empty line takes a header away."
                }
                @if let Some(error) = &error { p.error { (error) } }
                div #header-rows {
                    @for (name, value) in rows {
                        div.header-row {
                            input.code type="text" name="header_name" value=(name) placeholder="X-Name" aria-label="Header name" autocomplete="off" spellcheck="false";
                            input.code type="text" name="header_value" value=(value) placeholder="value" aria-label="Header value" autocomplete="off" spellcheck="false";
                        }
                    }
                }
                p hidden data-needs-script { button.compact.quiet type="button" data-adds="header-rows" { "+ Another header" } }
            }
        }
    }

    fn secret(&self) -> Markup {
        let field = self.field(
            "/secret",
            "secret",
            "Signing secret",
            html! {
                "Leave it empty to have a strong one made up. You can see it afterwards."
            },
        );
        field.around(&html! {
            input #secret .code type="text" name="secret" value=(self.draft.secret) autocomplete="off" spellcheck="false"
                aria-describedby=[field.described_by()] aria-invalid=[field.invalid()];
        })
    }
}

/// HTML drops a line break at the beginning of a text area.
fn draft_text(text: &str) -> String {
    if text.starts_with('\n') { format!("\n{text}") } else { text.to_owned() }
}

fn limit_hint(dialect: &Dialect) -> String {
    let rate = dialect.limits.rate();
    let also = match (rate.per_second, rate.per_hour) {
        (None, None) => String::new(),
        (Some(second), None) => format!(" Your account's own limit is {second} a second."),
        (None, Some(hour)) => format!(" Your account's own limit is {hour} an hour."),
        (Some(second), Some(hour)) => {
            format!(" Your account's own limits are {second} a second and {hour} an hour.")
        }
    };
    format!("Over a limit deliveries wait; none is dropped.{also}")
}

fn policy(policy: &RetryPolicy) -> Markup {
    html! { code { (retry_text(policy)) } }
}
