//! Texts that are not UTF-8, spelled so that two are one only where their bytes are.
//!
//! What is UTF-8 of a text stays as it is, so that it can be matched with patterns and looked into.
//! Each run of other bytes is told by the replacement character and its digits: `o-` and the byte ff
//! are `o-�'ff'`. Where a sound text holds what looks like that, the replacement character itself is
//! told by its bytes: `�'ff'` is `�'efbfbd''ff'`. No other sound text is changed, and none is spelled as
//! one that is not.

use std::fmt::Write;

use memchr::memchr;

/// What stands before the digits of bytes.
const MARK: &str = "\u{fffd}'";

/// Its first byte, which most texts do not hold.
const FIRST: u8 = MARK.as_bytes()[0];

/// Whether a text holds what stands for bytes, or would. Asked of every text of every row.
#[inline]
pub(crate) fn has_mark(text: &str) -> bool {
    !text.is_ascii() && memchr(FIRST, text.as_bytes()).is_some() && first_mark(text).is_some()
}

/// A text of any bytes as one that is UTF-8.
pub(crate) fn spelled(bytes: &[u8]) -> String {
    let mut out = String::new();
    spell(bytes, &mut out);
    out
}

/// Writes a text of any bytes as one that is UTF-8.
pub(super) fn spell(bytes: &[u8], out: &mut String) {
    let mut run = Vec::new();
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            tell(&run, out);
            run.clear();
            sound(chunk.valid(), out);
        }
        run.extend_from_slice(chunk.invalid());
    }
    tell(&run, out);
}

fn sound(mut text: &str, out: &mut String) {
    while let Some(at) = first_mark(text) {
        out.push_str(&text[..at]);
        let (mark, rest) = text[at..].split_at(char::REPLACEMENT_CHARACTER.len_utf8());
        tell(mark.as_bytes(), out);
        text = rest;
    }
    out.push_str(text);
}

/// Writes the digits of some bytes, if there are any.
fn tell(run: &[u8], out: &mut String) {
    if run.is_empty() {
        return;
    }
    out.push_str(MARK);
    for byte in run {
        // Writing to a String cannot fail.
        let written = write!(out, "{byte:02x}");
        debug_assert!(written.is_ok());
    }
    out.push('\'');
}

/// Where the first thing begins that reads as [`spell`] writes bytes: of a run each is above 7f.
fn first_mark(text: &str) -> Option<usize> {
    let is_mark = |rest: &str| {
        let digits = rest.split('\'').next().unwrap_or_default();
        let is_ended = rest.len() > digits.len();
        let pairs = digits.as_bytes().chunks(2);
        let is_high = |pair: &[u8]| matches!(pair, [b'8'..=b'9' | b'a'..=b'f', low] if matches!(low, b'0'..=b'9' | b'a'..=b'f'));
        is_ended && !digits.is_empty() && pairs.into_iter().all(is_high)
    };
    let mut starts = text.match_indices(MARK).map(|(at, _)| at);
    starts.find(|at| is_mark(&text[at + MARK.len()..]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_told_as_what_they_are() {
        for (bytes, text) in [
            (&b"o-\xff"[..], "o-\u{fffd}'ff'"),
            (b"\xff\xfeA\x80", "\u{fffd}'fffe'A\u{fffd}'80'"),
            (b"\xe2\x82A", "\u{fffd}'e282'A"),
            ("\u{fffd}'ff'".as_bytes(), "\u{fffd}'efbfbd''ff'"),
            (b"\xef\xbf\xbd'ff\xff'", "\u{fffd}'ff\u{fffd}'ff''"),
            ("\u{fffd}'efbfbd'".as_bytes(), "\u{fffd}'efbfbd''efbfbd'"),
        ] {
            assert_eq!(spelled(bytes), text);
            assert!(has_mark(text), "{text}");
        }
    }

    #[test]
    fn other_sound_texts_stay_what_they_are() {
        for text in [
            "",
            "\u{fffd}",
            "\u{fffd}'",
            "\u{fffd}''",
            "\u{fffd}'0102'",
            "\u{fffd}'7f'",
            "\u{fffd}'f'",
            "\u{fffd}'fff'",
            "\u{fffd}'FF'",
            "\u{fffd}'ff",
            "\u{fffd}ff",
            "max'ed'",
            "x'ff'",
            "o'neill",
            "\u{fffd}'ff80 '",
            "é'ff'",
        ] {
            assert_eq!(spelled(text.as_bytes()), text);
            assert!(!has_mark(text), "{text}");
        }
    }

    #[test]
    fn no_two_texts_are_spelled_alike() {
        let pieces: [&[u8]; 9] = [
            b"\xef\xbf\xbd",
            b"'",
            b"ff",
            b"efbfbd",
            b"8",
            b"\xff",
            b"\x80",
            b"\xe2\x82",
            b"-",
        ];
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        let mut known: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for _ in 0..6 {
            let longer = |text: &Vec<u8>| pieces.map(|piece| [text, piece].concat());
            texts = texts.iter().flat_map(longer).collect();
            texts.sort();
            texts.dedup();
            for text in &texts {
                let other = known.insert(spelled(text), text.clone());
                assert!(other.is_none_or(|other| other == *text), "{text:?}");
            }
        }
    }
}
