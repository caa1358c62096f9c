//! What came of a plan: action by action, for people and for programs.

use std::io::{self, Write};

use anstyle::Style;

use crate::finding::Direction;
use crate::output::page::Page;
use crate::output::style::{ALARM, CALM, CAUTION, FAINT, STRONG};
use crate::output::{escape, json};
use crate::recovery::document::Way;
use crate::recovery::item::{Item, Outcome};
use crate::recovery::refused::NotBegunV1;
use crate::recovery::verify::{Verdict, Verified};

/// The command that says of an action, by its key, whether it was done; `None` where none can.
pub type Settling<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Writes what came of each action, and how many there are of each kind.
///
/// # Errors
/// When the page cannot be written.
pub fn items(page: &mut Page<'_>, items: &[Item], settling: Settling<'_>) -> io::Result<()> {
    for item in items {
        let style = match item.outcome {
            Outcome::Done => CALM,
            Outcome::Failed | Outcome::Unknown | Outcome::Unrecorded => ALARM,
            Outcome::Moved | Outcome::Held | Outcome::Skipped => CAUTION,
            Outcome::NotReached => FAINT,
        };
        let what = (&*item.id, &*item.step, item.direction);
        line(page, (item.outcome.label(), style), what, &item.detail)?;
        if item.outcome == Outcome::Unknown {
            settle(page, settling(&item.key))?;
        }
    }
    let count = |outcome: Outcome| items.iter().filter(|it| it.outcome == outcome).count();
    let counts = Outcome::ALL.map(|outcome| (outcome.label(), count(outcome)));
    page.text(0, STRONG, &summary(&counts))
}

/// Writes what would not go as it stands in the plan.
///
/// # Errors
/// When the page cannot be written.
pub fn otherwise(page: &mut Page<'_>, found: &[Item], settling: Settling<'_>) -> io::Result<()> {
    page.blank()?;
    page.text(0, STRONG, "not as planned:")?;
    items(page, found, settling)
}

/// Writes why all of a plan would be refused as things are.
///
/// # Errors
/// When the page cannot be written.
pub fn refused(page: &mut Page<'_>, refused: &NotBegunV1) -> io::Result<()> {
    page.blank()?;
    let line = format!("as it is, all of it is refused: {}", refused.message);
    page.text(0, ALARM, &escape::terminal(&line))
}

/// Writes what the log says of each action, and how many there are of each kind.
///
/// # Errors
/// When the page cannot be written.
pub fn verified(page: &mut Page<'_>, items: &[Verified], settling: Settling<'_>) -> io::Result<()> {
    for item in items {
        let style = match item.verdict {
            Verdict::Confirmed => CALM,
            Verdict::Submitted => CAUTION,
            Verdict::Contradicted | Verdict::Unknown | Verdict::Unsent => ALARM,
        };
        let what = (&*item.id, &*item.step, item.direction);
        line(page, (item.verdict.label(), style), what, &item.detail)?;
        if item.verdict == Verdict::Unknown {
            settle(page, settling(&item.key))?;
        }
    }
    let count = |verdict: Verdict| items.iter().filter(|it| it.verdict == verdict).count();
    let counts = Verdict::ALL.map(|verdict| (verdict.label(), count(verdict)));
    page.text(0, STRONG, &summary(&counts))
}

/// Writes one document.
///
/// # Errors
/// When it cannot be written.
pub fn document<T: serde::Serialize>(out: &mut dyn Write, it: &T) -> io::Result<()> {
    json::document_to(out, it)
}

/// Writes a list, one object a line.
///
/// # Errors
/// When it cannot be written.
pub fn jsonl<T: serde::Serialize>(out: &mut dyn Write, items: &[T]) -> io::Result<()> {
    items.iter().try_for_each(|item| json::line_to(out, item))
}

/// Writes what a person does about an action of which nobody knows whether it was done.
fn settle(page: &mut Page<'_>, command: Option<String>) -> io::Result<()> {
    match command {
        Some(command) => page.line(format!("{:13}{command}", "")),
        None => Ok(()),
    }
}

fn line(
    page: &mut Page<'_>,
    (label, style): (&str, Style),
    (id, step, way): (&str, &str, Way),
    detail: &str,
) -> io::Result<()> {
    let verb = match Direction::from(way) {
        Direction::Backward => "undo",
        Direction::Forward => "retry",
    };
    let colon = if detail.is_empty() { "" } else { ": " };
    let text = format!("{id} {verb} {step}{colon}{}", detail.replace('\n', " "));
    let label = format!("{label:<13}");
    let plain = crate::output::style::PLAIN;
    page.labelled(0, style, &label, plain, &escape::terminal(&text))
}

fn summary(counts: &[(&str, usize)]) -> String {
    let counts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(label, count)| format!("{count} {label}"))
        .collect();
    if counts.is_empty() {
        "no action".to_owned()
    } else {
        counts.join(", ")
    }
}
