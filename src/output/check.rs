//! What is wrong with definitions.

use std::io::{self, Write};

use serde::Serialize;

use crate::brief;
use crate::definition::fault::Fault;
use crate::finding::Severity;
use crate::output::page::Page;
use crate::output::style::{ALARM, CALM, CAUTION};
use crate::output::{json, style, words};

/// What was looked at; `None` where a fatal fault keeps it from being counted.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    /// Files read.
    pub files: usize,
    /// Sagas checked.
    pub sagas: Option<usize>,
    /// Logs that they belong to.
    pub logs: Option<usize>,
}

#[derive(Debug, Serialize)]
struct DocumentV1<'a> {
    version: u32,
    files: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sagas: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<usize>,
    faults: Vec<FaultV1<'a>>,
}

#[derive(Debug, Serialize)]
struct FaultV1<'a> {
    rule: &'static str,
    severity: &'static str,
    fatal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

/// Writes the faults, drawn already, and what was looked at.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, drawn: &str, faults: &[Fault], count: Count) -> io::Result<()> {
    drawn.lines().try_for_each(|line| page.line(line))?;
    if !faults.is_empty() {
        page.blank()?;
    }
    let files = brief::count(count.files as u64, "file", "files");
    let looked = match (count.sagas, count.logs) {
        (Some(sagas), Some(logs)) => format!(
            "{files}, {}, {}",
            brief::count(sagas as u64, "saga", "sagas"),
            brief::count(logs as u64, "log", "logs")
        ),
        _ => files,
    };
    let worst = faults.iter().map(|fault| fault.severity).max();
    if count.files == 0 || count.sagas == Some(0) && count.logs == Some(0) && faults.is_empty() {
        return page.text(0, CAUTION, &format!("{looked}: nothing was checked"));
    }
    let Some(worst) = worst else {
        return page.text(0, CALM, &format!("{looked}: nothing is wrong"));
    };
    let counts: Vec<String> = Severity::ALL
        .into_iter()
        .map(|severity| {
            (
                faults
                    .iter()
                    .filter(|fault| fault.severity == severity)
                    .count(),
                severity,
            )
        })
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| words::severities(count as u64, severity))
        .collect();
    let fatal = faults.iter().any(|fault| fault.fatal);
    let use_of = if fatal { "; they cannot be used" } else { "" };
    let style = if fatal { ALARM } else { style::severity(worst) };
    page.text(
        0,
        style,
        &format!("{looked}: {}{use_of}", counts.join(", ")),
    )
}

/// Writes the same as one document.
///
/// # Errors
/// When it cannot be written.
pub fn json(out: &mut dyn Write, faults: &[Fault], count: Count) -> io::Result<()> {
    let document = DocumentV1 {
        version: json::VERSION,
        files: count.files,
        sagas: count.sagas,
        logs: count.logs,
        faults: faults.iter().map(fault).collect(),
    };
    json::document_to(out, &document)
}

fn fault(fault: &Fault) -> FaultV1<'_> {
    let place = fault.place.as_ref();
    FaultV1 {
        rule: fault.rule,
        severity: fault.severity.label(),
        fatal: fault.fatal,
        file: place.map(|place| json::text(&place.file)),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        definition: fault.definition.as_deref(),
        message: &fault.message,
        help: fault.help.as_deref(),
    }
}
