//! Numbers of a state: exact as long as nobody calculated in floating point.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

/// A whole number of 128 bits, which asks for no more room than the other numbers do.
#[derive(Debug, Clone, Copy)]
pub struct Great([u8; 16]);

impl From<i128> for Great {
    fn from(number: i128) -> Great {
        Great(number.to_le_bytes())
    }
}

impl From<Great> for i128 {
    fn from(Great(bytes): Great) -> i128 {
        i128::from_le_bytes(bytes)
    }
}

/// A number. A decimal keeps the places it was written with, which count for nothing.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A whole number within 64 bits.
    Integer(i64),
    /// An exact decimal, or a whole number beyond 64 bits.
    Decimal(Decimal),
    /// A whole number beyond what a decimal can hold.
    Great(Great),
    /// What was calculated or stored in floating point, or lies beyond what a decimal can hold.
    Float(f64),
}

impl Number {
    /// The number that a text is, as JSON or SQL write it; exact where 28 digits are enough, and
    /// where it is whole and lies within 128 bits.
    pub fn parse(text: &str) -> Option<Number> {
        if let Ok(integer) = text.parse() {
            return Some(Number::Integer(integer));
        }
        let begins = text.trim_start_matches(['-', '+']);
        let is_part = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
        if begins.starts_with(['e', 'E']) || !text.chars().all(is_part) {
            return None;
        }
        let decimal = Decimal::from_str_exact(text).ok();
        if let Some(decimal) = decimal.or_else(|| Decimal::from_scientific(text).ok()) {
            return Some(Number::Decimal(decimal));
        }
        match text.parse::<i128>() {
            Ok(great) => Some(Number::Great(great.into())),
            Err(_) => finite(text.parse().ok()?),
        }
    }

    /// The sum; `None` where it cannot be held.
    pub fn plus(self, other: Number) -> Option<Number> {
        if let (Number::Integer(one), Number::Integer(other)) = (self, other)
            && let Some(sum) = one.checked_add(other)
        {
            return Some(Number::Integer(sum));
        }
        if self.is_float() || other.is_float() {
            return finite(self.float() + other.float());
        }
        let exact = self.exact().zip(other.exact());
        match exact.and_then(|(one, other)| exact_sum(one, other)) {
            Some(sum) => Some(Number::Decimal(sum)),
            None => self.whole()?.checked_add(other.whole()?).map(Number::of),
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
            Number::Great(number) => match i128::from(number).checked_neg() {
                Some(number) => Number::of(number),
                None => Number::Float(-self.float()),
            },
            Number::Float(number) => Number::Float(-number),
        }
    }

    /// The number × 10 to the power of `places`; `None` where it cannot be held.
    pub fn scaled(self, places: u32) -> Option<Number> {
        if places == 0 {
            return Some(self);
        }
        let factor = 10_i64.checked_pow(places)?;
        if self.is_float() {
            return finite(self.float() * factor.to_f64()?);
        }
        let exact = self.exact();
        match exact.and_then(|exact| exact.checked_mul(Decimal::from(factor))) {
            Some(scaled) => Some(Number::Decimal(scaled)),
            None => self.whole()?.checked_mul(factor.into()).map(Number::of),
        }
    }

    /// Whether the two are the same number: exactly, unless one of them is floating point; then
    /// they may lie apart by `tolerance`, relative to the greater one. Infinity is only itself.
    pub fn equals(self, other: Number, tolerance: f64) -> bool {
        self.is_near(other, tolerance, 0.0)
    }

    /// The same, where they may also lie apart by what adding up numbers lost before.
    pub(super) fn is_near(self, other: Number, tolerance: f64, noise: f64) -> bool {
        if self.is_float() || other.is_float() {
            let (one, other) = (self.float(), other.float());
            let apart = (one - other).abs();
            return one == other
                || apart.is_finite() && apart <= noise.max(tolerance * one.abs().max(other.abs()));
        }
        match (self.exact(), other.exact()) {
            (Some(one), Some(other)) => one == other,
            _ => self.whole().is_some() && self.whole() == other.whole(),
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
            Number::Great(_) => self.float().into(),
            Number::Float(number) => number.into(),
        }
    }

    /// Whether it was calculated or stored in floating point.
    pub(super) const fn is_float(self) -> bool {
        matches!(self, Number::Float(_))
    }

    /// A whole number, in the kind that has room for it.
    fn of(whole: i128) -> Number {
        match Decimal::from_i128(whole) {
            Some(decimal) => Number::Decimal(decimal),
            None => Number::Great(whole.into()),
        }
    }

    /// The whole number that it is, however it is written.
    pub(super) fn whole(self) -> Option<i128> {
        match self {
            Number::Integer(number) => Some(number.into()),
            Number::Decimal(number) if number.is_integer() => number.to_i128(),
            Number::Great(number) => Some(number.into()),
            Number::Decimal(_) | Number::Float(_) => None,
        }
    }

    fn exact(self) -> Option<Decimal> {
        match self {
            Number::Integer(number) => Decimal::from_i64(number),
            Number::Decimal(number) => Some(number),
            Number::Great(_) | Number::Float(_) => None,
        }
    }

    /// The nearest floating point number.
    pub(super) fn float(self) -> f64 {
        match self {
            Number::Integer(number) => number.to_f64(),
            Number::Decimal(number) => number.to_f64(),
            Number::Great(number) => i128::from(number).to_f64(),
            Number::Float(number) => Some(number),
        }
        .unwrap_or(f64::NAN)
    }
}

/// A sum with all its digits; `None` where they are more than can be held.
pub fn exact_sum(one: Decimal, other: Decimal) -> Option<Decimal> {
    let sum = one.checked_add(other)?;
    let is_whole = sum.scale() == one.scale().max(other.scale());
    let is_exact = is_whole || sum - one == other && sum - other == one;
    is_exact.then_some(sum)
}

fn finite(number: f64) -> Option<Number> {
    number.is_finite().then_some(Number::Float(number))
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Integer(number) => number.fmt(f),
            Number::Decimal(number) => number.normalize().fmt(f),
            Number::Great(number) => i128::from(*number).fmt(f),
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
            (
                "79228162514264337593543950336",
                "1",
                "79228162514264337593543950337",
            ),
            (
                "79228162514264337593543950336",
                "-1",
                "79228162514264337593543950335",
            ),
        ] {
            let found = number(one).plus(number(other)).unwrap();
            assert_eq!(found.to_string(), sum, "{one} + {other}");
        }
        let most = number("79228162514264337593543950335");
        assert!(most.plus(number("0.5")).is_none());
        let greatest = number(&i128::MAX.to_string());
        assert!(greatest.plus(number("1")).is_none() && greatest.plus(number("-1")).is_some());
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
            (
                "1000000000000000000000000000000",
                "1000000000000000000000000000001",
                false,
            ),
            (
                "1000000000000000000000000000000",
                "1000000000000000000000000000000",
                true,
            ),
            ("1000000000000000000000000000000", "5", false),
            ("1000000000000000000000000000000", "0.5", false),
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
        for infinite in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
            let infinite = Number::Float(infinite);
            assert!(!infinite.equals(number("109"), 1e-9) && !number("0").equals(infinite, 1.0));
        }
        assert!(Number::Float(f64::INFINITY).equals(Number::Float(f64::INFINITY), 0.0));
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
        assert!(
            number("7922816251426433759354395033.5")
                .scaled(28)
                .is_none()
        );
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
            "", "-", ".", "abc", "1,5", "0x10", "inf", "NaN", "1e999", " 5", "--5", "1_000",
            "1_0.5",
        ] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_sum_of_decimals_has_all_its_digits_or_is_none() {
        let sum = |one: &str, other: &str| {
            let decimal = |text| Decimal::from_str_exact(text).unwrap();
            let sum = exact_sum(decimal(one), decimal(other));
            sum.map(|sum| sum.normalize().to_string())
        };
        assert_eq!(sum("0.1", "0.20").as_deref(), Some("0.3"));
        assert_eq!(sum("-0.5", "0.5").as_deref(), Some("0"));
        assert_eq!(sum("100000000000", "0.000000000000000001"), None);
        assert_eq!(sum("79228162514264337593543950335", "1"), None);
        assert!(
            number("100000000000")
                .plus(number("0.000000000000000001"))
                .is_none()
        );
    }
}
