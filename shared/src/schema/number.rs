//! Numbers as JSON Schema sees them: values, however they are written. `1` and `1.0` are one number,
//! and whole.

use std::cmp::Ordering;

use serde_json::Number;

/// Below this a double's whole part is an `i128`: 2^126.
const WHOLE: f64 = 8.507_059_173_023_462e37;

/// A number's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    Whole(i128),
    /// Has a fraction, or is very large.
    Other(f64),
}

impl From<&Number> for Amount {
    fn from(number: &Number) -> Self {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        let double = || number.as_f64().unwrap_or_default();
        whole.map_or_else(|| Self::of_double(double()), Self::Whole)
    }
}

impl Amount {
    fn of_double(double: f64) -> Self {
        if double.fract() == 0.0 && double.abs() < WHOLE {
            Self::Whole(double as i128)
        } else {
            Self::Other(double)
        }
    }

    /// Whether it has no fraction.
    pub fn is_whole(self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Other(double) => double.fract() == 0.0,
        }
    }

    pub fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Other(a), Self::Other(b)) => a.total_cmp(&b),
            (Self::Whole(a), Self::Other(b)) => compare_to_double(a, b),
            (Self::Other(a), Self::Whole(b)) => compare_to_double(b, a).reverse(),
        }
    }
}

/// `whole` is an integer of 64 bits, or a double below [`WHOLE`].
fn compare_to_double(whole: i128, double: f64) -> Ordering {
    if double >= WHOLE {
        Ordering::Less
    } else if double <= -WHOLE {
        Ordering::Greater
    } else {
        // It has a fraction: its whole part is below it.
        whole.cmp(&(double.floor() as i128)).then(Ordering::Less)
    }
}

/// Steps of asking for a multiple: few where both numbers are whole.
pub fn multiple_steps(number: &Number, unit: &Number) -> u64 {
    let whole = |number| matches!(Amount::from(number), Amount::Whole(_));
    if whole(number) && whole(unit) { 1 } else { 50 }
}

/// Whether `number` is a multiple of `unit`, both as they are written in decimal: `0.3` is one of
/// `0.1`. `unit` is above zero.
pub fn is_multiple(number: &Number, unit: &Number) -> bool {
    let (digits, exponent) = decimal(number);
    let (unit, unit_exponent) = decimal(unit);
    if digits == 0 {
        return true;
    }
    if unit == 0 {
        return false;
    }
    let shift = exponent - unit_exponent;
    if shift >= 0 {
        // Both factors are below the unit, and that is below 2^64.
        ((digits % unit) * power_of_ten(shift.unsigned_abs(), unit)).is_multiple_of(unit)
    } else {
        let power = 10_u128.checked_pow(shift.unsigned_abs());
        let unit = power.and_then(|power| unit.checked_mul(power));
        // A unit beyond 128 bits is more than any digits.
        unit.is_some_and(|unit| digits % unit == 0)
    }
}

/// A power of ten modulo a number below 2^64.
fn power_of_ten(mut exponent: u32, modulus: u128) -> u128 {
    let (mut power, mut square) = (1 % modulus, 10 % modulus);
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = power * square % modulus;
        }
        square = square * square % modulus;
        exponent /= 2;
    }
    power
}

/// The digits of a number without its sign, and the power of ten that they count. The digits are
/// below 2^64: a double has at most 17.
fn decimal(number: &Number) -> (u128, i32) {
    if let Amount::Whole(whole) = Amount::from(number)
        && let Ok(digits) = u64::try_from(whole.unsigned_abs())
    {
        return (digits.into(), 0);
    }
    let text = format!("{:e}", number.as_f64().unwrap_or_default().abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}").parse().unwrap_or(0);
    let places = i32::try_from(fraction.len()).unwrap_or(0);
    (digits, exponent.parse().unwrap_or(0) - places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn numbers_compare_by_value_exactly() {
        // In ascending order, equal ones on one line.
        let ascending = [
            vec!["-1e300"],
            vec!["-18446744073709551616"],
            vec!["-9223372036854775808", "-9223372036854775808.0"],
            vec!["-1.5"],
            vec!["-1", "-1.0", "-10e-1"],
            vec!["0", "-0.0", "0e5"],
            vec!["0.1", "1e-1"],
            vec!["1", "1.0"],
            vec!["9007199254740992", "9007199254740992.0"],
            vec!["9007199254740993"],
            vec!["18446744073709551615"],
            vec!["18446744073709551616", "1.8446744073709552e19"],
            vec!["1e40"],
            vec!["1e300"],
        ];
        for (i, line) in ascending.iter().enumerate() {
            for (j, other) in ascending.iter().enumerate() {
                for (a, b) in line.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
                    let (x, y) = (number(a), number(b));
                    assert_eq!(Amount::from(&x).compare(Amount::from(&y)), i.cmp(&j), "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn multiples_are_those_of_the_decimals_that_are_written() {
        for (value, unit, expected) in [
            ("10", "2", true),
            ("7", "2", false),
            ("0", "0.01", true),
            ("4.5", "1.5", true),
            ("35", "1.5", false),
            ("0.0075", "0.0001", true),
            ("0.00751", "0.0001", false),
            ("0.3", "0.1", true),
            ("19.99", "0.01", true),
            ("-19.995", "0.01", false),
            ("12391239123", "1e-8", true),
            ("1e308", "0.5", true),
            ("1e308", "0.123456789", false),
            ("1e308", "1e-308", true),
            ("1e-308", "1e308", false),
            ("18446744073709551615", "5", true),
            ("18446744073709551614", "5", false),
            ("9007199254740993", "2", false),
        ] {
            assert_eq!(is_multiple(&number(value), &number(unit)), expected, "{value} {unit}");
        }
    }

    #[test]
    fn whole_numbers_have_no_fraction_however_they_are_written() {
        for (text, whole) in
            [("1", true), ("1.0", true), ("1e2", true), ("1e300", true), ("1.5", false)]
        {
            assert_eq!(Amount::from(&number(text)).is_whole(), whole, "{text}");
        }
    }
}
