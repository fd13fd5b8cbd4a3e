//! How much was sent, and how that went.

use maud::{Markup, html};
use posthorn_shared::stats::Counters;

use crate::portal::charts::percent;
use crate::portal::moment::{grouped, millis};

/// The numbers of 24 hours.
pub fn numbers(total: &Counters) -> Markup {
    let took = |share| total.latency_ms(share).map_or("–".to_owned(), millis);
    html! {
        dl.numbers {
            div { dt { "Delivered, 24 h" } dd { (grouped(total.delivered)) } }
            div { dt { "Failed, 24 h" } dd { (grouped(total.failed)) } }
            div { dt { "Success rate" } dd { (rate(total)) } }
            div { dt { "Attempts" } dd { (grouped(total.attempts)) } }
            div { dt { "Failed attempts" } dd { (grouped(total.failed_attempts)) } }
            div { dt { "99 % answer within" } dd { (took(0.99)) } }
        }
    }
}

/// Delivered among all that came to an end, for people.
pub fn rate(total: &Counters) -> String {
    total.success_rate().map_or("–".to_owned(), percent)
}
