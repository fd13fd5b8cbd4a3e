//! Poison and floods: what good events notice of them.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::aws::Sqs;
use crate::process::{ADMIN_KEY, Receiver, Stack};
use crate::receiver::Report;
use crate::scenario::{ACCOUNT, Figures, bar, settle, wait};
use crate::{Arguments, load};

/// Good events, a second and in all.
const RATE: u64 = 500;
const SECONDS: u64 = 20;
const KINDS: usize = 1_000;
/// Of the account with a great many.
const ENDPOINTS: u64 = 1_000;
const EVENTS: u64 = 100;

/// Messages that are no events, each wrong in its own way.
fn poison() -> Vec<String> {
    let good = json!({ "account": ACCOUNT, "id": "p1", "type": "bench.event", "data": { "n": 1 } });
    let text = good.to_string();
    let with = |member: &str, value: Value| {
        let mut event = good.clone();
        event[member] = value;
        event.to_string()
    };
    let mut kinds: BTreeSet<String> = BTreeSet::new();
    // Broken off anywhere, and with a quotation mark too many anywhere.
    kinds.extend((0..text.len()).map(|end| text[..end].to_owned()).filter(|text| !text.is_empty()));
    kinds.extend((0..text.len()).map(|at| format!("{}\"{}", &text[..at], &text[at..])));
    // Values of a wrong kind.
    let values = [json!(null), json!(true), json!(-1.5), json!([]), json!([{}]), json!({ "a": 1 })];
    for member in ["account", "type", "timestamp"] {
        kinds.extend(
            values.iter().skip(usize::from(member == "timestamp")).map(|v| with(member, v.clone())),
        );
    }
    kinds.extend((0..50).map(|n| with("account", json!(format!("nobody-{n}")))));
    kinds.extend((0..150).map(|n| with("type", json!(format!("bench event {n}")))));
    kinds.extend((1..100).map(|n| with("type", json!("t".repeat(256 + n)))));
    kinds.extend((1..100).map(|n| with("id", json!("i".repeat(256 + n)))));
    kinds.extend((0..50).map(|n| with("timestamp", json!(format!("the {n}th of May")))));
    // As deep as no data may be.
    kinds.extend((0..50).map(|n| format!("{}{}", "[".repeat(500 + n), "]".repeat(500 + n))));
    kinds.extend((0..).map(|n| with(&format!("unknown_{n}"), json!(n))).take(KINDS));
    kinds.into_iter().collect()
}

/// 10,000 good events alone, then among 1,000 kinds of messages that are none.
pub async fn poisoned(arguments: &Arguments, label: &str) -> Result<Figures> {
    let kinds: Vec<String> = poison().into_iter().take(KINDS).collect();
    let alone = good_ones(arguments, &format!("{label}: alone"), &[]).await?;
    let mut among = good_ones(arguments, &format!("{label}: among poison"), &kinds).await?;
    let ratio = |a: Option<f64>, b: Option<f64>| a.zip(b).map_or(0.0, |(a, b)| a / b);
    among.facts = vec![
        ("kinds of poison".to_owned(), kinds.len() as f64),
        ("p50 to p50 without".to_owned(), ratio(among.p50_ms, alone.p50_ms)),
        ("p95 to p95 without".to_owned(), ratio(among.p95_ms, alone.p95_ms)),
        ("p99 to p99 without".to_owned(), ratio(among.p99_ms, alone.p99_ms)),
    ];
    Ok(among)
}

async fn good_ones(arguments: &Arguments, label: &str, poison: &[String]) -> Result<Figures> {
    let stack = Stack::start(arguments.stack.as_deref()).await?;
    let receiver = Receiver::start().await?;
    let hook = format!("{}/hook", receiver.url);
    let key = load::set_up(&stack.api_url, ADMIN_KEY, ACCOUNT, &[hook]).await?;
    let count = RATE * SECONDS;
    let progress = bar(label, count);
    let mut sqs = Sqs::open(&stack.aws_url).await?;
    let bad = async {
        let pause = std::time::Duration::from_secs(SECONDS) / (poison.len() as u32 / 10).max(1);
        for batch in poison.chunks(10) {
            load::push_bodies(&mut sqs, batch.to_vec()).await?;
            tokio::time::sleep(pause).await;
        }
        anyhow::Ok(())
    };
    let good = load::pace(&stack.api_url, &key, RATE, SECONDS, arguments.connections, &progress);
    let (good, bad) = tokio::join!(good, bad);
    good?;
    bad?;
    let report = wait(&receiver, count, &progress).await?;
    progress.finish_and_clear();
    settle(&stack).await?;
    let dead = depth(&stack, "events-dlq").await?;
    if dead != poison.len() {
        bail!("{dead} dead letters of {} bad messages", poison.len());
    }
    figures(stack, receiver, count, count, &report).await
}

async fn depth(stack: &Stack, name: &str) -> Result<usize> {
    let mut sqs = Sqs::open(&stack.aws_url).await?;
    let names = json!({ "AttributeNames": ["ApproximateNumberOfMessages"] });
    let answer = sqs.call("GetQueueAttributes", name, names).await?;
    let depth = answer["Attributes"]["ApproximateNumberOfMessages"].as_str();
    Ok(depth.unwrap_or_default().parse()?)
}

/// 100 events at once on an account with 1,000 endpoints.
pub async fn endpoints(arguments: &Arguments, label: &str) -> Result<Figures> {
    let stack = Stack::start(arguments.stack.as_deref()).await?;
    let receiver = Receiver::start().await?;
    let urls: Vec<String> =
        (0..ENDPOINTS).map(|number| format!("{}/hook/{number}", receiver.url)).collect();
    let key = load::set_up(&stack.api_url, ADMIN_KEY, ACCOUNT, &urls).await?;
    let deliveries = EVENTS * ENDPOINTS;
    let progress = bar(label, deliveries);
    let before = stack.usage()?;
    let began = crate::receiver::now_micros();
    load::saturate(&stack.api_url, &key, EVENTS, 8, &indicatif::ProgressBar::hidden()).await?;
    let report = wait(&receiver, deliveries, &progress).await?;
    progress.finish_and_clear();
    settle(&stack).await?;
    let elapsed = report.last_at.saturating_sub(began) as f64 / 1e6;
    let cpu_seconds = stack.usage()?.cpu_seconds - before.cpu_seconds;
    let figures = figures(stack, receiver, EVENTS, deliveries, &report).await?;
    Ok(Figures {
        delivered_per_second: Some(deliveries as f64 / elapsed),
        per_cpu_second: Some(deliveries as f64 / cpu_seconds),
        cpu_seconds,
        ..figures
    })
}

async fn figures(
    stack: Stack,
    receiver: Receiver,
    events: u64,
    deliveries: u64,
    report: &Report,
) -> Result<Figures> {
    let usage = stack.usage()?;
    let figures = Figures {
        events,
        deliveries,
        duplicates: report.requests - report.distinct,
        cpu_seconds: usage.cpu_seconds,
        peak_mib: usage.peak_mib,
        ..Figures::default()
    };
    receiver.stop().await?;
    stack.stop().await?;
    Ok(figures.with_latency(report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_enough_of_it() {
        // That each is refused, a run checks: it counts the dead letters.
        assert!(poison().len() >= KINDS, "{}", poison().len());
    }
}
