//! What comes from a log or a definition must not drive the terminal it is printed on.
//!
//! A log is written by strangers: an id may hold escape sequences that move the cursor, or marks
//! that reorder the text beside them. They are shown as what they are, never sent.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character acts on a terminal, or on the order of the text around it, instead of
/// being seen.
pub fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// The text with everything that acts written out, as `\u{1b}`.
pub fn terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if acts(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// A JSON text in which everything that acts is written as `\uXXXX`.
///
/// In a JSON text such characters stand only inside strings, so the value stays the same. Line
/// breaks between its parts are kept.
pub fn json(text: String) -> String {
    let harmful = |character: char| acts(character) && character != '\n';
    if !text.chars().any(harmful) {
        return text;
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut units = [0; 2];
    for character in text.chars() {
        if harmful(character) {
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _: std::fmt::Result = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[31mb\u{7f}\u{9b}2J\u{202e}c\u{200b}\n\u{2066}\u{e0041}";

    #[test]
    fn nothing_that_acts_reaches_the_terminal() {
        let safe = terminal(HOSTILE);
        assert!(!safe.chars().any(acts));
        assert_eq!(
            safe,
            r"a\u{1b}[31mb\u{7f}\u{9b}2J\u{202e}c\u{200b}\u{a}\u{2066}\u{e0041}"
        );
        assert!(matches!(terminal("Grüße, 世界"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_keeps_its_value_and_loses_its_sting() {
        let text = serde_json::to_string_pretty(&vec![HOSTILE]).expect("a list of texts is JSON");
        let safe = json(text);
        assert!(
            safe.chars()
                .all(|character| character == '\n' || !acts(character))
        );
        assert_eq!(
            serde_json::from_str::<Vec<String>>(&safe).ok(),
            Some(vec![HOSTILE.to_owned()])
        );
    }
}
