//! A page of lines for people: wrapped to a width, indented, styled line by line.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use crate::output::style::PLAIN;

/// Wider lines than this are hard to read, however wide the terminal.
const PROSE: usize = 110;
/// Narrower than this nothing can be laid out.
const NARROWEST: usize = 40;

/// Where text for people goes.
pub struct Page<'a> {
    out: &'a mut dyn Write,
    width: usize,
}

impl<'a> Page<'a> {
    /// A page of this many columns.
    pub fn new(out: &'a mut dyn Write, width: usize) -> Page<'a> {
        Page {
            out,
            width: width.max(NARROWEST),
        }
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// One line as it is; it may hold styles.
    pub(crate) fn line(&mut self, line: impl Display) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// A text of any length, wrapped, every line indented and styled alike.
    pub(crate) fn text(&mut self, indent: usize, style: Style, text: &str) -> io::Result<()> {
        self.labelled(indent, PLAIN, "", style, text)
    }

    /// A text of any length, wrapped, every line behind the same sign.
    pub(crate) fn prefixed(
        &mut self,
        sign: &str,
        sign_style: Style,
        style: Style,
        text: &str,
    ) -> io::Result<()> {
        let room = self.width.min(PROSE).saturating_sub(columns(sign));
        wrap(text, room).iter().try_for_each(|line| {
            writeln!(
                self.out,
                "{sign_style}{sign}{sign_style:#}{style}{line}{style:#}"
            )
        })
    }

    /// A label and a text that hangs beside it.
    pub(crate) fn labelled(
        &mut self,
        indent: usize,
        label_style: Style,
        label: &str,
        style: Style,
        text: &str,
    ) -> io::Result<()> {
        let (before, hang) = (" ".repeat(indent), indent + columns(label));
        let beside = " ".repeat(hang);
        let room = self
            .width
            .min(PROSE)
            .saturating_sub(hang)
            .max(NARROWEST / 2);
        for (number, line) in wrap(text, room).iter().enumerate() {
            if number == 0 {
                writeln!(
                    self.out,
                    "{before}{label_style}{label}{label_style:#}{style}{line}{style:#}"
                )?;
            } else {
                writeln!(self.out, "{beside}{style}{line}{style:#}")?;
            }
        }
        Ok(())
    }
}

/// How many columns a text takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// Breaks a text into lines of at most `room` columns, at spaces where there are any.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let mut word = word;
        let gap = usize::from(used > 0);
        if used > 0 && used + gap + columns(word) > room {
            lines.push(String::new());
            used = 0;
        }
        let Some(mut line) = lines.pop() else { break };
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        while used + columns(word) > room {
            let (head, tail) = split_at_columns(word, room - used);
            if tail.is_empty() {
                break;
            }
            line.push_str(head);
            lines.push(line);
            line = String::new();
            used = 0;
            word = tail;
        }
        line.push_str(word);
        used += columns(word);
        lines.push(line);
    }
    lines
}

/// The longest beginning that fits, at least one character, and the rest.
fn split_at_columns(word: &str, room: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, character) in word.char_indices() {
        used += columns(character.encode_utf8(&mut [0; 4]));
        if used > room && at > 0 {
            return word.split_at(at);
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_only_long_words_are_cut() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a verylongword b", 6), ["a", "verylo", "ngword", "b"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("世界世界", 4), ["世界", "世界"]);
        assert_eq!(wrap("世", 1), ["世"]);
    }
}
