//! The table at the end.

use crate::meter::{BUDGET, Bill};
use crate::scenario::Figures;

/// Prints the figures for people.
pub fn print(results: &[Figures]) {
    println!(
        "\n{:<14} {:>9} {:>10} {:>12} {:>11} {:>9} {:>8} {:>8} {:>8} {:>5}",
        "scenario",
        "accepted",
        "delivered",
        "per CPU s",
        "CPU s",
        "peak MiB",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "twice"
    );
    for figures in results {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        println!(
            "{:<14} {:>9} {:>10} {:>12} {:>11} {:>9} {:>8} {:>8} {:>8} {:>5}",
            figures.scenario,
            number(figures.accepted_per_second, 0),
            number(figures.delivered_per_second, 0),
            number(figures.per_cpu_second, 0),
            number(Some(figures.cpu_seconds), 2),
            number(Some(figures.peak_mib), 0),
            number(figures.p50_ms, 1),
            number(figures.p95_ms, 1),
            number(figures.p99_ms, 1),
            figures.duplicates,
        );
    }
    for figures in results {
        for (name, value) in &figures.facts {
            println!("{:<14} {name}: {value:.1}", figures.scenario);
        }
    }
    println!("accepted and delivered are per second; CPU and memory are the stack's alone");
    for bill in results.iter().filter_map(|figures| figures.bill.as_ref()) {
        print_bill(bill);
    }
}

fn print_bill(bill: &Bill) {
    println!("\nper million deliveries (list prices of {}, us-east-1, arm64)", bill.prices_as_of);
    println!("{:<34} {:>12} {:>12}", "", "measured", "budget");
    let row = |name: &str, measured: f64, budget: f64| {
        let verdict = if measured <= budget { "" } else { "  over" };
        println!("{name:<34} {measured:>12.0} {budget:>12.0}{verdict}");
    };
    row("SQS requests", bill.sqs_requests, BUDGET.sqs_requests);
    row("DynamoDB write units", bill.write_units, BUDGET.write_units);
    row("DynamoDB read units", bill.read_units, BUDGET.read_units);
    row("Lambda invocations", bill.invocations, BUDGET.invocations);
    let verdict = if bill.dollars <= BUDGET.dollars { "" } else { "  over" };
    println!("{:<34} {:>12.2} {:>12.2}{verdict}", "US dollars", bill.dollars, BUDGET.dollars);
    println!("{:<34} {:>12.0}", "handler milliseconds, here", bill.handler_ms);
    println!("{:<34} {:>12.0}", "schedules fired", bill.schedules);
    for (operation, calls) in &bill.calls {
        println!("  {operation:<32} {calls:>12.0}");
    }
}
