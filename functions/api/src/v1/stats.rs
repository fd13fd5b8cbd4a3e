//! `/v1/endpoints/{id}/stats`

use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use posthorn_shared::api_key::Scope;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::stats::{Counters, Hour};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::extract::{Path, Query};
use crate::operations::endpoints;
use crate::paging::Narrowing;
use crate::problem::Refusal;
use crate::state::ApiState;

/// What is shown where nothing is said, and at the most.
const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_hours(24);
const MAX_WINDOW: SignedDuration = SignedDuration::from_hours(31 * 24);

/// The hours to show.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// From the hour that this lies in; 24 hours before `until` where nothing is said.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    since: Option<String>,
    /// To the hour that this lies in; now where nothing is said. At most 31 days after `since`.
    #[param(value_type = Option<Timestamp>, nullable = false)]
    until: Option<String>,
}

/// An endpoint's statistics. Test sends are not counted. They are written beside the deliveries and
/// may lack a few after a crash: the log is what counts.
#[derive(Serialize, ToSchema)]
pub struct Stats {
    since: Timestamp,
    until: Timestamp,
    total: Numbers,
    /// Oldest first; hours without attempts are left out.
    hours: Vec<HourStats>,
}

/// One hour.
#[derive(Serialize, ToSchema)]
pub struct HourStats {
    /// When it begins.
    hour: Timestamp,
    #[serde(flatten)]
    numbers: Numbers,
}

/// What became of deliveries.
#[derive(Serialize, ToSchema)]
pub struct Numbers {
    attempts: u64,
    failed_attempts: u64,
    /// Deliveries that succeeded.
    delivered: u64,
    /// Deliveries that were given up.
    failed: u64,
    /// Delivered among delivered and failed, 0–1; null when there is neither.
    success_rate: Option<f64>,
    /// How long attempts took; null when there was none.
    latency_ms: Option<Latency>,
}

/// Milliseconds, estimated from buckets.
#[derive(Serialize, ToSchema)]
pub struct Latency {
    p50: u64,
    p95: u64,
    p99: u64,
}

impl From<&Counters> for Numbers {
    fn from(counters: &Counters) -> Self {
        let percentiles = [0.5, 0.95, 0.99].map(|share| counters.latency_ms(share));
        let latency_ms = match percentiles {
            [Some(p50), Some(p95), Some(p99)] => Some(Latency { p50, p95, p99 }),
            _ => None,
        };
        Self {
            attempts: counters.attempts,
            failed_attempts: counters.failed_attempts,
            delivered: counters.delivered,
            failed: counters.failed,
            success_rate: counters.success_rate(),
            latency_ms,
        }
    }
}

/// What became of an endpoint's deliveries, hour by hour.
#[utoipa::path(get, operation_id = "get_stats", path = "/v1/endpoints/{id}/stats", tag = "endpoints",
    params(("id" = EndpointId, Path), StatsQuery), responses((status = 200, body = Stats)))]
pub async fn show(
    caller: Caller,
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(query): Query<StatsQuery>,
) -> Result<Json<Stats>, Refusal> {
    let account = caller.account(Scope::Read)?;
    let endpoint = endpoints::find(&state, account, &id).await?;
    let mut narrowing = Narrowing::default();
    let since = narrowing.time("/since", query.since);
    let until = narrowing.time("/until", query.until);
    let until = until.unwrap_or_else(|| state.runtime.clock.now());
    let since =
        since.unwrap_or_else(|| until.checked_sub(DEFAULT_WINDOW).unwrap_or(Timestamp::UNIX_EPOCH));
    if until < since {
        narrowing.problem("/since", "is not after until");
    } else if until.duration_since(since) > MAX_WINDOW {
        narrowing.problem("/since", "is at most 31 days before until");
    }
    narrowing.finish()?;

    let found = state.store.stats(&endpoint.id, Hour::of(since), Hour::of(until)).await?;
    let mut total = Counters::default();
    for (_, counters) in &found {
        total.add(counters);
    }
    let hours = found
        .iter()
        .map(|(hour, counters)| HourStats { hour: hour.start(), numbers: counters.into() });
    Ok(Json(Stats { since, until, total: Numbers::from(&total), hours: hours.collect() }))
}
