//! What a field of a state holds.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::Value as Json;

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
    fn the_text_of_a_number_counts_as_one() {
        let number = |json: Json| Value::written(&json).number().map(|it| it.to_string());
        assert_eq!(number(json!("174.410")), Some("174.41".to_owned()));
        assert_eq!(number(json!("x")), None);
        assert_eq!(number(json!(true)), None);
    }
}
