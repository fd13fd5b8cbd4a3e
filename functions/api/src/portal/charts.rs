//! Small charts as SVG, made of attributes only (the policy allows no inline styles), each with the
//! same in words: a chart is an image to whoever can't see it.

use maud::{Markup, html};
use posthorn_shared::stats::{Counters, Hour};

use super::moment::grouped;

/// Consecutive hours, the last one the hour that runs.
pub struct Hours(Vec<(Hour, Counters)>);

impl Hours {
    /// The hours up to `now`, as many as are asked for; those that nothing is known of are empty.
    pub fn until(now: Hour, count: i64, known: &[(Hour, Counters)]) -> Self {
        let first = now.0 - count + 1;
        let of = |hour: Hour| {
            let found = known.binary_search_by_key(&hour, |(known, _)| *known);
            found.map(|index| known[index].1).unwrap_or_default()
        };
        Self((first..=now.0).map(|hour| (Hour(hour), of(Hour(hour)))).collect())
    }

    /// All of them together.
    pub fn total(&self) -> Counters {
        self.0.iter().fold(Counters::default(), |mut total, (_, counters)| {
            total.add(counters);
            total
        })
    }

    /// Oldest first.
    pub fn iter(&self) -> std::slice::Iter<'_, (Hour, Counters)> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The most that came to an end in an hour.
    pub fn peak(&self) -> u64 {
        self.0.iter().map(|(_, counters)| counters.delivered + counters.failed).max().unwrap_or(0)
    }
}

/// A share as people read it: never 100 % when something failed.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 99.9 && percent < 100.0 {
        return "99.9 %".to_owned();
    }
    if percent.fract() == 0.0 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

/// Each hour as a bar: what was delivered, and on top of it what failed.
pub fn sparkline(hours: &Hours) -> Markup {
    const WIDTH: f64 = 144.0;
    const HEIGHT: f64 = 36.0;
    let total = hours.total();
    let said = format!(
        "Last {} hours: {} delivered, {} failed",
        hours.0.len(),
        grouped(total.delivered),
        grouped(total.failed)
    );
    html! {
        svg.spark viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(said) preserveAspectRatio="none" {
            (bars(hours, 0.0, 0.0, WIDTH, HEIGHT))
        }
    }
}

/// Bars that fill a rectangle.
pub fn bars(hours: &Hours, left: f64, top: f64, width: f64, height: f64) -> Markup {
    let peak = hours.peak().max(1) as f64;
    let step = width / hours.0.len().max(1) as f64;
    let bar = (step * 0.72).max(1.0);
    // What is there at all is seen.
    let tall = |count: u64| if count == 0 { 0.0 } else { (count as f64 / peak * height).max(2.0) };
    html! {
        @for (index, (_, counters)) in hours.0.iter().enumerate() {
            @let x = left + index as f64 * step + (step - bar) / 2.0;
            @let failed = tall(counters.failed);
            @let delivered = tall(counters.delivered).min((height - failed).max(0.0));
            @if counters.delivered + counters.failed == 0 {
                rect.no-bar x=(tidy(x)) y=(tidy(top + height - 1.5)) width=(tidy(bar)) height="1.5" {}
            }
            @if counters.delivered > 0 {
                rect.ok-bar x=(tidy(x)) y=(tidy(top + height - delivered)) width=(tidy(bar)) height=(tidy(delivered)) rx="1" {}
            }
            @if counters.failed > 0 {
                rect.bad-bar x=(tidy(x)) y=(tidy(top + height - delivered - failed)) width=(tidy(bar)) height=(tidy(failed)) rx="1" {}
            }
        }
    }
}

/// A coordinate, to a tenth.
pub fn tidy(coordinate: f64) -> f64 {
    (coordinate * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(delivered: u64, failed: u64) -> Counters {
        Counters { attempts: delivered + failed, delivered, failed, ..Counters::default() }
    }

    #[test]
    fn hours_that_nothing_is_known_of_are_empty() {
        let known = [(Hour(10), counted(3, 1)), (Hour(12), counted(5, 0))];
        let hours = Hours::until(Hour(12), 4, &known);
        let delivered: Vec<u64> = hours.0.iter().map(|(_, counters)| counters.delivered).collect();
        assert_eq!(delivered, [0, 3, 0, 5]);
        assert_eq!(hours.total().failed, 1);
    }

    #[test]
    fn a_chart_says_in_words_what_it_shows() {
        let known = [(Hour(10), counted(1_200, 3))];
        let shown = sparkline(&Hours::until(Hour(12), 24, &known)).into_string();
        assert!(shown.contains(r#"aria-label="Last 24 hours: 1,200 delivered, 3 failed""#));
        assert!(!shown.contains("style="), "{shown}");
    }

    #[test]
    fn shares_read_easily() {
        for (share, said) in [(1.0, "100 %"), (0.99996, "99.9 %"), (0.5, "50 %"), (0.987, "98.7 %")]
        {
            assert_eq!(percent(share), said);
        }
    }
}
