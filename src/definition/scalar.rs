//! What a plain YAML word is: YAML 1.2's core schema, and the words that older readers take for
//! something else.

/// What a scalar stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Meaning {
    /// Nothing: no text at all, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text,
}

/// What an unquoted scalar stands for.
pub(crate) fn plain(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Null,
        "true" | "True" | "TRUE" => return Meaning::Bool(true),
        "false" | "False" | "FALSE" => return Meaning::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" => return Meaning::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Meaning::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Meaning::Float(f64::NAN),
        _ => {}
    }
    let radix = |prefix: &str, radix: u32| {
        let digits = text.strip_prefix(prefix)?;
        digits
            .chars()
            .all(|digit| digit.is_digit(radix))
            .then_some(())?;
        i128::from_str_radix(digits, radix).ok()
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Meaning::Integer(number);
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        || !digits.contains(|letter: char| letter.is_ascii_digit())
        || !digits
            .chars()
            .all(|letter| letter.is_ascii_digit() || "eE.+-".contains(letter))
    {
        return Meaning::Text;
    }
    if let Ok(number) = text.parse() {
        return Meaning::Integer(number);
    }
    text.parse().map_or(Meaning::Text, Meaning::Float)
}

/// The truth value that YAML 1.1 readers, and many people, see in this word.
pub(crate) fn yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "on" | "true" => Some(true),
        "n" | "no" | "off" | "false" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_mean_what_yaml_1_2_says() {
        for (text, meaning) in [
            ("", Meaning::Null),
            ("~", Meaning::Null),
            ("null", Meaning::Null),
            ("True", Meaning::Bool(true)),
            ("yes", Meaning::Text),
            ("off", Meaning::Text),
            ("12", Meaning::Integer(12)),
            ("-012", Meaning::Integer(-12)),
            ("0x1F", Meaning::Integer(31)),
            ("0o17", Meaning::Integer(15)),
            ("0x-1", Meaning::Text),
            ("1e3", Meaning::Float(1000.0)),
            (".5", Meaning::Float(0.5)),
            ("1.", Meaning::Float(1.0)),
            (".", Meaning::Text),
            ("-", Meaning::Text),
            ("1-2", Meaning::Text),
            ("2026-12-31", Meaning::Text),
            ("1:30", Meaning::Text),
            ("inf", Meaning::Text),
            ("e3", Meaning::Text),
        ] {
            assert_eq!(plain(text), meaning, "{text}");
        }
    }
}
