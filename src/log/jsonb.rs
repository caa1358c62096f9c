//! SQLite's binary JSON as JSON text, after <https://sqlite.org/jsonb.html>.
//!
//! SQL's own `json()` would end the whole scan at the first malformed value; here it costs one row.

/// SQLite refuses deeper nesting as well.
const DEPTH: usize = 1000;

/// Whether the bytes can be JSONB: a header whose length is exactly theirs, and no JSON text that
/// merely looks so.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    let text = matches!(
        (bytes.first(), bytes.last()),
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) | (Some(b'"'), Some(b'"'))
    );
    let whole = header(bytes).is_some_and(|(_, start, end)| start <= end && end == bytes.len());
    whole && !(text && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok())
}

/// Appends the JSON text; `None`, with nothing promised about `out`, where it is malformed.
pub(crate) fn write_text(bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match element(bytes, out, 0)? {
        end if end == bytes.len() => Some(()),
        _ => None,
    }
}

/// The element's kind, where its payload starts, and where it ends.
fn header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let first = *bytes.first()?;
    let sized = match first >> 4 {
        size @ 0..=11 => return bounded(bytes, first & 15, 1, usize::from(size)),
        12 => 1,
        13 => 2,
        14 => 4,
        _ => 8,
    };
    let size = bytes
        .get(1..=sized)?
        .iter()
        .fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    bounded(bytes, first & 15, 1 + sized, usize::try_from(size).ok()?)
}

fn bounded(bytes: &[u8], kind: u8, start: usize, size: usize) -> Option<(u8, usize, usize)> {
    let end = start.checked_add(size)?;
    (kind <= 12 && end <= bytes.len()).then_some((kind, start, end))
}

fn element(bytes: &[u8], out: &mut Vec<u8>, depth: usize) -> Option<usize> {
    let (kind, start, end) = header(bytes)?;
    let payload = &bytes[start..end];
    match kind {
        0 if payload.is_empty() => out.extend_from_slice(b"null"),
        1 if payload.is_empty() => out.extend_from_slice(b"true"),
        2 if payload.is_empty() => out.extend_from_slice(b"false"),
        3 | 5 if !payload.is_empty() => out.extend_from_slice(payload),
        4 => hexadecimal(payload, out)?,
        6 => loose_float(payload, out)?,
        7 | 8 => {
            // Neither holds a character that JSON would escape, or it is escaped already.
            out.push(b'"');
            out.extend_from_slice(payload);
            out.push(b'"');
        }
        9 => string(&json5_text(std::str::from_utf8(payload).ok()?)?, out)?,
        10 => string(std::str::from_utf8(payload).ok()?, out)?,
        11 => list(payload, out, depth, false)?,
        12 => list(payload, out, depth, true)?,
        _ => return None,
    }
    Some(end)
}

fn list(mut rest: &[u8], out: &mut Vec<u8>, depth: usize, object: bool) -> Option<()> {
    if depth >= DEPTH {
        return None;
    }
    let (open, close) = if object { (b'{', b'}') } else { (b'[', b']') };
    out.push(open);
    let mut count = 0_usize;
    while !rest.is_empty() {
        let key = object && count.is_multiple_of(2);
        if key && !matches!(rest[0] & 15, 7..=10) {
            return None;
        }
        if count > 0 {
            out.push(if object && !key { b':' } else { b',' });
        }
        let end = element(rest, out, depth + 1)?;
        rest = &rest[end..];
        count += 1;
    }
    out.push(close);
    (!object || count.is_multiple_of(2)).then_some(())
}

fn string(text: &str, out: &mut Vec<u8>) -> Option<()> {
    serde_json::to_writer(out, text).ok()
}

/// JSON5 allows hexadecimal integers.
fn hexadecimal(payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let text = std::str::from_utf8(payload).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    out.extend_from_slice(format!("{sign}{number}").as_bytes());
    Some(())
}

/// JSON5 allows a bare point at either end of a number.
fn loose_float(payload: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let text = std::str::from_utf8(payload).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let lead = if digits.starts_with('.') { "0" } else { "" };
    let fixed = match digits.find('.') {
        Some(at) if !digits[at + 1..].starts_with(|c: char| c.is_ascii_digit()) => {
            format!("{}.0{}", &digits[..at], &digits[at + 1..])
        }
        _ => digits.to_owned(),
    };
    let text = format!("{sign}{lead}{fixed}");
    serde_json::from_str::<serde::de::IgnoredAny>(&text).ok()?;
    out.extend_from_slice(text.as_bytes());
    Some(())
}

/// A string with JSON5's escapes, those of JSON among them.
fn json5_text(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match rest.next()? {
            'b' => plain.push('\u{8}'),
            'f' => plain.push('\u{c}'),
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            'v' => plain.push('\u{b}'),
            '0' => plain.push('\0'),
            'x' => plain.push(char::from_u32(code(&mut rest, 2)?)?),
            'u' => match code(&mut rest, 4)? {
                high @ 0xd800..=0xdbff => {
                    if (rest.next()?, rest.next()?) != ('\\', 'u') {
                        return None;
                    }
                    let low = code(&mut rest, 4)?
                        .checked_sub(0xdc00)
                        .filter(|low| *low < 0x400)?;
                    plain.push(char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?);
                }
                unit => plain.push(char::from_u32(unit)?),
            },
            '\n' | '\u{2028}' | '\u{2029}' => {}
            '\r' => {
                if rest.as_str().starts_with('\n') {
                    rest.next();
                }
            }
            other => plain.push(other),
        }
    }
    Some(plain)
}

fn code(rest: &mut std::str::Chars<'_>, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0, |sum, _| Some(sum << 4 | rest.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(json5: &str) -> Vec<u8> {
        rusqlite::Connection::open_in_memory()
            .and_then(|connection| {
                connection.query_row("SELECT jsonb(?1)", [json5], |row| row.get(0))
            })
            .expect("SQLite encodes it")
    }

    fn decoded(bytes: &[u8]) -> Option<serde_json::Value> {
        let mut text = Vec::new();
        write_text(bytes, &mut text)?;
        serde_json::from_slice(&text).ok()
    }

    #[test]
    fn what_sqlite_encodes_is_read_back() {
        let long = format!(
            "{{\"a\":\"{}\",\"b\":[{}1]}}",
            "x".repeat(70_000),
            "2,".repeat(300)
        );
        for json in [
            "null",
            "true",
            "[]",
            "{}",
            "\"\"",
            "-1.5e3",
            "{\"a\":[1,{\"b\":\"c\\n\\u00e9\\ud83d\\ude00\"}]}",
            "[12345678901234567890,0.1]",
            &long,
        ] {
            let bytes = encoded(json);
            assert!(looks_like(&bytes), "{json:.40}");
            assert_eq!(
                decoded(&bytes),
                serde_json::from_str(json).ok(),
                "{json:.40}"
            );
        }
        for (json5, json) in [
            (
                "{a: .5, b: +1, c: 0x1F, d: 5.}",
                r#"{"a":0.5,"b":1,"c":31,"d":5.0}"#,
            ),
            ("['it\\'s', '\\x41\\\n']", r#"["it's","A"]"#),
        ] {
            assert_eq!(
                decoded(&encoded(json5)),
                serde_json::from_str(json).ok(),
                "{json5}"
            );
        }
    }

    #[test]
    fn json_text_is_not_taken_for_it_and_damage_is_noticed() {
        for text in [
            "{\"a\":12}",
            "{\"a\":\"b\"}",
            "[1,2,3]",
            "\"abc\"",
            "12",
            "null",
            "",
        ] {
            assert!(
                !looks_like(text.as_bytes()) || decoded(text.as_bytes()).is_none(),
                "{text}"
            );
        }
        let whole = encoded("{\"a\":[1,\"two\",null],\"b\":{\"c\":1.5}}");
        for end in 0..whole.len() {
            assert_eq!(decoded(&whole[..end]), None, "cut at {end}");
        }
        let deep: Vec<u8> = (0..3000_u32)
            .rev()
            .flat_map(|size| {
                let size = size * 5;
                let mut header = vec![0xeb];
                header.extend(size.to_be_bytes());
                header
            })
            .collect();
        assert_eq!(decoded(&deep), None);
    }
}
