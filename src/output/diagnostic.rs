//! A fault of a definition, drawn with the line that it stands in. Only this file knows how.
//!
//! Only the marked line is shown to the drawing code, cut around the mark where it is very long,
//! and without anything that a terminal would obey.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::definition::fault::{Fault, Place};
use crate::finding::Severity;
use crate::output::escape;

/// How many bytes of a line are shown on either side of a mark.
const AROUND: usize = 300;

/// Draws a fault: what is wrong, where, the line with a mark under it, what to do. `text` is the
/// text of the file that the fault is in; without it, only the place is named. Ends with a line
/// break.
pub fn render(fault: &Fault, text: Option<&str>, color: bool, width: usize) -> String {
    let level = match fault.severity {
        _ if fault.fatal => Level::ERROR,
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(clean(&fault.message)).id(fault.rule);
    let mut group = Group::with_title(title);
    if let Some(place) = &fault.place {
        let path = clean(&place.file.to_string_lossy());
        let origin = Origin::path(path.clone())
            .line(place.line)
            .char_column(place.column);
        match text.and_then(|text| Line::of(text, place)) {
            None => group = group.element(origin),
            Some(line) => {
                let label = (!fault.label.is_empty()).then(|| clean(&fault.label));
                let mark = AnnotationKind::Primary
                    .span(line.mark.0..line.mark.1)
                    .label(label);
                let snippet = Snippet::source(line.text)
                    .line_start(place.line)
                    .annotation(mark);
                // The drawing code finds the column itself, but not in a line that was cut.
                group = if line.cut {
                    group.element(origin).element(snippet)
                } else {
                    group.element(snippet.path(path))
                };
            }
        }
    }
    if let Some(help) = &fault.help {
        group = group.element(Level::HELP.message(clean(help)));
    }
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut drawn = renderer.term_width(width.max(40)).render(&[group]);
    drawn.push('\n');
    drawn
}

/// The line of a place as it may be shown, and the bytes of it to mark.
struct Line {
    text: String,
    mark: (usize, usize),
    /// It does not begin where the line in the file does.
    cut: bool,
}

impl Line {
    /// `None` where the place does not lie in the text.
    fn of(text: &str, place: &Place) -> Option<Line> {
        let (before, rest) = (text.get(..place.start)?, text.get(place.start..)?);
        let mark = text.get(place.start..place.end)?;
        let before = before.rsplit('\n').next().unwrap_or("");
        let mark = mark.split(['\n', '\r']).next().unwrap_or("");
        let after = rest
            .get(mark.len()..)?
            .split(['\n', '\r'])
            .next()
            .unwrap_or("");
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        let from = boundary(before, before.len().saturating_sub(AROUND));
        let before = clean(&before[from..]);
        let mark = clean(&mark[..boundary(mark, AROUND)]);
        let after = clean(&after[..boundary(after, AROUND)]);
        let (start, end) = (before.len(), before.len() + mark.len());
        Some(Line {
            text: format!("{before}{mark}{after}"),
            mark: (start, end),
            cut: from > 0,
        })
    }
}

/// The last character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// The text with every character that a terminal would obey, or that would hide or reorder
/// others, replaced by a visible one.
fn clean(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\t' => '\t',
            '\u{7f}' => '\u{2421}',
            '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(letter)).unwrap_or('\u{fffd}'),
            acting if escape::acts(acting) => '\u{fffd}',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::definition::load_text;

    fn drawn(name: &str, text: &str, width: usize) -> String {
        match load_text(Path::new(name), text, &[]) {
            Ok(definitions) => definitions.lints,
            Err(unusable) => unusable.faults,
        }
        .iter()
        .map(|fault| render(fault, Some(text), false, width))
        .collect()
    }

    #[test]
    fn a_fault_shows_its_line_with_a_mark_and_the_cure() {
        let text = "saga: pay\nstarts: Paid\ndeadline: 5m\nsteps:\n  - step: a\n    pivot: true\n    suceeds: Done\n";
        assert_eq!(
            drawn("shop/pay.yaml", text, 100),
            "\
error[definition/unknown-key]: `suceeds` means nothing in this step
 --> shop/pay.yaml:7:5
  |
7 |     suceeds: Done
  |     ^^^^^^^ unknown key
  |
  = help: did you mean `succeeds`?
"
        );
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_not_sent() {
        let text = "saga: \"x\"\n\u{202e}evil\u{9b}31m: \"\u{2066}\"\n";
        let shown = drawn("a\u{1b}[31m.yaml", text, 100);
        assert!(
            !shown.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{2066}']),
            "{shown:?}"
        );
        assert!(shown.contains("--> a␛[31m.yaml:"), "{shown}");
    }

    #[test]
    fn a_very_long_line_is_cut_around_its_mark() {
        let text = format!("saga: {{ {}: 1 }}\n", "é".repeat(100_000));
        let shown = drawn("a.yaml", &text, 80);
        assert!(
            shown.lines().all(|line| line.chars().count() <= 200),
            "{shown}"
        );
        assert!(shown.contains("--> a.yaml:1:"), "{shown}");
    }
}
