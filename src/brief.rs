//! Values for people: numbers with what they count, and texts that are too long to be read, cut to
//! what tells them apart.
//!
//! What is cut says so and how long it is. Machines get values whole, so nothing of this is for them.

use std::borrow::Cow;

/// How many characters of a value stand in a sentence.
pub const IN_A_SENTENCE: usize = 60;
/// How many characters of a value stand in a place of its own.
pub const IN_A_TABLE: usize = 200;

/// `1 event`, `12,000 events`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{} {many}", grouped(number))
    }
}

/// `12,000`; four digits stay together.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The beginning of a text.
pub fn one(text: &str, most: usize) -> Cow<'_, str> {
    window(text, 0, most)
}

/// Two texts where they first differ: their beginnings, or what stands around that place.
pub fn pair<'t>(one: &'t str, other: &'t str, most: usize) -> [Cow<'t, str>; 2] {
    let fits = |text: &str| text.chars().nth(most).is_none();
    if fits(one) && fits(other) {
        return [Cow::Borrowed(one), Cow::Borrowed(other)];
    }
    let same = one.chars().zip(other.chars());
    let same = same.take_while(|(one, other)| one == other).count();
    let from = match same.checked_sub(most / 4) {
        Some(from) if same > most / 2 => from,
        _ => 0,
    };
    [window(one, from, most), window(other, from, most)]
}

/// So many characters of a text from a place on.
fn window(text: &str, from: usize, most: usize) -> Cow<'_, str> {
    let place = |text: &str, of: usize| text.char_indices().nth(of).map(|(at, _)| at);
    let start = place(text, from).unwrap_or(text.len());
    let tail = &text[start..];
    let end = place(tail, most);
    if start == 0 && end.is_none() {
        return Cow::Borrowed(text);
    }
    let mark = |is_cut: bool| if is_cut { "…" } else { "" };
    Cow::Owned(format!(
        "{}{}{} ({} characters)",
        mark(start > 0),
        &tail[..end.unwrap_or(tail.len())],
        mark(end.is_some()),
        text.chars().count()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_whole() {
        assert!(matches!(one("Grüße", 5), Cow::Borrowed("Grüße")));
        assert_eq!(one("", 5), "");
        assert_eq!(pair("ab", "abc", 3), ["ab", "abc"]);
    }

    #[test]
    fn what_is_cut_says_how_long_it_is() {
        assert_eq!(one("Grüße, Welt", 5), "Grüße… (11 characters)");
        let long = "x".repeat(70_000);
        assert_eq!(one(&long, 3), "xxx… (70000 characters)");
    }

    #[test]
    fn two_texts_are_shown_where_they_first_differ() {
        let text = |middle: &str| format!("{}{middle}{}", "ä".repeat(100), "z".repeat(50));
        assert_eq!(
            pair(&text("1"), &text("23"), 8),
            ["…ää1zzzzz… (151 characters)", "…ää23zzzz… (152 characters)"]
        );
        assert_eq!(pair("1", &text("2"), 4), ["1", "ääää… (151 characters)"]);
        let whole = "ä".repeat(100);
        assert_eq!(
            pair(&whole, &text(""), 8),
            ["…ää (100 characters)", "…ääzzzzzz… (150 characters)"]
        );
    }
}
