//! Numbers of a state: exact as long as nobody calculated in floating point.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

/// A number. A decimal keeps the places it was written with, which count for nothing.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A whole number within 64 bits.
    Integer(i64),
    /// An exact decimal, or a whole number beyond 64 bits.
    Decimal(Decimal),
    /// What was calculated or stored in floating point, or lies beyond what a decimal can hold.
    Float(f64),
}

impl Number {
    /// The number that a text is, as JSON or SQL write it; exact where 28 digits are enough.
    pub fn parse(text: &str) -> Option<Number> {
        if let Ok(integer) = text.parse() {
            return Some(Number::Integer(integer));
        }
        let begins = text.trim_start_matches(['-', '+']);
        if !begins.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') {
            return None;
        }
        let decimal = Decimal::from_str_exact(text).ok();
        match decimal.or_else(|| Decimal::from_scientific(text).ok()) {
            Some(decimal) => Some(Number::Decimal(decimal)),
            None => {
                let float: f64 = text.parse().ok()?;
                float.is_finite().then_some(Number::Float(float))
            }
        }
    }

    /// The whole number within 64 bits that it is, however it is written.
    pub fn whole(self) -> Option<i64> {
        match self {
            Number::Integer(number) => Some(number),
            Number::Decimal(number) if number.fract().is_zero() => number.to_i64(),
            Number::Decimal(_) | Number::Float(_) => None,
        }
    }

    /// The sum; `None` where it cannot be held.
    pub fn plus(self, other: Number) -> Option<Number> {
        if let (Number::Integer(one), Number::Integer(other)) = (self, other)
            && let Some(sum) = one.checked_add(other)
        {
            return Some(Number::Integer(sum));
        }
        match (self.exact(), other.exact()) {
            (Some(one), Some(other)) => one.checked_add(other).map(Number::Decimal),
            _ => finite(self.float() + other.float()),
        }
    }

    /// The same with the other sign.
    pub fn negated(self) -> Number {
        match self {
            Number::Integer(number) => match number.checked_neg() {
                Some(number) => Number::Integer(number),
                None => Number::Decimal(-Decimal::from(number)),
            },
            Number::Decimal(number) => Number::Decimal(-number),
            Number::Float(number) => Number::Float(-number),
        }
    }

    /// The number × 10 to the power of `places`; `None` where it cannot be held.
    pub fn scaled(self, places: u32) -> Option<Number> {
        if places == 0 {
            return Some(self);
        }
        let factor = 10_i64.checked_pow(places)?;
        match self.exact() {
            Some(exact) => exact
                .checked_mul(Decimal::from(factor))
                .map(Number::Decimal),
            None => finite(self.float() * factor.to_f64()?),
        }
    }

    /// Whether the two are the same number: exactly, unless one of them is floating point; then
    /// they may lie apart by `tolerance`, relative to the greater one.
    pub fn equals(self, other: Number, tolerance: f64) -> bool {
        match (self.exact(), other.exact()) {
            (Some(one), Some(other)) => one == other,
            _ => {
                let (one, other) = (self.float(), other.float());
                (one - other).abs() <= tolerance * one.abs().max(other.abs())
            }
        }
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.equals(Number::Integer(0), 0.0)
    }

    /// As JSON; a decimal with places becomes floating point, which is all that expressions know.
    pub fn to_json(self) -> serde_json::Value {
        match self {
            Number::Integer(number) => number.into(),
            Number::Decimal(number) => match (number.is_integer(), number.to_u64()) {
                (true, Some(whole)) => whole.into(),
                _ => number.to_f64().into(),
            },
            Number::Float(number) => number.into(),
        }
    }

    fn exact(self) -> Option<Decimal> {
        match self {
            Number::Integer(number) => Decimal::from_i64(number),
            Number::Decimal(number) => Some(number),
            Number::Float(_) => None,
        }
    }

    fn float(self) -> f64 {
        match self {
            Number::Integer(number) => number.to_f64(),
            Number::Decimal(number) => number.to_f64(),
            Number::Float(number) => Some(number),
        }
        .unwrap_or(f64::NAN)
    }
}

fn finite(number: f64) -> Option<Number> {
    number.is_finite().then_some(Number::Float(number))
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Integer(number) => number.fmt(f),
            Number::Decimal(number) => number.normalize().fmt(f),
            Number::Float(number) => write!(f, "{number:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn sums_are_exact_as_long_as_they_can_be() {
        for (one, other, sum) in [
            ("0.1", "0.2", "0.3"),
            ("174.41", "-23.76", "150.65"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("18446744073709551615", "1", "18446744073709551616"),
            ("1.50", "0.5", "2"),
            ("1e2", "1", "101"),
            ("1e300", "1", "1e300"),
        ] {
            let found = number(one).plus(number(other)).unwrap();
            assert_eq!(found.to_string(), sum, "{one} + {other}");
        }
        let most = number("79228162514264337593543950335");
        assert!(most.plus(number("1")).is_none());
        assert!(number("1.7e308").plus(number("1.7e308")).is_none());
    }

    #[test]
    fn numbers_of_different_kinds_are_compared_by_what_they_are() {
        for (one, other, equal) in [
            ("5", "5.00", true),
            ("5", "5.0000000001", false),
            ("0.3", "0.30", true),
            ("18446744073709551615", "18446744073709551615", true),
            ("18446744073709551615", "18446744073709551616", false),
        ] {
            assert_eq!(
                number(one).equals(number(other), 1e-9),
                equal,
                "{one} {other}"
            );
        }
        let float = Number::Float(0.1 + 0.2);
        assert!(float.equals(number("0.3"), 1e-9) && !float.equals(number("0.3"), 0.0));
        assert!(!Number::Float(1.0).equals(number("1.00001"), 1e-9));
        assert!(Number::Float(-0.0).is_zero() && !number("0.01").is_zero());
    }

    #[test]
    fn a_scale_turns_amounts_into_cents() {
        for (amount, places, cents) in [
            ("174.41", 2, "17441"),
            ("5", 2, "500"),
            ("1.005", 2, "100.5"),
        ] {
            let found = number(amount).scaled(places).unwrap();
            assert_eq!(found.to_string(), cents);
            assert!(found.equals(number(cents), 0.0));
        }
        assert!(number("79228162514264337593543950335").scaled(1).is_none());
        assert!(
            Number::Float(1.745)
                .scaled(2)
                .unwrap()
                .equals(number("174.5"), 1e-9)
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", "-", ".", "abc", "1,5", "0x10", "inf", "NaN", "1e999", " 5", "--5",
        ] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }
}
