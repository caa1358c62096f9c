//! Amounts with all their digits.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::projection::{self, Number};

/// The number that a text is.
pub(super) fn parse(text: &str) -> Option<Decimal> {
    // A number of neither JSON nor people, which the library takes all the same.
    if text.contains('_') {
        return None;
    }
    let exact = Decimal::from_str_exact(text);
    exact.or_else(|_| Decimal::from_scientific(text)).ok()
}

/// The number that an expression calculated.
pub(super) fn calculated(value: Value, source: &str) -> Option<Decimal> {
    match value {
        Value::Number(number) if number.is_f64() => floating(number.as_f64()?),
        Value::Number(number) => parse(&number.to_string()),
        // A plus joins texts; what comes of that is no sum.
        Value::String(text) if !source.contains('+') => parse(&text),
        _ => None,
    }
}

/// The number that a field of a state holds.
pub(super) fn held(value: &projection::Value) -> Option<Decimal> {
    match value {
        projection::Value::Number(Number::Integer(whole)) => Some((*whole).into()),
        projection::Value::Number(Number::Decimal(decimal)) => Some(*decimal),
        projection::Value::Number(Number::Float(number)) => floating(*number),
        projection::Value::Text(text) => parse(text),
        _ => None,
    }
}

/// What was calculated with floating point is told by the digits that it is sure of.
fn floating(number: f64) -> Option<Decimal> {
    parse(&format!("{number:.14e}"))
}
