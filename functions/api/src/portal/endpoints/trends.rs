//! How an endpoint did, hour by hour: what was delivered and what failed, and how long it took.

use maud::{Markup, html};
use posthorn_shared::stats::Counters;

use crate::portal::charts::{Hours, bars, tidy};
use crate::portal::moment::{self, grouped, millis};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 12.0;
const PLOT_WIDTH: f64 = WIDTH - LEFT - 8.0;
const PLOT_HEIGHT: f64 = HEIGHT - TOP - 28.0;

/// Deliveries and failures per hour.
pub fn deliveries(hours: &Hours) -> Markup {
    let top = round_up(hours.peak().max(1));
    let scaled = Scale { top: top as f64 };
    let total = hours.total();
    let said = format!(
        "Deliveries per hour: {} delivered, {} failed in {} hours. The numbers are in the table below.",
        grouped(total.delivered),
        grouped(total.failed),
        hours.len()
    );
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(said) {
            (scaled.grid(|value| grouped(value as u64)))
            @let share = hours.peak() as f64 / top as f64;
            (bars(hours, LEFT, TOP + PLOT_HEIGHT * (1.0 - share), PLOT_WIDTH, PLOT_HEIGHT * share))
            (hour_labels(hours))
        }
        ul.legend aria-hidden="true" {
            li { svg viewBox="0 0 22 12" { rect.ok-bar width="22" height="12" rx="2" {} } "Delivered" }
            li { svg viewBox="0 0 22 12" { rect.bad-bar width="22" height="12" rx="2" {} } "Failed" }
        }
    }
}

/// The percentiles that are drawn, and how.
const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// How long attempts took, hour by hour.
pub fn latency(hours: &Hours) -> Markup {
    let of = |counters: &Counters, share: f64| counters.latency_ms(share);
    let peak = hours.iter().filter_map(|(_, counters)| of(counters, 0.99)).max().unwrap_or(0);
    let scaled = Scale { top: round_up(peak.max(1)) as f64 };
    let step = PLOT_WIDTH / hours.len().max(1) as f64;
    let x = |index: usize| LEFT + (index as f64 + 0.5) * step;
    let total = hours.total();
    let [half, most, nearly_all] =
        PERCENTILES.map(|(_, share)| of(&total, share).map_or("–".to_owned(), millis));
    let said = format!(
        "How long attempts took: half up to {half}, 95 % up to {most}, 99 % up to {nearly_all}. \
         The numbers are in the table below."
    );
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(said) {
            (scaled.grid(|value| millis(value as u64)))
            @for (name, share) in PERCENTILES {
                @for run in runs(hours, share) {
                    @if let [(index, value)] = run[..] {
                        circle class=(name) cx=(tidy(x(index))) cy=(tidy(scaled.y(value as f64))) r="2.5" {}
                    } @else {
                        @let points: Vec<String> = run.iter().map(|(index, value)| {
                            format!("{},{}", tidy(x(*index)), tidy(scaled.y(*value as f64)))
                        }).collect();
                        polyline class={ "line " (name) } points=(points.join(" ")) {}
                    }
                }
            }
            (hour_labels(hours))
        }
        ul.legend aria-hidden="true" {
            @for ((name, _), label) in PERCENTILES.into_iter().zip(["Half of them", "95 %", "99 %"]) {
                li { svg viewBox="0 0 22 12" { line class={ "line " (name) } x1="0" x2="22" y1="6" y2="6" {} } (label) }
            }
        }
    }
}

/// Hours without a gap between them, as points: over an hour without attempts no line is drawn.
fn runs(hours: &Hours, share: f64) -> Vec<Vec<(usize, u64)>> {
    let mut runs: Vec<Vec<(usize, u64)>> = Vec::new();
    for (index, (_, counters)) in hours.iter().enumerate() {
        let Some(value) = counters.latency_ms(share) else {
            continue;
        };
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|(last, _)| last + 1 == index) => {
                run.push((index, value));
            }
            _ => runs.push(vec![(index, value)]),
        }
    }
    runs
}

/// The numbers of both charts, newest first.
pub fn table(hours: &Hours) -> Markup {
    html! {
        details {
            summary { "The numbers, hour by hour" }
            div.scrolls tabindex="0" role="region" aria-label="Numbers by hour" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Hour" }
                            th.number scope="col" { "Delivered" }
                            th.number scope="col" { "Failed" }
                            th.number scope="col" { "Half" }
                            th.number scope="col" { "95 %" }
                            th.number scope="col" { "99 %" }
                        }
                    }
                    tbody {
                        @for (hour, counters) in hours.iter().rev().filter(|(_, c)| c.attempts > 0) {
                            tr {
                                td.nowrap { (moment::at(hour.start())) }
                                td.number { (grouped(counters.delivered)) }
                                td.number { (grouped(counters.failed)) }
                                @for (_, share) in PERCENTILES {
                                    td.number { (counters.latency_ms(share).map_or("–".to_owned(), millis)) }
                                }
                            }
                        }
                    }
                }
                @if hours.total().attempts == 0 { p.soft { "Nothing was sent in this time." } }
            }
        }
    }
}

struct Scale {
    top: f64,
}

impl Scale {
    fn y(&self, value: f64) -> f64 {
        TOP + PLOT_HEIGHT * (1.0 - (value / self.top).min(1.0))
    }

    fn grid(&self, label: impl Fn(f64) -> String) -> Markup {
        html! {
            @for value in [0.0, self.top / 2.0, self.top] {
                @let y = self.y(value);
                line.grid-line x1=(tidy(LEFT)) x2=(tidy(WIDTH - 8.0)) y1=(tidy(y)) y2=(tidy(y)) {}
                text x=(tidy(LEFT - 8.0)) y=(tidy(y + 4.0)) text-anchor="end" { (label(value)) }
            }
        }
    }
}

fn hour_labels(hours: &Hours) -> Markup {
    let step = PLOT_WIDTH / hours.len().max(1) as f64;
    html! {
        @for (index, (hour, _)) in hours.iter().enumerate().filter(|(_, (hour, _))| hour.0 % 6 == 0) {
            text x=(tidy(LEFT + (index as f64 + 0.5) * step)) y=(tidy(HEIGHT - 8.0)) text-anchor="middle" {
                (hour.start().strftime("%H:%M"))
            }
        }
    }
}

/// The next number with one digit that is not zero, or a half of one: a scale that ends there reads
/// easily.
fn round_up(value: u64) -> u64 {
    let mut unit = 1;
    loop {
        for factor in [1, 2, 4, 6, 8] {
            if factor * unit >= value {
                return (factor * unit).max(2);
            }
        }
        unit *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_numbers_that_read_easily() {
        for (value, top) in [(1, 2), (3, 4), (9, 10), (11, 20), (70, 80), (81, 100), (1_234, 2_000)]
        {
            assert_eq!(round_up(value), top);
        }
    }
}
