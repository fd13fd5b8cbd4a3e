//! What AWS would bill for what the stack's meter has counted.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Deserialize)]
struct Prices {
    as_of: String,
    sqs: SqsPrices,
    dynamodb: DynamoDbPrices,
    lambda: LambdaPrices,
    scheduler: SchedulerPrices,
}

#[derive(Debug, Deserialize)]
struct SqsPrices {
    per_million_requests: f64,
}

#[derive(Debug, Deserialize)]
struct DynamoDbPrices {
    per_million_write_units: f64,
    per_million_read_units: f64,
}

#[derive(Debug, Deserialize)]
struct LambdaPrices {
    per_million_invocations: f64,
    per_gb_second: f64,
    memory_gb: f64,
}

#[derive(Debug, Deserialize)]
struct SchedulerPrices {
    per_million_invocations: f64,
}

/// Use per million deliveries, and its price.
#[derive(Debug, Clone, Serialize)]
pub struct Bill {
    pub prices_as_of: String,
    /// Calls by service and operation, per million deliveries.
    pub calls: BTreeMap<String, f64>,
    pub sqs_requests: f64,
    pub write_units: f64,
    pub read_units: f64,
    pub invocations: f64,
    /// As measured here, where AWS is a loopback away.
    pub handler_ms: f64,
    pub schedules: f64,
    pub dollars: f64,
}

/// The budget of DESIGN.md, per million events with one delivery each.
pub struct Budget {
    pub sqs_requests: f64,
    pub write_units: f64,
    pub read_units: f64,
    pub invocations: f64,
    pub dollars: f64,
}

pub const BUDGET: Budget = Budget {
    sqs_requests: 650_000.0,
    write_units: 2_300_000.0,
    read_units: 200_000.0,
    invocations: 250_000.0,
    dollars: 2.0,
};

/// Prices the counts of so many deliveries.
pub fn bill(counts: &Value, deliveries: u64) -> Result<Bill> {
    let prices: Prices = toml::from_str(include_str!("../prices.toml")).context("prices.toml")?;
    let scale = 1_000_000.0 / deliveries as f64;
    let mut calls = BTreeMap::new();
    let (mut sqs_requests, mut schedules) = (0.0, 0.0);
    for (service, operations) in counts["calls"].as_object().into_iter().flatten() {
        for (operation, count) in operations.as_object().into_iter().flatten() {
            let number = |name: &str| count[name].as_f64().unwrap_or(0.0) * scale;
            calls.insert(format!("{service} {operation}"), number("calls"));
            match service.as_str() {
                // Idle polling is left out here: it costs by the hour, not by the delivery.
                "sqs" => sqs_requests += number("requests_billed"),
                "scheduler" if operation == "Invocation" => schedules += number("calls"),
                _ => {}
            }
        }
    }
    let sum = |field: &str| -> f64 {
        let functions = counts["lambda"].as_object().into_iter().flatten();
        functions.map(|(_, count)| count[field].as_f64().unwrap_or(0.0)).sum::<f64>() * scale
    };
    let unit = |name: &str| counts["dynamodb"][name].as_f64().unwrap_or(0.0) * scale;
    let (write_units, read_units) = (unit("write_units"), unit("read_units"));
    let (invocations, handler_ms) = (sum("invocations"), sum("milliseconds"));
    let million = 1_000_000.0;
    let dollars = sqs_requests / million * prices.sqs.per_million_requests
        + write_units / million * prices.dynamodb.per_million_write_units
        + read_units / million * prices.dynamodb.per_million_read_units
        + invocations / million * prices.lambda.per_million_invocations
        + handler_ms / 1_000.0 * prices.lambda.memory_gb * prices.lambda.per_gb_second
        + schedules / million * prices.scheduler.per_million_invocations;
    Ok(Bill {
        prices_as_of: prices.as_of,
        calls,
        sqs_requests,
        write_units,
        read_units,
        invocations,
        handler_ms,
        schedules,
        dollars,
    })
}
