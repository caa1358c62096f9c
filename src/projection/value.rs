//! What a field of a state holds.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::projection::number::Number;

/// A value. Cloning one is cheap.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing, on purpose.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(Arc<str>),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A mapping.
    Object(Arc<BTreeMap<String, Value>>),
}

impl Value {
    /// The value of a JSON text, with every digit that stands there; `None` where it is none.
    pub fn parse(text: &str) -> Option<Value> {
        let json: Json = serde_json::from_str(text).ok()?;
        // The document says that it is sound, and not too deep to be gone through.
        match has_long_numbers(text) {
            true => exact(serde_json::from_str(text).ok()?),
            false => Some(Value::written(&json)),
        }
    }

    /// The value of a JSON document that was written down: its fractions are the decimals that
    /// stand there.
    pub fn written(json: &Json) -> Value {
        Value::build(json, &|number| Number::parse(&number.to_string()))
    }

    /// The value that an expression calculated: its fractions are floating point.
    pub fn calculated(json: &Json) -> Value {
        Value::build(json, &|number| number.as_f64().map(Number::Float))
    }

    fn build(json: &Json, fraction: &dyn Fn(&serde_json::Number) -> Option<Number>) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Bool(*truth),
            Json::Number(number) => {
                let number = if number.is_f64() {
                    fraction(number)
                } else {
                    Number::parse(&number.to_string())
                };
                number.map_or(Value::Null, Value::Number)
            }
            Json::String(text) => Value::Text(text.as_str().into()),
            Json::Array(items) => {
                let items = items.iter().map(|item| Value::build(item, fraction));
                Value::List(Arc::new(items.collect()))
            }
            Json::Object(keys) => {
                let keys = keys
                    .iter()
                    .map(|(key, value)| (key.clone(), Value::build(value, fraction)));
                Value::Object(Arc::new(keys.collect()))
            }
        }
    }

    /// Bytes kept beside its own.
    pub fn bytes(&self) -> usize {
        /// Of what counts who shares a value.
        const COUNTS: usize = 2 * size_of::<usize>();
        match self {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::Text(text) => COUNTS + text.len(),
            Value::List(items) => {
                let own = |item: &Value| size_of::<Value>() + item.bytes();
                COUNTS + items.iter().map(own).sum::<usize>()
            }
            Value::Object(fields) => {
                let own = |(name, value): (&String, &Value)| {
                    size_of::<(String, Value)>() + name.len() + value.bytes()
                };
                COUNTS + fields.iter().map(own).sum::<usize>()
            }
        }
    }

    /// The number that it is, or that it is the text of, as decimal amounts often are.
    pub fn number(&self) -> Option<Number> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(text) => Number::parse(text),
            Value::Null | Value::Bool(_) | Value::List(_) | Value::Object(_) => None,
        }
    }

    /// Whether two values are the same; numbers as [`Number::equals`] has it.
    pub fn equals(&self, other: &Value, tolerance: f64) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Number(one), Value::Number(other)) => one.equals(*other, tolerance),
            (Value::Text(one), Value::Text(other)) => one == other,
            (Value::List(one), Value::List(other)) => {
                let pairs = || one.iter().zip(other.iter());
                one.len() == other.len() && pairs().all(|(one, other)| one.equals(other, tolerance))
            }
            (Value::Object(one), Value::Object(other)) => {
                let same = |key: &String, value: &Value| {
                    other
                        .get(key)
                        .is_some_and(|other| value.equals(other, tolerance))
                };
                one.len() == other.len() && one.iter().all(|(key, value)| same(key, value))
            }
            _ => false,
        }
    }

    /// Feeds it into a hasher: values that are equal to the last digit give the same.
    pub fn digest(&self, hasher: &mut impl Hasher) {
        match self {
            Value::Text(text) => (2_u8, text).hash(hasher),
            Value::List(items) => {
                (4_u8, items.len()).hash(hasher);
                items.iter().for_each(|item| item.digest(hasher));
            }
            Value::Object(fields) => {
                (5_u8, fields.len()).hash(hasher);
                for (name, value) in &**fields {
                    name.hash(hasher);
                    value.digest(hasher);
                }
            }
            Value::Number(number) => match number.whole() {
                Some(whole) => (6_u8, whole).hash(hasher),
                None => (3_u8, number.to_string()).hash(hasher),
            },
            Value::Null | Value::Bool(_) => (3_u8, self.to_string()).hash(hasher),
        }
    }

    /// What these keys lead to in it.
    pub fn at(&self, keys: &[String]) -> Option<&Value> {
        keys.iter().try_fold(self, |value, key| match value {
            Value::Object(fields) => fields.get(key),
            Value::List(items) => items.get(key.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => None,
        })
    }

    /// As expressions see it.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Null => Json::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Number(number) => number.to_json(),
            Value::Text(text) => text.as_ref().into(),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Object(keys) => keys
                .iter()
                .map(|(key, value)| (key.clone(), value.to_json()))
                .collect(),
        }
    }
}

/// Whether some number may have more digits than floating point keeps, or an identifier looks as if.
fn has_long_numbers(text: &str) -> bool {
    const KEPT: usize = 15;
    let is_part = |letter: &u8| letter.is_ascii_digit() || *letter == b'.';
    let mut parts = text.as_bytes().split(|letter| !is_part(letter));
    parts.any(|part| part.len() > KEPT)
}

/// The value of a sound JSON text, of which every number is taken as it stands there.
fn exact(text: &RawValue) -> Option<Value> {
    let json = text.get();
    Some(match json.as_bytes().first()? {
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            let items: Option<Vec<Value>> = items.into_iter().map(exact).collect();
            Value::List(Arc::new(items?))
        }
        b'{' => {
            let keys: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
            let exact = |(key, value)| Some((key, exact(value)?));
            let keys: Option<BTreeMap<String, Value>> = keys.into_iter().map(exact).collect();
            Value::Object(Arc::new(keys?))
        }
        b'-' | b'0'..=b'9' => Value::Number(Number::parse(json)?),
        _ => Value::written(&serde_json::from_str(json).ok()?),
    })
}

impl fmt::Display for Value {
    /// As JSON, but with every digit of a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(truth) => truth.fmt(f),
            Value::Number(number) => number.fmt(f),
            Value::Text(text) => Json::from(text.as_ref()).fmt(f),
            Value::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Value::Object(keys) => {
                f.write_str("{")?;
                for (index, (key, value)) in keys.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{}:{value}", Json::from(key.as_str()))?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_compared_by_what_they_mean() {
        let big: Json = serde_json::from_str("[1,{\"a\":0.3},18446744073709551615]").unwrap();
        let value = Value::written(&big);
        assert_eq!(value.to_string(), "[1,{\"a\":0.3},18446744073709551615]");
        let same = Value::calculated(&json!([1.0, {"a": 0.1 + 0.2}, u64::MAX]));
        assert!(value.equals(&same, 1e-9) && !value.equals(&same, 0.0));
        for other in [
            json!([1, {"a": 0.3}]),
            json!([1, {"b": 0.3}, u64::MAX]),
            json!(null),
        ] {
            assert!(!value.equals(&Value::written(&other), 1e-9), "{other}");
        }
        assert!(!Value::Bool(true).equals(&Value::written(&json!(1)), 0.0));
        assert!(!Value::written(&json!("1")).equals(&Value::written(&json!(1)), 0.0));
    }

    #[test]
    fn a_text_gives_every_digit_of_its_numbers() {
        for text in [
            "[0.123456789012345678,18446744073709551617]",
            r#"{"a":{"b":[123456789012345678901234567]},"c":"0.10000000000000000"}"#,
            "[0.1,2,-3.5,true,null]",
            "0.12345678901234568",
        ] {
            assert_eq!(Value::parse(text).unwrap().to_string(), text);
        }
        let same = |one, other| {
            let [one, other] = [one, other].map(|text| Value::parse(text).unwrap());
            one.equals(&other, 1e-9)
        };
        assert!(same("[1.50000000000000000000]", "[1.5]"));
        assert!(same(r#"{"a":1,"a":100000000000000000}"#, r#"{"a":1e17}"#));
        assert!(!same("[0.12345678901234568]", "[0.123456789012345681]"));
        let deep = "[".repeat(100_000) + "1234567890123456" + &"]".repeat(100_000);
        for damaged in ["", "[1234567890123456789", "1 2", deep.as_str()] {
            assert!(Value::parse(damaged).is_none());
        }
    }

    #[test]
    fn the_text_of_a_number_counts_as_one() {
        let number = |json: Json| Value::written(&json).number().map(|it| it.to_string());
        assert_eq!(number(json!("174.410")), Some("174.41".to_owned()));
        assert_eq!(number(json!("x")), None);
        assert_eq!(number(json!(true)), None);
    }
}
