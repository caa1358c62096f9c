//! Multiplication without repetition: the engine makes a list that is multiplied a longer one, which
//! takes no work before it is looked at, and then any amount, of which no limit knows.
//!
//! Every factor is handed through a filter that lets everything through but lists.

use std::ops::Range;

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind};

use crate::expression::words::{self, Word};

/// The filter; nobody has a reason to type it.
const FILTER: &str = "__factor";

/// Teaches an environment the filter that [`guarded`] sources use.
pub(super) fn teach(environment: &mut Environment<'_>) {
    environment.add_filter(FILTER, |value: Value| match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => Err(Error::new(
            ErrorKind::InvalidOperation,
            "a list cannot be multiplied",
        )),
        _ => Ok(value),
    });
}

/// The expression with each factor of a multiplication handed through the filter.
pub(super) fn guarded(source: &str) -> String {
    let words = Words::of(source);
    let mut ends = Vec::new();
    for at in (0..words.0.len()).filter(|at| words.multiplies(*at)) {
        ends.push(words.0[at - 1].1.end);
        ends.extend(words.operand(at + 1));
    }
    ends.sort_unstable();
    ends.dedup();
    let mut guarded = source.to_owned();
    for end in ends.into_iter().rev() {
        guarded.insert_str(end, &format!("|{FILTER}"));
    }
    guarded
}

/// The words of an expression, each with its bytes.
pub(super) struct Words<'s>(Vec<(Word<'s>, Range<usize>)>);

impl<'s> Words<'s> {
    pub(super) fn of(source: &'s str) -> Words<'s> {
        Words(words::placed(source))
    }

    /// The bytes that a word takes.
    pub(super) fn place(&self, at: usize) -> Option<&Range<usize>> {
        self.0.get(at).map(|(_, place)| place)
    }

    pub(super) fn get(&self, at: usize) -> Option<&Word<'s>> {
        self.0.get(at).map(|(word, _)| word)
    }

    pub(super) fn is_sign(&self, at: usize, sign: char) -> bool {
        self.get(at) == Some(&Word::Sign(sign))
    }

    /// Whether nothing stands between this word and the one before it.
    pub(super) fn is_joined(&self, at: usize) -> bool {
        at > 0 && at < self.0.len() && self.0[at - 1].1.end == self.0[at].1.start
    }

    /// Whether this is the sign between two factors: not a half of `**`, nor the mark of a list whose
    /// items are arguments.
    fn multiplies(&self, at: usize) -> bool {
        let is_half = |joined: bool, other: usize| joined && self.is_sign(other, '*');
        self.is_sign(at, '*')
            && at > 0
            && !is_half(self.is_joined(at + 1), at + 1)
            && !is_half(self.is_joined(at), at - 1)
            && !matches!(self.get(at - 1), Some(Word::Sign('(' | ',' | '[' | '{')))
    }

    /// Where the operand ends that begins here, filters and tests included; `None` where there is none.
    fn operand(&self, from: usize) -> Option<usize> {
        let mut at = from;
        while self.is_sign(at, '-') || self.is_sign(at, '+') {
            at += 1;
        }
        at = self.plain(at)?;
        loop {
            if self.is_sign(at, '|') {
                at = self.called(at + 1)?;
            } else if self.get(at) == Some(&Word::Name("is")) {
                let is_negated = self.get(at + 1) == Some(&Word::Name("not"));
                at = self.called(at + 1 + usize::from(is_negated))?;
                // A test may have its argument without brackets.
                if self.begins_value(at) {
                    at = self.plain(at)?;
                }
            } else {
                return Some(self.0[at - 1].1.end);
            }
        }
    }

    /// After a value with its fields, subscripts and arguments.
    fn plain(&self, from: usize) -> Option<usize> {
        let mut at = match self.get(from)? {
            Word::Name(name) if name.starts_with(|it: char| it.is_ascii_digit()) => {
                return Some(self.number(from));
            }
            Word::Name(_) => from + 1,
            Word::Text(_) => {
                let texts = self.0[from..].iter();
                from + texts
                    .take_while(|(word, _)| matches!(word, Word::Text(_)))
                    .count()
            }
            Word::Sign('(' | '[' | '{') => self.closed(from)?,
            Word::Sign(_) => return None,
        };
        loop {
            at = match self.get(at) {
                Some(Word::Sign('.')) => at + 2,
                Some(Word::Sign('[' | '(')) => self.closed(at)?,
                _ => return Some(at),
            };
        }
    }

    /// After a number, which may have a fraction and an exponent with a sign.
    fn number(&self, from: usize) -> usize {
        let mut at = from + 1;
        if self.is_sign(at, '.') && matches!(self.get(at + 1), Some(Word::Name(_))) {
            at += 2;
        }
        let is_hexadecimal =
            matches!(self.get(from), Some(Word::Name(name)) if name.contains(['x', 'X']));
        let ends_open =
            matches!(self.get(at - 1), Some(Word::Name(name)) if name.ends_with(['e', 'E']));
        let has_sign = self.is_sign(at, '-') || self.is_sign(at, '+');
        let is_joined = self.is_joined(at) && self.is_joined(at + 1);
        match ends_open && !is_hexadecimal && has_sign && is_joined {
            true => at + 2,
            false => at,
        }
    }

    /// After the name of a filter or test and its arguments in brackets.
    fn called(&self, from: usize) -> Option<usize> {
        let Word::Name(_) = self.get(from)? else {
            return None;
        };
        let mut at = from + 1;
        while self.is_sign(at, '.') {
            at += 2;
        }
        match self.is_sign(at, '(') {
            true => self.closed(at),
            false => Some(at),
        }
    }

    fn begins_value(&self, at: usize) -> bool {
        const OPERATORS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];
        match self.get(at) {
            Some(Word::Name(name)) => !OPERATORS.contains(name),
            Some(Word::Text(_) | Word::Sign('(' | '[' | '{')) => true,
            Some(Word::Sign(_)) | None => false,
        }
    }

    /// After the bracket that closes the one which stands here.
    fn closed(&self, from: usize) -> Option<usize> {
        let mut open = 0_usize;
        for (at, (word, _)) in self.0.iter().enumerate().skip(from) {
            match word {
                Word::Sign('(' | '[' | '{') => open += 1,
                Word::Sign(')' | ']' | '}') => open = open.checked_sub(1)?,
                _ => {}
            }
            if open == 0 {
                return Some(at + 1);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn every_factor_is_guarded_and_nothing_else() {
        for (source, expected) in [
            ("a * b", "a! * b!"),
            ("a*b*c", "a!*b!*c!"),
            ("a + b * -c.d[0] - e", "a + b! * -c.d[0]! - e"),
            ("2 * [1]", "2! * [1]!"),
            ("[1] * 2 == x", "[1]! * 2! == x"),
            ("(a + b) * (c * d)", "(a + b)! * (c! * d!)!"),
            ("2 * x|list|first + 1", "2! * x|list|first! + 1"),
            ("2 * x|round(2) / y", "2! * x|round(2)! / y"),
            ("2 * 1e-5 + 1", "2! * 1e-5! + 1"),
            ("2 * 1.5e+3*4", "2! * 1.5e+3!*4!"),
            ("2 * 0x1e-3", "2! * 0x1e!-3"),
            ("2 * 1.5 - 3", "2! * 1.5! - 3"),
            ("2 * x is defined", "2! * x is defined!"),
            (
                "2 * x is divisibleby 3 and y",
                "2! * x is divisibleby 3! and y",
            ),
            (
                "2 * x is not in(y)|string|list",
                "2! * x is not in(y)|string|list!",
            ),
            ("2 ** 3 * 4 ** 5", "2 ** 3! * 4! ** 5"),
            ("f(*a, 2 * b)", "f(*a, 2! * b!)"),
            ("'a*b' * 'é' 'x'", "'a*b'! * 'é' 'x'!"),
            ("\"\\\"*\" * 2", "\"\\\"*\"! * 2!"),
            ("a * ", "a! * "),
            ("a * (b", "a! * (b"),
            ("* a", "* a"),
        ] {
            assert_eq!(guarded(source).replace("|__factor", "!"), expected);
        }
    }
}
