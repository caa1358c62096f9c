//! Looks single values up in JSON text without building the rest.
//!
//! The whole text is still validated, so that a value from a damaged document is never taken for
//! good; of a key that stands twice the last one counts, as everywhere.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

mod canonical;
mod digits;

pub use canonical::canonical;
pub use digits::Digits;

/// The value at this path: keys of objects, and numbers from 0 for items of arrays. `None` where
/// the path leads nowhere; a `null` there is a value.
///
/// # Errors
/// When the bytes are not one JSON document.
pub fn lookup<S: AsRef<str>>(bytes: &[u8], path: &[S]) -> Result<Option<Value>, serde_json::Error> {
    find(bytes, path)?.map(serde_json::from_str).transpose()
}

/// The JSON text of the value at this path, as [`lookup`] finds it.
///
/// # Errors
/// As [`lookup`].
pub fn find<'a, S: AsRef<str>>(
    bytes: &'a [u8],
    path: &[S],
) -> Result<Option<&'a str>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let found = Lookup { path }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(found.map(RawValue::get))
}

/// The values of these keys of the object that the text is, in their order; all `None` where it is
/// something else.
///
/// # Errors
/// As [`lookup`].
pub fn pick<S: AsRef<str>>(
    bytes: &[u8],
    keys: &[S],
) -> Result<Vec<Option<Value>>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let found = Pick { keys }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(found)
}

struct Lookup<'p, S> {
    path: &'p [S],
}

impl<'de, S: AsRef<str>> DeserializeSeed<'de> for Lookup<'_, S> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.path.is_empty() {
            return serde::Deserialize::deserialize(deserializer).map(Some);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: AsRef<str>> Visitor<'de> for Lookup<'_, S> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        if let Some((first, rest)) = self.path.split_first() {
            while let Some(here) = map.next_key_seed(IsKey(first.as_ref()))? {
                if here {
                    found = map.next_value_seed(Lookup { path: rest })?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        if let Some((first, rest)) = self.path.split_first() {
            let wanted = index(first.as_ref());
            let mut at = 0;
            loop {
                if Some(at) == wanted {
                    match items.next_element_seed(Lookup { path: rest })? {
                        Some(value) => found = value,
                        None => break,
                    }
                } else if items.next_element::<IgnoredAny>()?.is_none() {
                    break;
                }
                at += 1;
            }
        }
        Ok(found)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

struct Pick<'p, S> {
    keys: &'p [S],
}

impl<'de, S: AsRef<str>> DeserializeSeed<'de> for Pick<'_, S> {
    type Value = Vec<Option<Value>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: AsRef<str>> Visitor<'de> for Pick<'_, S> {
    type Value = Vec<Option<Value>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = vec![None; self.keys.len()];
        while let Some(at) = map.next_key_seed(Among(self.keys))? {
            match at {
                Some(at) => found[at] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(vec![None; self.keys.len()])
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(vec![None; self.keys.len()])
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(vec![None; self.keys.len()])
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(vec![None; self.keys.len()])
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(vec![None; self.keys.len()])
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(vec![None; self.keys.len()])
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(vec![None; self.keys.len()])
    }
}

/// Compares a key without keeping it.
struct IsKey<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// Finds a key among several without keeping it.
struct Among<'k, S>(&'k [S]);

impl<'de, S: AsRef<str>> DeserializeSeed<'de> for Among<'_, S> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<S: AsRef<str>> Visitor<'_> for Among<'_, S> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| wanted.as_ref() == key))
    }
}

/// The number that a segment is as the index of an array.
fn index(segment: &str) -> Option<usize> {
    segment
        .bytes()
        .all(|digit| digit.is_ascii_digit())
        .then(|| segment.parse().ok())
        .flatten()
}

/// Looks whether the bytes are one JSON document, all of it UTF-8.
///
/// # Errors
/// When they are not.
pub fn check(bytes: &[u8]) -> Result<(), serde_json::Error> {
    // Of what it passes over the parser looks at the form only.
    let text = std::str::from_utf8(bytes).map_err(Error::custom)?;
    serde_json::from_str(text).map(|IgnoredAny| ())
}

/// Whether the bytes are one JSON document, all of it UTF-8.
pub fn is_valid(bytes: &[u8]) -> bool {
    check(bytes).is_ok()
}

/// The text that ids are compared by, of a JSON text that says it as it stands: a text without
/// escapes, or a whole number.
pub fn plain(recorded: &str) -> Option<&str> {
    let inner = recorded
        .strip_prefix('"')
        .and_then(|it| it.strip_suffix('"'));
    if let Some(inner) = inner {
        return (!inner.contains('\\')).then_some(inner);
    }
    let digits = recorded.strip_prefix('-').unwrap_or(recorded);
    let is_whole = digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_whole && digits != "0" || recorded == "0").then_some(recorded)
}

/// A number with a fraction or an exponent that is a whole one all the same, and exact: `7.0` and `7`
/// are one.
#[expect(
    clippy::cast_possible_truncation,
    reason = "only taken where it is exact"
)]
#[expect(clippy::cast_precision_loss, reason = "only taken where it is exact")]
pub fn whole(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && number.abs() < (1_i64 << 53) as f64;
    is_whole.then_some(number as i64)
}

/// A scalar as the text that ids are compared by: texts as they are, numbers in decimal, whole ones
/// without a fraction, `true` and `false` as words; `None` for `null`, arrays and objects.
pub fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => {
            let float = number.as_f64().filter(|_| number.is_f64());
            Some(Cow::Owned(match float.and_then(whole) {
                Some(whole) => whole.to_string(),
                None => number.to_string(),
            }))
        }
        Value::Bool(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_finds_its_value() {
        let text = br#"{"a":{"b":[1,{"c":"x"}],"n":null,"d.e":5},"a2":1,"0":"key","\u0061b":7}"#;
        for (path, found) in [
            ("a b 1 c", Some(json!("x"))),
            ("a b 0", Some(json!(1))),
            ("a b 2", None),
            ("a b -1", None),
            ("a b", Some(json!([1, {"c": "x"}]))),
            ("a n", Some(Value::Null)),
            ("a n x", None),
            ("a d.e", Some(json!(5))),
            ("a2 x", None),
            ("0", Some(json!("key"))),
            ("ab", Some(json!(7))),
            ("missing", None),
        ] {
            let path: Vec<&str> = path.split(' ').collect();
            assert_eq!(lookup(text, &path).unwrap(), found, "{path:?}");
        }
    }

    #[test]
    fn the_last_of_two_equal_keys_counts_as_when_the_whole_is_built() {
        let text = br#"{"a":{"b":1},"a":{"c":2}}"#;
        assert_eq!(lookup(text, &["a", "b"]).unwrap(), None);
        assert_eq!(lookup(text, &["a", "c"]).unwrap(), Some(json!(2)));
    }

    #[test]
    fn numbers_stay_exact() {
        let text = br#"{"max":18446744073709551615,"min":-9223372036854775808}"#;
        assert_eq!(lookup(text, &["max"]).unwrap(), Some(json!(u64::MAX)));
        assert_eq!(lookup(text, &["min"]).unwrap(), Some(json!(i64::MIN)));
    }

    #[test]
    fn damage_anywhere_is_an_error() {
        for bad in [
            "",
            "{",
            r#"{"a":1"#,
            r#"{"a":1} x"#,
            r#"{"a":1,"b":nope}"#,
            "{\"a\":1,\"b\":\"\u{1}\"}",
        ] {
            assert!(lookup(bad.as_bytes(), &["a"]).is_err(), "{bad}");
            assert!(pick(bad.as_bytes(), &["a"]).is_err(), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(lookup(deep.as_bytes(), &["0"]).is_err());
    }

    #[test]
    fn picking_gives_each_key_its_value() {
        let text = br#"{"a":1,"x":[1,2],"b":null}"#;
        let found = pick(text, &["b", "a", "c"]).unwrap();
        assert_eq!(found, [Some(Value::Null), Some(json!(1)), None]);
        assert_eq!(pick(b"[1]", &["a"]).unwrap(), [None]);
        assert_eq!(pick(b"7", &["a"]).unwrap(), [None]);
    }
}
