//! What events make of one key, for people and for machines.

use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::inspect::{Step, TOOL, Told};
use crate::output::json::{LogV1, VERSION, document_to, log};
use crate::output::page::Page;
use crate::output::style::{CAUTION, FAINT, PLAIN, STRONG};
use crate::output::{escape, table, words};
use crate::projection::Cell;

type Cells = [(Arc<str>, Cell)];

/// Writes the state of a key; with `history`, after each of its events.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, told: &Told, history: bool) -> io::Result<()> {
    table::log(page, &told.log)?;
    page.blank()?;
    let heading = format!("{} {}", told.projection.name, told.key);
    let events = words::count(told.steps.len() as u64, "event", "events");
    let later = match told.later {
        0 => String::new(),
        later => format!(", {later} later ones not"),
    };
    page.line(format_args!(
        "{STRONG}{}{STRONG:#}  {events} applied{later}",
        escape::terminal(&heading)
    ))?;
    if history {
        page.blank()?;
        let mut before: Option<&Cells> = None;
        for step in &told.steps {
            changes(page, step, before)?;
            before = step.state.as_deref();
        }
    }
    page.blank()?;
    match told.steps.last() {
        None if told.later > 0 => page.text(0, CAUTION, "it has no event by then"),
        None => page.text(0, CAUTION, "no event has this key"),
        Some(step) => fields(page, step),
    }
}

/// One event, and what it changed.
fn changes(page: &mut Page<'_>, step: &Step, before: Option<&Cells>) -> io::Result<()> {
    page.line(format_args!(
        "{:>8}  {}  {}",
        step.position.to_string(),
        words::instant(step.time),
        escape::terminal(&step.kind)
    ))?;
    let Some(after) = &step.state else {
        return page.text(10, PLAIN, "deleted");
    };
    for (index, (name, cell)) in after.iter().enumerate() {
        let old = before.and_then(|before| before.get(index));
        let old = old.map_or_else(|| Cell::Blank.to_string(), |(_, cell)| cell.to_string());
        let new = cell.to_string();
        if old != new {
            let change = format!("{name}: {old} -> {new}");
            page.text(10, PLAIN, &escape::terminal(&change))?;
        }
    }
    Ok(())
}

fn fields(page: &mut Page<'_>, step: &Step) -> io::Result<()> {
    if let Some(doubt) = &step.doubt {
        let text = format!("it cannot be told which events belong to it: {doubt}");
        page.text(0, CAUTION, &escape::terminal(&text))?;
    }
    let Some(state) = &step.state else {
        return page.text(0, PLAIN, "deleted");
    };
    let wide = state.iter().map(|(name, _)| name.chars().count()).max();
    let wide = wide.unwrap_or(0);
    for (name, cell) in state {
        let label = format!("{:wide$}  ", escape::terminal(name));
        page.labelled(
            0,
            FAINT,
            &label,
            PLAIN,
            &escape::terminal(&cell.to_string()),
        )?;
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct DocumentV1<'a> {
    version: u32,
    tool: &'static str,
    states: Vec<StateV1<'a>>,
}

#[derive(Debug, Serialize)]
struct StateV1<'a> {
    projection: &'a str,
    key: &'a str,
    log: LogV1,
    events: usize,
    later: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Vec<FieldV1<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<StepV1<'a>>,
}

#[derive(Debug, Serialize)]
struct StepV1<'a> {
    position: i64,
    time: String,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Vec<FieldV1<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<&'a str>,
}

/// A field with its value; nothing was done to it where it has neither a value nor a reason why
/// that cannot be told.
#[derive(Debug, Serialize)]
struct FieldV1<'a> {
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<&'a str>,
}

/// Writes all states as one document; with `history`, after each event.
///
/// # Errors
/// When it cannot be written.
pub fn json(out: &mut dyn Write, told: &[Told], history: bool) -> io::Result<()> {
    let states = told.iter().map(|told| StateV1 {
        projection: &told.projection.name,
        key: &told.key,
        log: log(&told.log),
        events: told.steps.len(),
        later: told.later,
        state: told
            .steps
            .last()
            .and_then(|step| step.state.as_deref())
            .map(fields_v1),
        history: match history {
            true => told.steps.iter().map(step_v1).collect(),
            false => Vec::new(),
        },
    });
    let document = DocumentV1 {
        version: VERSION,
        tool: TOOL,
        states: states.collect(),
    };
    document_to(out, &document)
}

fn step_v1(step: &Step) -> StepV1<'_> {
    StepV1 {
        position: step.position.0,
        time: step.time.to_string(),
        r#type: &step.kind,
        state: step.state.as_deref().map(fields_v1),
        doubt: step.doubt.as_deref(),
    }
}

fn fields_v1(cells: &Cells) -> Vec<FieldV1<'_>> {
    cells
        .iter()
        .map(|(name, cell)| FieldV1 {
            field: name,
            value: match cell {
                Cell::Known(value) => RawValue::from_string(value.to_string()).ok(),
                Cell::Blank | Cell::Unknown(_) => None,
            },
            unknown: match cell {
                Cell::Unknown(reason) => Some(reason),
                Cell::Blank | Cell::Known(_) => None,
            },
        })
        .collect()
}
