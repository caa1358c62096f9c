//! What a log file holds: a document to start from, with all that was seen as comments above it,
//! so that the whole can be kept as a definitions file.

use std::io;

use crate::brief;
use crate::event::Event;
use crate::log::Description;
use crate::output::page::{Page, columns};
use crate::output::style::{CAUTION, FAINT, PLAIN};
use crate::output::{escape, grid, words};

/// More event types than this are only counted.
const TYPES: usize = 30;
/// Longer payloads are cut.
const DATA: usize = 60;

/// Writes comments and document.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, log: &Description) -> io::Result<()> {
    comment(page, &words::path(&log.path))?;
    let writer = match log.recognised.preset {
        Some(preset) => format!("recognised as {preset}"),
        None => "no known writer; the mapping below is a guess".to_owned(),
    };
    comment(page, &writer)?;
    for seen in &log.recognised.evidence {
        comment(page, &format!("- {}", escape::terminal(seen)))?;
    }
    for remark in &log.remarks {
        comment(page, &escape::terminal(remark))?;
    }
    comment(page, "")?;
    extent(page, log)?;
    types(page, log)?;
    first(page, log)?;
    page.blank()?;
    log.yaml()
        .lines()
        .try_for_each(|line| page.line(escape::terminal(line)))
}

fn comment(page: &mut Page<'_>, text: &str) -> io::Result<()> {
    match text {
        "" => page.line(format_args!("{FAINT}#{FAINT:#}")),
        text => page.prefixed("# ", FAINT, PLAIN, text),
    }
}

fn extent(page: &mut Page<'_>, log: &Description) -> io::Result<()> {
    let mut extent = brief::count(log.events, "event", "events");
    if let Some((first, last)) = log.positions {
        extent.push_str(&format!(", positions {first}..{last}"));
    }
    if let Some((least, greatest)) = log.times {
        let (least, greatest) = (words::instant(least), words::instant(greatest));
        extent.push_str(&format!(", from {least} to {greatest}"));
    }
    comment(page, &extent)?;
    if log.bad_rows > 0 {
        let count = brief::count(log.bad_rows, "row", "rows");
        page.prefixed(
            "# ",
            FAINT,
            CAUTION,
            &format!("{count} cannot be read as events:"),
        )?;
        for bad in &log.first_bad {
            let place = bad
                .position
                .map(|position| format!("position {position}: "));
            let reason = escape::terminal(&bad.reason);
            comment(page, &format!("- {}{reason}", place.unwrap_or_default()))?;
        }
    }
    Ok(())
}

fn types(page: &mut Page<'_>, log: &Description) -> io::Result<()> {
    let rows: Vec<Vec<String>> = log
        .types
        .iter()
        .take(TYPES)
        .map(|(kind, count)| vec![brief::grouped(*count), escape::terminal(kind).into_owned()])
        .collect();
    comment(page, "")?;
    table(page, &[grid::quantity("events"), grid::text("type")], &rows)?;
    let more = log.types.len().saturating_sub(TYPES);
    if more > 0 {
        comment(page, &format!("and {more} more types"))?;
    }
    Ok(())
}

fn first(page: &mut Page<'_>, log: &Description) -> io::Result<()> {
    if log.first.is_empty() {
        return Ok(());
    }
    let columns = [
        grid::quantity("position"),
        grid::word("time"),
        grid::text("type"),
        grid::text("correlation"),
        grid::text("stream"),
        grid::text("data"),
    ];
    let rows: Vec<Vec<String>> = log.first.iter().map(event).collect();
    comment(page, "")?;
    comment(page, "as the mapping reads the first events:")?;
    table(page, &columns, &rows)
}

fn event(event: &Event) -> Vec<String> {
    let text = |text: Option<&str>| escape::terminal(text.unwrap_or_default()).into_owned();
    let data = event
        .data
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut short: String = data.chars().take(DATA).collect();
    if short.len() < data.len() {
        short.push('…');
    }
    let stream = match (&event.stream, event.version) {
        (Some(stream), Some(version)) => format!("{} v{version}", escape::terminal(stream)),
        (stream, _) => text(stream.as_deref()),
    };
    vec![
        event.position.to_string(),
        words::instant(event.time),
        text(Some(&event.kind)),
        text(event.correlation.as_deref()),
        stream,
        text(Some(&short)),
    ]
}

fn table(page: &mut Page<'_>, titles: &[grid::Column], rows: &[Vec<String>]) -> io::Result<()> {
    let width = page.width().saturating_sub(columns("# "));
    let lines = grid::lay_out(titles, rows, width);
    lines.iter().enumerate().try_for_each(|(number, line)| {
        let style = if number == 0 { FAINT } else { PLAIN };
        page.line(format_args!("{FAINT}#{FAINT:#} {style}{line}{style:#}"))
    })
}
