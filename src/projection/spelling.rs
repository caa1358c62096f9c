//! Keys that a log and a table spell differently: `0001` and the number 1, a UUID with capitals or
//! without hyphens and its bytes.
//!
//! Looked at only where a row and an event have no partner of the very same spelling, and taken for
//! one key only where no second row and no second key of the log could be meant as well.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::projection::compare::Raw;

/// What goes together of rows without events and keys without rows, each told by its index.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// A row and the key that it is spelled differently from.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Rows and keys that several others are spelled like.
    pub(super) unclear: Vec<(Vec<usize>, Vec<usize>)>,
}

impl Pairs {
    /// Of rows, by their keys as they stand in the table, and of keys of the log.
    pub(super) fn of<'a>(
        rows: impl Iterator<Item = &'a Raw>,
        keys: impl Iterator<Item = &'a str>,
    ) -> Pairs {
        let mut alike: BTreeMap<String, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (at, raw) in rows.enumerate() {
            if let Some(form) = stored(raw) {
                alike.entry(form).or_default().0.push(at);
            }
        }
        let mut found = Pairs::default();
        if alike.is_empty() {
            return found;
        }
        let mut twofold = BTreeSet::new();
        for (at, key) in keys.enumerate() {
            let mut is_met = false;
            for form in forms(key) {
                if let Some((_, keys)) = alike.get_mut(&form) {
                    keys.push(at);
                    if std::mem::replace(&mut is_met, true) {
                        twofold.insert(at);
                    }
                }
            }
        }
        for (rows, keys) in alike.into_values() {
            match (rows.as_slice(), keys.as_slice()) {
                (_, []) => {}
                ([row], [key]) if !twofold.contains(key) => found.pairs.push((*row, *key)),
                _ => found.unclear.push((rows, keys)),
            }
        }
        found
    }
}

/// What all spellings of a key that is a number or bytes come to; `None` where it is text.
pub(super) fn stored(key: &Raw) -> Option<String> {
    match key {
        Raw::Integer(number) => Some(number.to_string()),
        Raw::Real(number) if number.is_finite() => decimal(&number.to_string()),
        Raw::Blob(bytes) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            Some(format!("x{}", digits.collect::<String>()))
        }
        Raw::Null | Raw::Real(_) | Raw::Text(_) | Raw::Garbled(_) => None,
    }
}

/// What a key of the log may come to.
pub(super) fn forms(key: &str) -> impl Iterator<Item = String> {
    [decimal(key), hexadecimal(key)].into_iter().flatten()
}

/// The order in which keys are told: whole numbers by what they are, before all others.
pub(super) fn in_order(one: &str, other: &str) -> Ordering {
    let rank = |key: &str| {
        let number = key.parse::<i128>().ok();
        (number.is_none(), number)
    };
    rank(one).cmp(&rank(other)).then_with(|| one.cmp(other))
}

/// A number without the zeros that say nothing.
fn decimal(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(places) || digits.ends_with('.') {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let places = places.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(match (whole, places) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, places) => format!("{sign}{whole}.{places}"),
    })
}

/// Bytes in hexadecimal digits, without hyphens and capitals.
fn hexadecimal(text: &str) -> Option<String> {
    let mut form = String::from("x");
    for letter in text.chars().filter(|letter| *letter != '-') {
        if !letter.is_ascii_hexdigit() {
            return None;
        }
        form.push(letter.to_ascii_lowercase());
    }
    (form.len() > 1 && form.len() % 2 == 1).then_some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(rows: &[Raw], keys: &[&str]) -> Pairs {
        Pairs::of(rows.iter(), keys.iter().copied())
    }

    #[test]
    fn one_key_has_several_spellings() {
        let uuid = vec![0xF4, 0x7A, 0xC1, 0x0B];
        for (row, key, is_one) in [
            (Raw::Integer(1), "0001", true),
            (Raw::Integer(-1), "-01", true),
            (Raw::Integer(0), "-0.0", true),
            (Raw::Integer(1), "1.5", false),
            (Raw::Integer(1), "10", false),
            (Raw::Integer(1), "+1", false),
            (Raw::Integer(1), "1.", false),
            (Raw::Integer(1), " 1", false),
            (Raw::Integer(0), "", false),
            (Raw::Real(7.0), "7", true),
            (Raw::Real(7.5), "07.50", true),
            (Raw::Real(1e20), "100000000000000000000", true),
            (Raw::Real(f64::INFINITY), "inf", false),
            (Raw::Blob(uuid.clone()), "F47AC10B", true),
            (Raw::Blob(uuid.clone()), "f47a-c10b", true),
            (Raw::Blob(uuid.clone()), "f47ac10b00", false),
            (Raw::Blob(uuid), "f47ac10", false),
            (Raw::Blob(vec![]), "-", false),
            (Raw::Blob(vec![1]), "1", false),
            (Raw::Text("1".to_owned()), "01", false),
        ] {
            let found = pairs(std::slice::from_ref(&row), &[key]);
            assert_eq!(found.pairs.len(), usize::from(is_one), "{row} {key}");
            assert!(found.unclear.is_empty());
        }
    }

    #[test]
    fn numbers_are_told_in_their_order_and_before_all_else() {
        let sorted = ["-3", "0", "01", "1", "2", "10", "", "1.5", "10a", "a"];
        let mut keys = sorted;
        keys.sort_unstable();
        keys.sort_by(|one, other| in_order(one, other));
        assert_eq!(keys, sorted);
    }

    #[test]
    fn what_several_are_spelled_like_is_no_pair() {
        let (one, two) = (Raw::Integer(1), Raw::Integer(2));
        let found = pairs(&[one.clone(), two], &["01", "001", "02", "3"]);
        assert_eq!(found.pairs, [(1, 2)]);
        assert_eq!(found.unclear, [(vec![0], vec![0, 1])]);
        let found = pairs(&[one, Raw::Real(1.0)], &["01"]);
        assert_eq!(found.unclear, [(vec![0, 1], vec![0])]);
        let found = pairs(&[Raw::Integer(12), Raw::Blob(vec![0x12])], &["012", "12"]);
        assert_eq!(found.pairs, []);
    }
}
