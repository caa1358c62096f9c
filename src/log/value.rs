//! Single values of a row as the texts and numbers that the other rooms see.

use std::fmt::Write;

use rusqlite::types::{Value, ValueRef};

use super::garbled;
use crate::json::whole;

/// What a message shows of a raw value; anything longer is cut, and said to be.
const EXCERPT: usize = 80;

/// The value as text, borrowed where it is text already: numbers in decimal, whole ones without a
/// fraction, a BLOB of 16 bytes as a hyphenated UUID, any other in hexadecimal digits, a text that is
/// not UTF-8 as [`garbled`] says.
#[inline]
pub(crate) fn text<'a>(value: ValueRef<'a>, scratch: &'a mut String) -> Option<&'a str> {
    match value {
        ValueRef::Null => None,
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !garbled::has_mark(text) => Some(text),
            _ => Some(rendered(value, scratch)),
        },
        _ => Some(rendered(value, scratch)),
    }
}

fn rendered<'a>(value: ValueRef<'_>, scratch: &'a mut String) -> &'a str {
    scratch.clear();
    match value {
        ValueRef::Null => {}
        ValueRef::Text(bytes) => garbled::spell(bytes, scratch),
        ValueRef::Integer(number) => push(scratch, format_args!("{number}")),
        ValueRef::Real(number) => match whole(number) {
            Some(whole) => push(scratch, format_args!("{whole}")),
            None => push(scratch, format_args!("{number:?}")),
        },
        ValueRef::Blob(bytes) => {
            let hyphens: &[usize] = if bytes.len() == 16 {
                &[4, 6, 8, 10]
            } else {
                &[]
            };
            for (at, byte) in bytes.iter().enumerate() {
                if hyphens.contains(&at) {
                    scratch.push('-');
                }
                push(scratch, format_args!("{byte:02x}"));
            }
        }
    }
    scratch
}

fn push(scratch: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let written = scratch.write_fmt(arguments);
    debug_assert!(written.is_ok());
}

/// The value as a whole number; `Err` with the raw value where it is something else.
#[inline]
pub(crate) fn integer(value: ValueRef<'_>) -> Result<Option<i64>, String> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(number) => Ok(Some(number)),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .map(Some)
            .ok_or_else(|| excerpt(value)),
        ValueRef::Real(number) => match whole(number) {
            Some(whole) => Ok(Some(whole)),
            None => Err(excerpt(value)),
        },
        ValueRef::Blob(_) => Err(excerpt(value)),
    }
}

/// The raw value for a message, in back quotes.
pub(crate) fn excerpt(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(number) => format!("`{number}`"),
        ValueRef::Real(number) => format!("`{number:?}`"),
        ValueRef::Text(bytes) => cut(&String::from_utf8_lossy(
            &bytes[..bytes.len().min(4 * EXCERPT)],
        )),
        ValueRef::Blob(bytes) => match std::str::from_utf8(&bytes[..bytes.len().min(EXCERPT)]) {
            Ok(text) if text.chars().all(|c| !c.is_control()) && !text.is_empty() => cut(
                &String::from_utf8_lossy(&bytes[..bytes.len().min(4 * EXCERPT)]),
            ),
            _ => {
                let shown: String = bytes
                    .iter()
                    .take(20)
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                let more = if bytes.len() > 20 { "…" } else { "" };
                format!("`x'{shown}{more}'` ({} bytes)", bytes.len())
            }
        },
    }
}

/// The text in back quotes, cut if it is long.
pub(crate) fn cut(text: &str) -> String {
    let shown: String = text
        .chars()
        .take(EXCERPT)
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    if text.chars().nth(EXCERPT).is_some() {
        format!("`{shown}…` (cut)")
    } else {
        format!("`{shown}`")
    }
}

/// Every stored value that [`text`] would hand out as this; `None` where one cannot be asked for: a
/// database in UTF-16 holds other bytes than those that it hands out for what is no sound text.
pub(crate) fn stored_forms(text: &str) -> Option<Vec<Value>> {
    if text.contains('\u{fffd}') || garbled::has_mark(text) {
        return None;
    }
    let mut forms = vec![Value::Text(text.to_owned())];
    if let Ok(number) = text.parse::<i64>()
        && number.to_string() == text
    {
        forms.push(Value::Integer(number));
    }
    // A whole one is asked for as one.
    if let Ok(number) = text.parse::<f64>()
        && whole(number).is_none()
        && format!("{number:?}") == text
    {
        forms.push(Value::Real(number));
    }
    let hyphens = [8, 13, 18, 23];
    let is_uuid = text.len() == 36 && hyphens.iter().all(|at| text.as_bytes()[*at] == b'-');
    let digits: String = if is_uuid {
        text.replace('-', "")
    } else {
        text.to_owned()
    };
    if let Some(bytes) = bytes_of(&digits)
        && is_uuid == (bytes.len() == 16)
    {
        forms.push(Value::Blob(bytes));
    }
    Some(forms)
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Vec<u8> = digits
        .bytes()
        .map(|digit| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let pairs = nibbles.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}
