//! Single fields out of a JSON text, without building a tree of it.

use std::fmt;

use rusqlite::types::ValueRef;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The text of the value at `path`; `None` where nothing stands there.
pub(crate) fn find<'a>(json: &'a [u8], path: &[String]) -> Result<Option<&'a str>, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let found = Descend(path)
        .deserialize(&mut deserializer)
        .map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(found.map(RawValue::get))
}

/// What a JSON text stands for, as SQLite would hold it: strings without their quotes, everything
/// else as written. `scratch` takes a string that has escapes in it.
pub(crate) fn scalar<'a>(raw: Option<&'a str>, scratch: &'a mut String) -> ValueRef<'a> {
    match raw {
        None | Some("null") => ValueRef::Null,
        Some(raw) => match raw
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
        {
            Some(inner) if !inner.contains('\\') => ValueRef::Text(inner.as_bytes()),
            Some(_) => match serde_json::from_str(raw) {
                Ok(text) => {
                    *scratch = text;
                    ValueRef::Text(scratch.as_bytes())
                }
                Err(_) => ValueRef::Text(raw.as_bytes()),
            },
            None => ValueRef::Text(raw.as_bytes()),
        },
    }
}

/// Follows the rest of a path into the value that comes next.
struct Descend<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for Descend<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            [] => <&RawValue as serde::Deserialize>::deserialize(deserializer).map(Some),
            [first, rest @ ..] => deserializer.deserialize_any(Container { first, rest }),
        }
    }
}

struct Container<'p> {
    first: &'p str,
    rest: &'p [String],
}

impl<'de> Visitor<'de> for Container<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(here) = map.next_key_seed(IsKey(self.first))? {
            if here {
                found = map.next_value_seed(Descend(self.rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        if let Ok(index) = self.first.parse::<usize>() {
            for _ in 0..index {
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(None);
                }
            }
            found = seq.next_element_seed(Descend(self.rest))?.flatten();
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Whether the next key is this one, without keeping it.
struct IsKey<'p>(&'p str);

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

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}
