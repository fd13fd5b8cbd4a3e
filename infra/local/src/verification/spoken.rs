//! Durations as people say them.

use std::fmt;
use std::time::Duration;

/// Shown in two units at the most: `6 min 3 s`, `2 h 5 min`, `3 days`.
pub struct Spoken(pub Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
        match (days, hours, minutes) {
            (2.., _, _) => write!(f, "{days} days"),
            (_, 1.., _) if minutes.is_multiple_of(60) => write!(f, "{hours} h"),
            (_, 1.., _) => write!(f, "{hours} h {} min", minutes % 60),
            (_, _, 1..) if seconds.is_multiple_of(60) => write!(f, "{minutes} min"),
            (_, _, 1..) => write!(f, "{minutes} min {} s", seconds % 60),
            _ => write!(f, "{seconds} s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_two_units_at_the_most() {
        for (seconds, said) in [
            (0, "0 s"),
            (59, "59 s"),
            (300, "5 min"),
            (363, "6 min 3 s"),
            (7_200, "2 h"),
            (90_000, "25 h"),
            (7_529, "2 h 5 min"),
            (300_000, "3 days"),
        ] {
            assert_eq!(Spoken(Duration::from_secs(seconds)).to_string(), said);
        }
    }
}
