//! How many deliveries an endpoint takes in a time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Deliveries per second.
const MAX_PER_SECOND: u32 = 10_000;
/// Deliveries per hour.
const MAX_PER_HOUR: u32 = 10_000_000;

/// Over a limit deliveries wait; none is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Deliveries per second, 1–10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub per_second: Option<u32>,
    /// Deliveries per hour, 1–10,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub per_hour: Option<u32>,
}

impl RateLimit {
    /// What is wrong with it: a pointer below `/rate_limit` and what would be right.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.per_second.is_none() && self.per_hour.is_none() {
            problems.push(("", "has per_second, per_hour or both".to_owned()));
        }
        let ranges = [
            ("/per_second", self.per_second, MAX_PER_SECOND),
            ("/per_hour", self.per_hour, MAX_PER_HOUR),
        ];
        for (pointer, value, max) in ranges {
            if value.is_some_and(|value| !(1..=max).contains(&value)) {
                problems.push((pointer, format!("is a whole number from 1 to {max}")));
            }
        }
        problems
    }
}
