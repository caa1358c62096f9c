//! JSON values as the values that SQLite would hold.

use rusqlite::types::ValueRef;

use crate::json::whole;

/// Whether it is written in another way than whole numbers are.
fn is_fraction(raw: &str) -> bool {
    raw.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
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
            None if is_fraction(raw) => match raw.parse().ok().and_then(whole) {
                Some(whole) => ValueRef::Integer(whole),
                None => ValueRef::Text(raw.as_bytes()),
            },
            None => ValueRef::Text(raw.as_bytes()),
        },
    }
}
