//! Expressions as words: plain paths, and what can be told of an expression before it runs.

use std::fmt;
use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

use crate::expression::{ExpressionError, Scope};
use crate::suggest::closest;

/// The names that an expression over an event can see.
pub(super) const EVENT: [&str; 3] = ["event", "data", "metadata"];

/// The names that an expression over an event and a state can see.
pub(super) const ROOTS: [&str; 4] = ["event", "data", "metadata", "state"];

/// A way into `event`, `data`, `metadata` or `state`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    segments: Vec<String>,
}

impl Path {
    /// Reads `data.order.id`; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Path> {
        Path::below(text, &ROOTS)
    }

    /// Reads a path that begins with one of these names; `None` for anything else.
    pub(super) fn below(text: &str, roots: &[&str]) -> Option<Path> {
        let segments: Vec<String> = text.split('.').map(str::to_owned).collect();
        let (root, keys) = segments.split_first()?;
        let is_key = |key: &String| {
            let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            let starts_as_number = key.starts_with(|letter: char| letter.is_ascii_digit());
            let number = key.chars().all(|letter| letter.is_ascii_digit());
            !key.is_empty() && key.chars().all(word) && (number || !starts_as_number)
        };
        (roots.contains(&root.as_str()) && keys.iter().all(is_key)).then_some(Path { segments })
    }

    /// `event`, `data`, `metadata` or `state`.
    pub(super) fn root(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }

    /// The keys below it.
    pub(super) fn keys(&self) -> &[String] {
        self.segments.get(1..).unwrap_or(&[])
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments.join("."))
    }
}

/// Whether a path into `event` names a field that events have.
pub(super) fn check_field(path: &Path) -> Result<(), ExpressionError> {
    let Some(field) = path.keys().first().filter(|_| path.root() == "event") else {
        return Ok(());
    };
    if Scope::FIELDS.contains(&field.as_str()) {
        return Ok(());
    }
    Err(ExpressionError {
        message: format!("an event has no field `{field}`"),
        help: Some(match closest(field, Scope::FIELDS) {
            Some(known) => format!("did you mean `event.{known}`?"),
            None if field.starts_with("idempotency") => "did you mean `event.key`?".to_owned(),
            None => format!("did you mean `data.{field}`?"),
        }),
    })
}

/// A word of an expression; only what the checks here need to tell apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word<'a> {
    /// A name, a keyword or a number.
    Name(&'a str),
    /// A text in quotes, without them; escapes are left as they are.
    Text(&'a str),
    /// Anything else.
    Sign(char),
}

/// The words of an expression, in order.
pub(super) fn words(source: &str) -> Vec<Word<'_>> {
    let words = placed(source).into_iter();
    words.map(|(word, _)| word).collect()
}

/// The same, each with the bytes that it takes.
pub(super) fn placed(source: &str) -> Vec<(Word<'_>, Range<usize>)> {
    let mut letters = source.char_indices().peekable();
    let mut words = Vec::new();
    while let Some((start, letter)) = letters.next() {
        if letter.is_alphanumeric() || letter == '_' {
            let end = skip(&mut letters, source, |letter| {
                letter.is_alphanumeric() || letter == '_'
            });
            words.push((Word::Name(&source[start..end]), start..end));
        } else if letter == '"' || letter == '\'' {
            let mut escaped = false;
            let end = skip(&mut letters, source, |inner| {
                let inside = escaped || inner != letter;
                escaped = !escaped && inner == '\\';
                inside
            });
            letters.next();
            let after = letters.peek().map_or(source.len(), |(at, _)| *at);
            words.push((Word::Text(&source[start + 1..end]), start..after));
        } else if !letter.is_whitespace() {
            words.push((Word::Sign(letter), start..start + letter.len_utf8()));
        }
    }
    words
}

/// The expression with each slice written as a subscript by a list of its ends, which looks at the same;
/// `None` where there is no slice. The engine does not tell of the names that a slice is taken of.
pub(super) fn unsliced(source: &str) -> Option<String> {
    let words = placed(source);
    let mut open: Vec<(char, usize, bool)> = Vec::new();
    let mut parts: Vec<(usize, usize, &str)> = Vec::new();
    for (at, (word, place)) in words.iter().enumerate() {
        match word {
            Word::Sign(sign @ ('(' | '[' | '{')) => open.push((*sign, place.end, false)),
            Word::Sign(')' | ']' | '}') => {
                if let Some((_, from, true)) = open.pop() {
                    parts.extend([(from, from, "["), (place.start, place.start, "]")]);
                }
            }
            Word::Sign(':') => {
                let Some(('[', _, is_slice)) = open.last_mut() else {
                    continue;
                };
                *is_slice = true;
                let before = at.checked_sub(1).map(|before| &words[before].0);
                let is_blank = matches!(before, Some(Word::Sign('[' | ':')));
                parts.push((place.start, place.end, if is_blank { "0," } else { "," }));
            }
            Word::Sign(_) | Word::Name(_) | Word::Text(_) => {}
        }
    }
    parts.sort_unstable();
    let mut unsliced = source.to_owned();
    for (from, to, part) in parts.iter().rev() {
        unsliced.replace_range(*from..*to, part);
    }
    (!parts.is_empty()).then_some(unsliced)
}

/// Moves on while `goes_on`; the byte at which it stopped.
fn skip(
    letters: &mut Peekable<CharIndices<'_>>,
    source: &str,
    mut goes_on: impl FnMut(char) -> bool,
) -> usize {
    while letters.next_if(|(_, letter)| goes_on(*letter)).is_some() {}
    letters.peek().map_or(source.len(), |(at, _)| *at)
}

/// The paths of which the expression asks whether they are there: those before `is defined` and
/// `default`, and `data.x` of `'x' in data`.
pub(super) fn asked_for(words: &[Word<'_>], roots: &[&str]) -> Vec<String> {
    let mut asked = Vec::new();
    for start in 0..words.len() {
        let follows_dot = start > 0 && words[start - 1] == Word::Sign('.');
        let Some((path, rest)) = path(&words[start..], roots).filter(|_| !follows_dot) else {
            continue;
        };
        let asks = match rest {
            [Word::Name("is"), Word::Name("not"), Word::Name(test), ..]
            | [Word::Name("is"), Word::Name(test), ..] => matches!(*test, "defined" | "undefined"),
            [Word::Sign('|'), Word::Name(filter), ..] => matches!(*filter, "default" | "d"),
            _ => false,
        };
        if asks {
            asked.push(path.clone());
        }
        if let [.., Word::Text(key), Word::Name("in")]
        | [.., Word::Text(key), Word::Name("not"), Word::Name("in")] = &words[..start]
        {
            asked.push(format!("{path}.{key}"));
        }
    }
    asked
}

/// The path that begins here, subscripts written with dots, and what follows it.
fn path<'w, 's>(words: &'w [Word<'s>], roots: &[&str]) -> Option<(String, &'w [Word<'s>])> {
    let [Word::Name(root), rest @ ..] = words else {
        return None;
    };
    if !roots.contains(root) {
        return None;
    }
    let mut path = (*root).to_owned();
    let mut rest = rest;
    loop {
        let (key, after) = match rest {
            [Word::Sign('.'), Word::Name(key), after @ ..]
            | [
                Word::Sign('['),
                Word::Text(key) | Word::Name(key),
                Word::Sign(']'),
                after @ ..,
            ] => (key, after),
            _ => return Some((path, rest)),
        };
        path.push('.');
        path.push_str(key);
        rest = after;
    }
}
