//! One text for all the ways in which a JSON document can be written down.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::json::Digits;

/// How many levels of lists and objects a document may have.
const DEEPEST: usize = 128;

/// The text of a JSON document with the keys of objects sorted, and every number written one way
/// with all its digits, so that two documents have the same text if they mean the same.
///
/// # Errors
/// When the bytes are not one JSON document, or one of more than 128 levels.
pub fn canonical(bytes: &[u8]) -> Result<String, serde_json::Error> {
    let json = std::str::from_utf8(bytes).map_err(Error::custom)?;
    let json = json.trim_matches([' ', '\t', '\n', '\r']);
    // Of a list or an object every part is read as it is written down anew.
    if !json.starts_with(['{', '[']) {
        let _sound: &RawValue = serde_json::from_str(json)?;
    }
    // Powers of ten and commas make it somewhat longer.
    let mut text = String::with_capacity(json.len() + json.len() / 4 + 32);
    write(json, DEEPEST, &mut text)?;
    Ok(text)
}

/// A key, borrowed where nothing in it is escaped.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Writes an object whose values may have so many levels, with its keys sorted; of one that stands
/// twice, the last.
struct Object<'t> {
    text: &'t mut String,
    levels: usize,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Object { text, levels } = self;
        let mut entries: SmallVec<[(Key<'de>, &RawValue); 8]> = SmallVec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        entries.dedup_by(|(later, value), (earlier, last)| {
            let is_same = later == earlier;
            if is_same {
                *last = *value;
            }
            is_same
        });
        text.push('{');
        for (key, value) in &entries {
            entry(key, value, levels, text).map_err(A::Error::custom)?;
        }
        text.push('}');
        Ok(())
    }
}

/// Writes a key and its value.
fn entry(
    key: &Key<'_>,
    value: &RawValue,
    levels: usize,
    text: &mut String,
) -> Result<(), serde_json::Error> {
    match &key.0 {
        Cow::Borrowed(plain) => text.extend(["\"", plain, "\""]),
        Cow::Owned(key) => text.push_str(&Value::from(key.as_str()).to_string()),
    }
    text.push(':');
    write(value.get(), levels, text)?;
    text.push(',');
    Ok(())
}

/// Writes a value that may have so many levels. Unless it is a list or an object it is sound.
fn write(json: &str, levels: usize, text: &mut String) -> Result<(), serde_json::Error> {
    let inner = || {
        let deep = || serde_json::Error::custom(format!("more than {DEEPEST} levels"));
        levels.checked_sub(1).ok_or_else(deep)
    };
    match json.as_bytes().first() {
        Some(b'{') => {
            let levels = inner()?;
            let mut deserializer = serde_json::Deserializer::from_str(json);
            Object { text, levels }.deserialize(&mut deserializer)?;
            deserializer.end()?;
        }
        Some(b'[') => {
            let levels = inner()?;
            let items: Vec<&RawValue> = serde_json::from_str(json)?;
            text.push('[');
            for item in items {
                write(item.get(), levels, text)?;
                text.push(',');
            }
            text.push(']');
        }
        // Without an escape there is one way to write it.
        Some(b'"') if !json.contains('\\') => text.push_str(json),
        Some(b'"') => {
            let string: String = serde_json::from_str(json)?;
            text.push_str(&Value::from(string).to_string());
        }
        Some(b'-' | b'0'..=b'9') => number(json, text),
        _ => text.push_str(json),
    }
    Ok(())
}

/// Writes a number as its significant digits and the power of ten of the last one.
fn number(json: &str, text: &mut String) {
    let is_plain = json.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain && !json.starts_with('0') && !json.ends_with('0') {
        return text.extend([json, "e0"]);
    }
    match Digits::of(json) {
        None => text.push_str(json),
        Some(Digits { significant, .. }) if significant.is_empty() => text.push('0'),
        Some(Digits {
            is_negative,
            significant,
            power,
        }) => {
            let sign = if is_negative { "-" } else { "" };
            text.push_str(&format!("{sign}{significant}e{power}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::sampled;

    fn text(json: &str) -> String {
        canonical(json.as_bytes()).unwrap()
    }

    #[test]
    fn what_means_the_same_has_one_text() {
        for (one, other) in [
            (
                r#"{"a": 1, "b": [true, null]}"#,
                r#"{"b":[true,null],"a":1}"#,
            ),
            (r#"{"a": 1, "a": 2}"#, r#"{"a": 2}"#),
            (
                r#"{"b": {"d": [{"y": 1, "x": 2}], "c": 3}, "a": 4, "b": {"d": [{"y": 5, "x": 6}], "c": 7}}"#,
                r#"{"a": 4, "b": {"c": 7, "d": [{"x": 6, "y": 5}]}}"#,
            ),
            (r#""é\n/""#, r#""\u00e9\u000a\/""#),
            (r#"{"\u0061": 1}"#, r#"{"a": 1}"#),
            ("40", "40.00"),
            ("40", "4e1"),
            ("40", "400E-1"),
            ("-0.050", "-5e-2"),
            ("0", "-0.0e7"),
            ("123456789012345678901", "123456789012345678901.0"),
            (" [ ] ", "[]"),
        ] {
            assert_eq!(text(one), text(other));
        }
    }

    #[test]
    fn what_differs_in_one_place_does_not() {
        for (one, other) in [
            ("123456789012345678901", "123456789012345678902"),
            ("0.1", "0.10000000000000000000000000000001"),
            ("1", "10"),
            ("1", "-1"),
            ("1", "\"1\""),
            ("null", "0"),
            ("[1,2]", "[2,1]"),
            ("[[1],2]", "[[1,2]]"),
            (r#"["a","b"]"#, r#"["a\",\"b"]"#),
            (r#"{"a":{}}"#, r#"{"a":[]}"#),
            ("1e999999999999999999999", "1e999999999999999999998"),
        ] {
            assert_ne!(text(one), text(other));
        }
    }

    #[test]
    fn what_is_not_json_has_none() {
        for damaged in [
            "",
            "{",
            "[1,]",
            "nul",
            "\"",
            "1 2",
            "{\"a\":1,}",
            "-",
            "{} {}",
            "[1]]",
            "[nul]",
            "\u{b}1",
            "{\"a\": \"\u{1}\"}",
            "[01]",
        ] {
            assert!(canonical(damaged.as_bytes()).is_err(), "{damaged}");
        }
        let deep = "[".repeat(100_000);
        assert!(canonical(deep.as_bytes()).is_err());
    }

    #[test]
    fn what_is_too_deep_has_none_and_harms_nobody() {
        let nested = |levels: usize| {
            let (open, close) = ("[{\"a\":".repeat(levels / 2), "}]".repeat(levels / 2));
            canonical(format!("{open}1{close}").as_bytes())
        };
        assert!(nested(DEEPEST).is_ok());
        for levels in [DEEPEST + 2, 100_000] {
            let error = nested(levels).unwrap_err().to_string();
            assert!(error.contains("more than 128 levels"), "{error}");
        }
    }

    #[test]
    fn of_a_key_that_stands_twice_only_the_last_value_has_to_have_a_text() {
        let deep = "[".repeat(DEEPEST + 1) + &"]".repeat(DEEPEST + 1);
        for without in [r#"{"x":"\ud800"}"#, &deep] {
            let twice = format!(r#"{{"a":{without},"a":1}}"#);
            assert_eq!(text(&twice), text(r#"{"a":1}"#));
            let last = format!(r#"{{"a":1,"a":{without}}}"#);
            assert!(canonical(last.as_bytes()).is_err());
            let once = format!(r#"{{"a":{without},"b":1}}"#);
            assert!(canonical(once.as_bytes()).is_err());
        }
    }

    proptest::proptest! {
        #![proptest_config(sampled(256))]
        #[test]
        fn numbers_have_one_text_exactly_if_they_are_equal(
            one in -2000_i64..2000, ones in 0..3_u32, other in -2000_i64..2000, others in 0..3_u32
        ) {
            let written = |number: i64, places: u32| {
                let exact = rust_decimal::Decimal::new(number, places);
                (exact, text(&exact.to_string()))
            };
            let (one, first) = written(one, ones);
            let (other, second) = written(other, others);
            proptest::prop_assert_eq!(one == other, first == second);
        }
    }
}
