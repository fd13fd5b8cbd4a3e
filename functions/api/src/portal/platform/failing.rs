//! The endpoints that fail most, of all accounts.

use std::cmp::Reverse;

use maud::{Markup, html};
use posthorn_shared::account::Account;
use posthorn_shared::store::StoreError;

use super::figures::rate;
use super::session::Operator;
use super::survey::{Measured, measured, past_day, totals};
use crate::portal::endpoints::state;
use crate::portal::moment::grouped;
use crate::state::ApiState;

/// How many are shown at the most.
const SHOWN: usize = 10;
/// How many are looked at, those that failed last: a query for the numbers of each.
const LOOKED_AT: usize = 200;

/// What failed in the last 24 hours.
pub struct Failing {
    worst: Vec<(Account, Measured)>,
    /// Whether more endpoints failed than were looked at.
    more: bool,
}

/// What endpoints are sorted by, the worst first.
pub fn badness(measured: &Measured) -> Reverse<(u64, u64)> {
    Reverse((measured.total.failed_attempts, measured.total.failed))
}

impl Failing {
    /// Looks at every endpoint that is noted for a failed attempt.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn read(state: &ApiState) -> Result<Self, StoreError> {
        let (first, last) = past_day(state);
        let (noted, more) = state.store.failing(first, last, LOOKED_AT).await?;
        let found = state.store.outlines_with_accounts(&noted).await?;
        let (accounts, outlines): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let ids = outlines.iter().map(|outline| outline.id.clone()).collect();
        let measured = measured(outlines, totals(state, ids).await?.into_iter());
        Ok(Self { worst: worst(accounts.into_iter().zip(measured).collect()), more })
    }

    /// The section that shows them.
    pub fn section(&self, operator: &Operator) -> Markup {
        html! {
            section.card.log aria-labelledby="failing" {
                h2 #failing { "Endpoints that fail most" }
                p.small.soft {
                    "By failed attempts in the last 24 hours, ten at the most. "
                    @if self.more { "Of the " (LOOKED_AT) " endpoints that failed last; there are more." }
                    @else { "Of all accounts." }
                }
                @if self.worst.is_empty() {
                    p { "No attempt failed." }
                } @else {
                    table {
                        caption.unseen { "Endpoints with the most failed attempts in 24 hours" }
                        thead {
                            tr {
                                th scope="col" { "Endpoint" }
                                th scope="col" { "Account" }
                                th scope="col" { "State" }
                                th.number scope="col" { "Failed attempts" }
                                th.number scope="col" { "Success rate" }
                            }
                        }
                        tbody {
                            @for (account, measured) in &self.worst { (row(operator, account, measured)) }
                        }
                    }
                }
            }
        }
    }
}

/// The endpoints with the most failed attempts, worst first. Attempts rather than deliveries: those
/// of an endpoint that is down are retried for a day or more before one of them counts as failed.
fn worst(mut all: Vec<(Account, Measured)>) -> Vec<(Account, Measured)> {
    all.retain(|(_, measured)| measured.total.failed_attempts > 0);
    all.sort_by_key(|(_, measured)| badness(measured));
    all.truncate(SHOWN);
    all
}

fn row(operator: &Operator, account: &Account, measured: &Measured) -> Markup {
    let Measured { endpoint, total } = measured;
    html! {
        tr {
            td { (endpoint.url) div.small.soft.mono { (endpoint.id) } }
            td data-label="Account" {
                a href=(operator.path(&format!("/accounts/{}", account.id))) { (account.name) }
            }
            td { (state::badge_of(endpoint.disabled_reason, endpoint.health)) }
            td.number data-label="Failed attempts" {
                (grouped(total.failed_attempts)) " of " (grouped(total.attempts))
            }
            td.number data-label="Success rate" { (rate(total)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use posthorn_shared::endpoint::Outline;
    use posthorn_shared::health::Health;
    use posthorn_shared::ids::EndpointId;
    use posthorn_shared::stats::Counters;
    use serde_json::json;

    use super::*;

    fn measured(number: u128, failed_attempts: u64, failed: u64) -> (Account, Measured) {
        let account = json!({
            "id": "acme", "name": "Acme", "dialect": "standard",
            "created_at": "2026-11-21T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z",
        });
        let account: Account = serde_json::from_value(account).unwrap();
        let endpoint = Outline {
            id: EndpointId::new(Timestamp::UNIX_EPOCH, number),
            url: format!("https://{number}.example"),
            description: None,
            disabled_reason: None,
            health: Health::default(),
        };
        let total = Counters { attempts: 100, failed_attempts, failed, ..Counters::default() };
        (account, Measured { endpoint, total })
    }

    #[test]
    fn the_worst_come_first_and_the_well_do_not_come() {
        let first = [measured(1, 0, 0), measured(2, 5, 1), measured(3, 9, 0)];
        let all = first.into_iter().chain((4..20).map(|n| measured(n, 5, 0))).collect();
        let worst = worst(all);
        let urls: Vec<&str> = worst.iter().map(|(_, one)| one.endpoint.url.as_str()).collect();
        assert_eq!(urls[..3], ["https://3.example", "https://2.example", "https://4.example"]);
        assert_eq!(urls.len(), SHOWN);
    }
}
