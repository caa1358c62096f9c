//! The journal for people.

use std::io;

use crate::output::escape;
use crate::output::grid::{self, quantity, text, word};
use crate::output::page::Page;
use crate::output::style::{CAUTION, FAINT};
use crate::recovery::journal::{ApplyRecord, EntryRecord, SettlementRecord};

/// Writes every apply.
///
/// # Errors
/// When the page cannot be written.
pub fn applies(page: &mut Page<'_>, applies: &[ApplyRecord]) -> io::Result<()> {
    if applies.is_empty() {
        return page.text(0, CAUTION, "nothing was applied");
    }
    let columns = [
        quantity("apply"),
        word("at"),
        text("by"),
        text("reason"),
        quantity("done"),
        quantity("of"),
    ];
    let rows: Vec<Vec<String>> = applies
        .iter()
        .map(|apply| {
            vec![
                apply.apply.to_string(),
                seconds(&apply.at),
                escape::terminal(&apply.actor).into_owned(),
                escape::terminal(&apply.reason).into_owned(),
                apply.done.to_string(),
                apply.intents.to_string(),
            ]
        })
        .collect();
    let lines = grid::lay_out(&columns, &rows, page.width());
    lines.into_iter().try_for_each(|line| page.line(line))
}

/// Writes the actions of one apply.
///
/// # Errors
/// When the page cannot be written.
pub fn entries(page: &mut Page<'_>, entries: &[EntryRecord]) -> io::Result<()> {
    if entries.is_empty() {
        return page.text(0, CAUTION, "no action was begun");
    }
    let columns = [
        word("at"),
        word("instance"),
        word("step"),
        word("way"),
        word("outcome"),
        text("answer"),
    ];
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let mut answer = entry.response.clone().unwrap_or_default();
            if let Some(settled) = &entry.settled {
                let SettlementRecord { at, actor, reason } = settled;
                answer = format!("{answer} settled by {actor} at {}: {reason}", seconds(at));
            }
            vec![
                seconds(&entry.at),
                escape::terminal(&entry.instance).into_owned(),
                escape::terminal(&entry.step).into_owned(),
                entry.direction.clone(),
                entry.outcome.clone(),
                escape::terminal(answer.replace('\n', " ").trim_start()).into_owned(),
            ]
        })
        .collect();
    let lines = grid::lay_out(&columns, &rows, page.width());
    lines.into_iter().try_for_each(|line| page.line(line))?;
    for entry in entries.iter().filter(|entry| entry.outcome == "unknown") {
        let line = format!("unknown: sagactl journal settle {}", entry.key);
        page.text(0, CAUTION, &line)?;
    }
    page.text(0, FAINT, "keys and digests: sagactl journal export")
}

/// An instant to the second.
fn seconds(instant: &str) -> String {
    match instant.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => instant.to_owned(),
    }
}
