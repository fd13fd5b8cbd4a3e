//! JSON numbers by value: `1`, `1.0` and `1e0` are equal, and whole numbers of 64 bits are never
//! rounded.

use std::cmp::Ordering;

use serde_json::Number;

/// A number that compares exactly with any other.
#[derive(Debug, Clone, Copy)]
pub enum Exact {
    /// Within the 64 bits of `i64` or `u64`.
    Whole(i128),
    /// Everything else. Never NaN: JSON has none.
    Double(f64),
}

/// An interval that is not empty.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    low: Option<Bound>,
    high: Option<Bound>,
}

/// One end of a range.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    pub at: Exact,
    /// Whether the range holds `at` itself.
    pub inclusive: bool,
}

impl From<&Number> for Exact {
    fn from(number: &Number) -> Self {
        let whole = number.as_i64().map(i128::from);
        match whole.or_else(|| number.as_u64().map(i128::from)) {
            Some(whole) => Self::Whole(whole),
            None => Self::Double(number.as_f64().unwrap_or_default()),
        }
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Whole(a), Self::Double(b)) => compare(a, b),
            (Self::Double(a), Self::Whole(b)) => compare(b, a).reverse(),
        }
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Exact {}

/// Compares without turning the whole number into a double, which would round it.
fn compare(whole: i128, double: f64) -> Ordering {
    // The conversion saturates, far outside the 64 bits that `whole` has.
    whole
        .cmp(&(double.trunc() as i128))
        .then_with(|| 0.0.partial_cmp(&double.fract()).unwrap_or(Ordering::Equal))
}

impl Range {
    /// `None`: no number is between these bounds.
    pub fn new(low: Option<Bound>, high: Option<Bound>) -> Option<Self> {
        if let (Some(low), Some(high)) = (low, high) {
            let touching = low.inclusive && high.inclusive;
            match low.at.cmp(&high.at) {
                Ordering::Less => {}
                Ordering::Equal if touching => {}
                Ordering::Equal | Ordering::Greater => return None,
            }
        }
        Some(Self { low, high })
    }

    /// Whether it holds one of these numbers, which are in order.
    pub fn holds_any(&self, numbers: &[Exact]) -> bool {
        let inside = |number: &Exact, bound: Option<Bound>, side: Ordering| {
            bound.is_none_or(|bound| match number.cmp(&bound.at) {
                Ordering::Equal => bound.inclusive,
                other => other == side,
            })
        };
        let first = numbers.partition_point(|number| !inside(number, self.low, Ordering::Greater));
        numbers.get(first).is_some_and(|number| inside(number, self.high, Ordering::Less))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        (&text.parse::<Number>().unwrap()).into()
    }

    #[test]
    fn numbers_sort_by_value() {
        let ascending = [
            "-1e300",
            "-9223372036854775809",
            "-9223372036854775808",
            "-1.5",
            "-1",
            "-0.5",
            "0",
            "0.5",
            "1",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                // 2^63 + 1 is not a double of its own.
                if (i.min(j), i.max(j)) == (1, 2) {
                    continue;
                }
                assert_eq!(exact(a).cmp(&exact(b)), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(exact("1e0"), exact("1"));
        assert_eq!(exact("-0"), exact("0.0"));
        assert_eq!(exact("1.50"), exact("15e-1"));
    }
}
