//! Decimal text against a number, with all the digits of both.

use std::cmp::Ordering;

use minijinja::value::Value;

use crate::json::Digits;

/// From here on not every whole number has a floating point number of its own.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// How the number that a text is stands to another one; `None` where it is none.
pub(super) fn compare(text: &str, number: &Value) -> Option<Ordering> {
    let own = digits(text)?;
    if number.is_integer() {
        return Some(order(&own, &digits(&number.to_string())?));
    }
    let float = f64::try_from(number.clone()).ok()?;
    let Some(shortest) = digits(&format!("{float:e}")) else {
        // It is infinite, or not a number at all.
        return Some(text.parse::<f64>().ok()?.total_cmp(&float));
    };
    let by_shortest = order(&own, &shortest);
    if by_shortest == Ordering::Equal || float.abs() < WHOLE {
        return Some(by_shortest);
    }
    // A whole number that was read as floating point need not be the shortest one that reads so.
    Some(order(&own, &digits(&format!("{float:.0}"))?))
}

/// The digits of the number that a text is, as JSON or SQL write it.
fn digits(text: &str) -> Option<Digits> {
    let is_part = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
    if !text.chars().all(is_part) || !text.parse::<f64>().ok()?.is_finite() {
        return None;
    }
    Digits::of(text.strip_prefix('+').unwrap_or(text))
}

fn order(one: &Digits, other: &Digits) -> Ordering {
    let sign = |digits: &Digits| match (digits.significant.is_empty(), digits.is_negative) {
        (true, _) => 0,
        (false, true) => -1,
        (false, false) => 1,
    };
    // 0.DIGITS × 10 to the power of the first.
    let size = |digits: &Digits| digits.power.saturating_add(digits.significant.len() as i64);
    let by_size = (size(one), &one.significant).cmp(&(size(other), &other.significant));
    let by_size = match one.is_negative {
        true => by_size.reverse(),
        false => by_size,
    };
    sign(one).cmp(&sign(other)).then(by_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_is_lost() {
        use Ordering::{Equal, Greater, Less};
        for (text, number, order) in [
            ("5", Value::from(5), Equal),
            ("5.00", Value::from(5), Equal),
            ("+5", Value::from(5.0), Equal),
            ("-50.00", Value::from(0), Less),
            ("-50.5", Value::from(-50), Less),
            ("-9", Value::from(-10), Greater),
            ("0.001", Value::from(0.01), Less),
            ("-0.0", Value::from(0), Equal),
            ("1e2", Value::from(100), Equal),
            ("99", Value::from(100), Less),
            ("0.30", Value::from(0.3), Equal),
            ("0.1000000000000000000001", Value::from(0.1), Greater),
            (
                "9007199254740993",
                Value::from(9007199254740992_i64),
                Greater,
            ),
            ("9007199254740993", Value::from(9007199254740992.0), Greater),
            ("9007199254740993", Value::from(9007199254740993_i64), Equal),
            ("18446744073709551616", Value::from(u64::MAX), Greater),
            (
                "18446744073709551616",
                Value::from(18446744073709551616.0),
                Equal,
            ),
            (
                "18446744073709551617",
                Value::from(18446744073709551616.0),
                Greater,
            ),
            ("1e23", Value::from(1e23), Equal),
            ("1", Value::from(f64::INFINITY), Less),
            ("0e99999999999", Value::from(0), Equal),
        ] {
            assert_eq!(compare(text, &number), Some(order), "{text} {number}");
        }
    }

    #[test]
    fn what_is_no_number_is_told() {
        for text in [
            "", "-", ".", "abc", "1,5", "0x10", "inf", "NaN", "1e999", " 5", "--5", "1_000", "e5",
        ] {
            assert_eq!(compare(text, &Value::from(1)), None, "{text}");
        }
    }
}
