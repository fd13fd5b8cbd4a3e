//! Times and durations as people read them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

/// A time: in UTC as it is written, in the reader's own zone once the script has seen it.
pub fn at(time: Timestamp) -> Markup {
    let exact = time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    html! { time datetime=(exact) title=(exact) { (time.strftime("%d %b %Y, %H:%M:%S UTC")) } }
}

/// A time by how long ago it is, or how soon.
pub fn relative(time: Timestamp, now: Timestamp) -> Markup {
    let exact = time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    html! { time datetime=(exact) title=(exact) data-relative { (distance(time, now)) } }
}

fn distance(time: Timestamp, now: Timestamp) -> String {
    let ahead = time.duration_since(now);
    let size = if ahead.is_negative() { now.duration_since(time) } else { ahead };
    if size < SignedDuration::from_secs(10) {
        return if ahead.is_positive() { "in a moment" } else { "just now" }.to_owned();
    }
    let size = roughly(size.unsigned_abs());
    if ahead.is_positive() { format!("in {size}") } else { format!("{size} ago") }
}

/// One unit is enough to see how long it is.
fn roughly(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    counted(count, unit)
}

/// `1 attempt`, `2 attempts`.
pub fn counted(count: u64, unit: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {unit}{plural}", grouped(count))
}

/// `12,345`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `3 ms`, `1.2 s`
pub fn millis(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        _ => format!("{:.1} s", millis as f64 / 1000.0),
    }
}

/// A time as a form sends it: with its zone, from the script; without one, in UTC, from a browser by
/// itself. What is neither is left to whoever reads it to refuse.
pub fn from_form(text: &str) -> String {
    let civil = text.parse::<jiff::civil::DateTime>().ok().filter(|_| !text.ends_with('Z'));
    let zoned = civil.and_then(|civil| civil.to_zoned(jiff::tz::TimeZone::UTC).ok());
    zoned.map_or_else(|| text.to_owned(), |zoned| zoned.timestamp().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_is_said_in_one_unit() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        for (seconds, said) in [
            (-3, "just now"),
            (3, "in a moment"),
            (-61, "1 minute ago"),
            (-7_200, "2 hours ago"),
            (-100_000, "27 hours ago"),
            (-259_200, "3 days ago"),
            (90, "in 1 minute"),
        ] {
            let time = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
            assert_eq!(distance(time, now), said);
        }
    }

    #[test]
    fn a_time_without_a_zone_is_utc() {
        assert_eq!(from_form("2026-11-21T10:00"), "2026-11-21T10:00:00Z");
        assert_eq!(from_form("2026-11-21T10:00:00.000Z"), "2026-11-21T10:00:00.000Z");
        assert_eq!(from_form("yesterday"), "yesterday");
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, said) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), said);
        }
    }
}
