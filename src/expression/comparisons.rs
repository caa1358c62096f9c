//! Where the sides of comparisons begin and end, so that each can be handed through a filter.

use std::ops::Range;

use crate::expression::factors::Words;
use crate::expression::sides::FILTER;
use crate::expression::words::Word;

/// How much of a side is its name.
const LONGEST: usize = 60;

/// The expression with each side of a comparison handed through the filter. A comparison with a text,
/// a truth value or `none` that is written out is left to the engine, and so is one in a row with
/// `in`.
pub(super) fn guarded(source: &str) -> String {
    let words = Words::of(source);
    let mut edits = Vec::new();
    for row in rows(&words) {
        if row.signs.contains(&Sign::In) || row.sides.iter().any(|side| words.is_constant(side)) {
            continue;
        }
        for (at, side) in row.sides.iter().enumerate() {
            let (Some(first), Some(last)) = (words.place(side.start), words.place(side.end - 1))
            else {
                continue;
            };
            let name = source.get(first.start..last.end).unwrap_or_default();
            let name = match name.chars().nth(LONGEST) {
                None => name,
                Some(_) => "what is compared",
            };
            let beside = &row.signs[at.saturating_sub(1)..row.signs.len().min(at + 1)];
            let is_ordered = beside.contains(&Sign::Order);
            let counts = words.is_looked_up(side);
            let name = serde_json::Value::from(name);
            edits.push((first.start, format!("{name}|{FILTER}(")));
            edits.push((last.end, format!(",{is_ordered},{counts})")));
        }
    }
    // No two edits are about one place: a comparison within a side is within brackets there.
    edits.sort_unstable();
    let mut guarded = source.to_owned();
    for (at, text) in edits.into_iter().rev() {
        guarded.insert_str(at, &text);
    }
    guarded
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Order,
    Equality,
    In,
}

/// Comparisons in a row: `1 < x <= 5` is one of two signs and three sides.
#[derive(Debug, Default)]
struct Row {
    sides: Vec<Range<usize>>,
    signs: Vec<Sign>,
    /// The word at which the side begins that is being read.
    begin: usize,
}

impl Row {
    fn at(begin: usize) -> Row {
        Row {
            begin,
            ..Row::default()
        }
    }

    /// The side that is being read ends before this word.
    fn end_side(&mut self, end: usize) {
        self.sides.push(self.begin..end);
    }
}

/// All rows of comparisons, those within brackets too.
fn rows(words: &Words<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut open = vec![Row::at(0)];
    let mut at = 0;
    loop {
        let (part, length) = words.part(at);
        if let Some(row) = open.last_mut() {
            match part {
                Part::Compares(sign) => {
                    row.end_side(at);
                    row.signs.push(sign);
                    row.begin = at + length;
                }
                // The mark of arguments in a list or mapping is no part of the first side.
                Part::Value if row.begin == at && words.is_sign(at, '*') => row.begin = at + length,
                Part::Value | Part::Opens => {}
                Part::Ends | Part::Closes => {
                    let begun = std::mem::replace(row, Row::at(at + length));
                    rows.extend(finished(begun, at));
                }
            }
        }
        match part {
            Part::Opens => open.push(Row::at(at + length)),
            Part::Closes if open.len() > 1 => {
                open.pop();
            }
            _ if length == 0 => return rows,
            _ => {}
        }
        at += length;
    }
}

/// A row that ends before this word, if it is about anything.
fn finished(mut row: Row, end: usize) -> Option<Row> {
    row.end_side(end);
    let is_whole = !row.signs.is_empty() && row.sides.iter().all(|side| !side.is_empty());
    is_whole.then_some(row)
}

/// What a word is to the comparisons around it.
#[derive(Debug, Clone, Copy)]
enum Part {
    Value,
    Compares(Sign),
    /// Ends what is compared: a word such as `and`, a comma, the end of the source.
    Ends,
    Opens,
    Closes,
}

impl Words<'_> {
    /// What begins at this word, and how many words it is; none at the end.
    fn part(&self, at: usize) -> (Part, usize) {
        let joined = |sign| self.is_joined(at + 1) && self.is_sign(at + 1, sign);
        let Some(word) = self.get(at) else {
            return (Part::Ends, 0);
        };
        match word {
            Word::Sign('(' | '[' | '{') => (Part::Opens, 1),
            Word::Sign(')' | ']' | '}') => (Part::Closes, 1),
            Word::Sign('<' | '>') => (Part::Compares(Sign::Order), 1 + usize::from(joined('='))),
            Word::Sign('=' | '!') if joined('=') => (Part::Compares(Sign::Equality), 2),
            Word::Sign(',' | ':' | '=') => (Part::Ends, 1),
            // A name after these is a field, a filter or a test, whatever word it is.
            Word::Sign('.' | '|') => (Part::Value, 2),
            Word::Name("is") if self.get(at + 1) == Some(&Word::Name("not")) => (Part::Value, 3),
            Word::Name("is") => (Part::Value, 2),
            Word::Name("in") => (Part::Compares(Sign::In), 1),
            Word::Name("not") if self.get(at + 1) == Some(&Word::Name("in")) => {
                (Part::Compares(Sign::In), 2)
            }
            Word::Name("and" | "or" | "not" | "if" | "else") => (Part::Ends, 1),
            Word::Name(_) | Word::Text(_) | Word::Sign(_) => (Part::Value, 1),
        }
    }

    /// Whether a side is a text, a truth value or `none`, written out.
    fn is_constant(&self, side: &Range<usize>) -> bool {
        const CONSTANTS: [&str; 6] = ["true", "True", "false", "False", "none", "None"];
        let mut words = side.clone().map(|at| self.get(at));
        if let (1, Some(Word::Name(name))) = (side.len(), self.get(side.start)) {
            return CONSTANTS.contains(name);
        }
        words.all(|word| matches!(word, Some(Word::Text(_))))
    }

    /// Whether a side is a value that was looked up, and not one that was calculated.
    fn is_looked_up(&self, side: &Range<usize>) -> bool {
        let Some(Word::Name(name)) = self.get(side.start) else {
            return false;
        };
        if name.starts_with(|letter: char| letter.is_ascii_digit()) {
            return false;
        }
        let mut depth = 0_usize;
        for at in side.clone() {
            match self.get(at) {
                Some(Word::Sign('(' | '[' | '{')) => depth += 1,
                Some(Word::Sign(')' | ']' | '}')) => depth = depth.saturating_sub(1),
                Some(Word::Sign('+' | '-' | '*' | '/' | '%' | '~')) if depth == 0 => return false,
                _ => {}
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::guarded;

    #[test]
    fn every_side_is_guarded_and_nothing_else() {
        for (source, expected) in [
            ("a.b > 1", r#""a.b"|s(a.b,true,true) > "1"|s(1,true,false)"#),
            ("a==b", r#""a"|s(a,false,true)=="b"|s(b,false,true)"#),
            (
                "a[\"x\"] != -1",
                r#""a[\"x\"]"|s(a["x"],false,true) != "-1"|s(-1,false,false)"#,
            ),
            (
                "0 < a <= b + 1 and not c >= 2",
                r#""0"|s(0,true,false) < "a"|s(a,true,true) <= "b + 1"|s(b + 1,true,false) and not "c"|s(c,true,true) >= "2"|s(2,true,false)"#,
            ),
            (
                "a < b == c",
                r#""a"|s(a,true,true) < "b"|s(b,true,true) == "c"|s(c,false,true)"#,
            ),
            (
                "f(*a > 1, x=b.in > 2)|g",
                r#"f(*"a"|s(a,true,true) > "1"|s(1,true,false), x="b.in"|s(b.in,true,true) > "2"|s(2,true,false))|g"#,
            ),
            (
                "1 if a[b < 2:] else {'k': c|d > 3}",
                r#"1 if a["b"|s(b,true,true) < "2"|s(2,true,false):] else {'k': "c|d"|s(c|d,true,true) > "3"|s(3,true,false)}"#,
            ),
            (
                "(a > 1) == b",
                r#""(a > 1)"|s(("a"|s(a,true,true) > "1"|s(1,true,false)),false,false) == "b"|s(b,false,true)"#,
            ),
            (
                "a is not divisibleby 3 == b",
                r#""a is not divisibleby 3"|s(a is not divisibleby 3,false,true) == "b"|s(b,false,true)"#,
            ),
            ("a == 'x' or 'x' 'y' != b", "a == 'x' or 'x' 'y' != b"),
            ("a == none and b != True", "a == none and b != True"),
            ("a in b or a not in b", "a in b or a not in b"),
            ("a < b in c", "a < b in c"),
            ("a.b.c", "a.b.c"),
            ("f(x='a < b')", "f(x='a < b')"),
            ("a < ", "a < "),
            ("a.", "a."),
        ] {
            assert_eq!(guarded(source).replace(super::FILTER, "s"), expected);
        }
        let long = format!("{} > 1", ["a"; 99].join("."));
        assert!(guarded(&long).starts_with("\"what is compared\"|"));
    }
}
