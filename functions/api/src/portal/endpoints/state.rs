//! What an endpoint is doing, in a word and in a sentence.

use jiff::Timestamp;
use maud::{Markup, html};
use posthorn_shared::endpoint::{DisabledReason, Endpoint};
use posthorn_shared::health::Health;

use crate::portal::moment;

/// A badge that says it in a word.
pub fn badge(endpoint: &Endpoint) -> Markup {
    badge_of(endpoint.disabled_reason, endpoint.health)
}

/// The same where no more is known of the endpoint.
pub fn badge_of(disabled: Option<DisabledReason>, health: Health) -> Markup {
    if disabled.is_some() {
        return html! { span.badge.off { "Switched off" } };
    }
    match (health.open, health.pace) {
        (Some(_), _) => html! { span.badge.bad { "Not reachable" } },
        (None, Some(_)) => html! { span.badge.warn { "Slowed down" } },
        (None, None) => html! { span.badge.good { "Active" } },
    }
}

/// What there is to know beyond the word; nothing while all is well.
pub fn explanation(endpoint: &Endpoint, now: Timestamp) -> Option<Markup> {
    if let Some(reason) = endpoint.disabled_reason {
        let text = match reason {
            DisabledReason::Manual => "It was switched off by hand.",
            DisabledReason::Gone => {
                "It was switched off because it answered 410 Gone: nothing is to be sent there any more."
            }
            DisabledReason::FailureRate => {
                "It was switched off because too many deliveries failed."
            }
            DisabledReason::Failing => {
                "It was switched off because it failed for days, without a single success."
            }
            DisabledReason::Requested => {
                "It was switched off because its answer asked for it (webhook-delivery: disable)."
            }
        };
        return Some(html! { (text) " It gets no deliveries until it is switched on again." });
    }
    if let Some(open) = endpoint.health.open {
        return Some(html! {
            "Nothing has answered there since " (moment::relative(open.since, now)) ". Deliveries wait; the next try is "
            (moment::relative(open.probe_at, now)) ". None is lost."
        });
    }
    endpoint.health.pace.map(|_| {
        html! {
            "It answered that it has too much to do, or took long. Deliveries come more slowly for a while; none is lost."
        }
    })
}
