//! Answers without the secrets that were sent, however the other side wrote them.
//!
//! An answer is hidden before it is cut to what is kept; what was cut off while it was read may end
//! within a secret, so the beginning of one is taken off its end.

use std::fmt::Write;

use crate::expression::template::Secrets;

/// More of an answer is not read.
pub(super) const MOST_ANSWER: u64 = 4096;
/// A secret this short is found in any text by chance; an answer that holds one is not told at all.
const SHORTEST: usize = 4;

/// The text of an answer of which at most [`MOST_ANSWER`] bytes were read, without the beginning of
/// a secret at its end where there was more.
pub(super) fn text(bytes: &[u8], secrets: &Secrets) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_cut = u64::try_from(bytes.len()).unwrap_or(u64::MAX) >= MOST_ANSWER;
    if !is_cut {
        return text.into_owned();
    }
    // A character that was cut in two stands there as this one.
    let mut text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let forms: Vec<String> = secrets.values().flat_map(|secret| forms(secret)).collect();
    let is_beginning = |start: usize| {
        let end = &text[start..];
        forms.iter().any(|form| form.starts_with(end))
    };
    let longest = forms.iter().map(String::len).max().unwrap_or(0);
    let from = text.floor_char_boundary(text.len().saturating_sub(longest));
    let mut starts = text[from..].char_indices().map(|(at, _)| from + at);
    if let Some(start) = starts.find(|start| is_beginning(*start)) {
        text = &text[..start];
    }
    text.to_owned()
}

/// An answer with the names of the secrets in their places.
pub(super) fn hide(answer: &str, secrets: &Secrets) -> String {
    let mut known: Vec<(String, &str)> = secrets
        .iter()
        .flat_map(|(name, secret)| forms(secret).into_iter().map(move |form| (form, &**name)))
        .filter(|(form, _)| !form.is_empty())
        .collect();
    // The longest first: one secret may be a part of another.
    known.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then(one.cmp(other)));
    let mut hidden = answer.to_owned();
    for (form, name) in known {
        if !hidden.contains(&form) {
            continue;
        }
        if form.len() < SHORTEST {
            return format!("the answer may hold ${{env.{name}}}, so it is not told");
        }
        hidden = hidden.replace(&form, &format!("${{env.{name}}}"));
    }
    hidden
}

/// What a secret may look like: as it is, as a part of a JSON text, of a URL or form, or of base64.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    if secret.len() < SHORTEST {
        return forms;
    }
    let json = serde_json::Value::from(secret).to_string();
    let json = json.trim_start_matches('"');
    let json = json.strip_suffix('"').unwrap_or(json).to_owned();
    forms.push(json.replace('/', "\\/"));
    forms.push(ascii_json(&json));
    forms.push(json);
    for keeps in ["-._~", "-._*", "-_.!~*'()", ""] {
        let upper = percent_encoded(secret, keeps);
        forms.push(lower_hex(&upper));
        forms.push(upper.replace("%20", "+"));
        forms.push(upper);
    }
    for offset in 0..3 {
        let standard = base64(secret.as_bytes(), offset);
        forms.push(standard.replace('+', "-").replace('/', "_"));
        forms.push(standard);
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn ascii_json(json: &str) -> String {
    let mut text = String::new();
    for unit in json.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => text.push(char::from(byte)),
            // Writing to a text cannot fail.
            _ => drop(write!(text, "\\u{unit:04x}")),
        }
    }
    text
}

fn percent_encoded(text: &str, keeps: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || keeps.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn lower_hex(encoded: &str) -> String {
    let mut digits = 0;
    let lower = |letter: char| {
        if letter == '%' {
            digits = 2;
            return letter;
        }
        let is_digit = digits > 0;
        digits = i32::max(digits - 1, 0);
        if is_digit {
            letter.to_ascii_lowercase()
        } else {
            letter
        }
    };
    encoded.chars().map(lower).collect()
}

/// The letters of base64 that these bytes alone decide where they stand `offset` bytes, modulo 3,
/// within a longer text: `Basic user:secret`.
fn base64(bytes: &[u8], offset: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let first_bit = offset * 8;
    let bits = bytes.len() * 8;
    let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    let first = first_bit.div_ceil(6) * 6 - first_bit;
    let starts = (first..).step_by(6).take_while(|start| start + 6 <= bits);
    starts
        .map(|start| {
            let value = (start..start + 6).fold(0, |value, at| value << 1 | bit(at));
            char::from(LETTERS[usize::from(value)])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(secret: &str) -> Secrets {
        Secrets::from([("KEY".to_owned(), secret.to_owned())])
    }

    #[test]
    fn a_secret_is_hidden_however_it_is_written() {
        let secret = "s3/cr \"ét+~";
        for written in [
            "s3/cr \"ét+~",
            r#"s3/cr \"ét+~"#,
            r#"s3\/cr \"ét+~"#,
            r#"s3/cr \"\u00e9t+~"#,
            "s3%2Fcr%20%22%C3%A9t%2B~",
            "s3%2fcr%20%22%c3%a9t%2b~",
            "s3%2Fcr+%22%C3%A9t%2B%7E",
        ] {
            let hidden = hide(&format!("saw {written}!"), &secrets(secret));
            assert_eq!(hidden, "saw ${env.KEY}!", "{written}");
        }
        for (plain, encoded) in [
            ("", "c2VrcmV0LWtleQ=="),
            ("u", "dXNla3JldC1rZXk="),
            ("us", "dXNzZWtyZXQta2V5"),
        ] {
            let hidden = hide(&format!("Basic {encoded}"), &secrets("sekret-key"));
            assert!(hidden.contains("${env.KEY}"), "{plain}: {hidden}");
            assert!(hidden.len() < "Basic ${env.KEY}".len() + 5, "{hidden}");
        }
    }

    #[test]
    fn a_secret_within_another_leaves_nothing_of_it() {
        let both = Secrets::from([
            ("A".to_owned(), "sekret".to_owned()),
            ("B".to_owned(), "sekret-key".to_owned()),
        ]);
        assert_eq!(hide("sekret-key sekret", &both), "${env.B} ${env.A}");
    }

    #[test]
    fn a_short_secret_hides_the_whole_answer() {
        let hidden = hide("port 80", &secrets("80"));
        assert_eq!(hidden, "the answer may hold ${env.KEY}, so it is not told");
        assert_eq!(hide("port 81", &secrets("80")), "port 81");
        assert_eq!(hide("port 81", &secrets("")), "port 81");
    }

    #[test]
    fn what_is_cut_within_a_secret_does_not_end_with_its_beginning() {
        let most = usize::try_from(MOST_ANSWER).unwrap();
        for (secret, kept) in [("sekret", 3), ("sékret", 2), ("sekret", 1)] {
            let mut answer = ".".repeat(most - kept);
            answer.push_str(secret);
            let read = text(&answer.as_bytes()[..most], &secrets(secret));
            assert_eq!(read, ".".repeat(most - kept), "{secret} {kept}");
        }
        assert_eq!(text(b"sek", &secrets("sekret")), "sek", "it was not cut");
    }
}
