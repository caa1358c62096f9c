//! What is wrong with definitions.

use std::io::{self, Write};

use serde::Serialize;

use crate::brief;
use crate::definition::fault::Fault;
use crate::definition::{Definitions, Scope};
use crate::finding::Severity;
use crate::output::page::Page;
use crate::output::style::{ALARM, CALM, CAUTION};
use crate::output::{json, style, words};

/// What was looked at.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    /// Files read.
    pub files: usize,
    /// What they define; `None` where a fatal fault keeps it from being counted.
    pub things: Option<Things>,
}

/// How many documents there are of each kind.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Things {
    /// `saga:`
    pub sagas: usize,
    /// `projection:`
    pub projections: usize,
    /// `invariant:`
    pub invariants: usize,
    /// `reaction:`
    pub reactions: usize,
    /// `idempotency:`
    pub idempotency_rules: usize,
    /// `transaction:`
    pub transactions: usize,
    /// `settings:`
    pub settings: usize,
    /// `log:`
    pub logs: usize,
}

impl Things {
    /// Those of these definitions.
    pub fn of(definitions: &Definitions) -> Things {
        let sum = |of: fn(&Scope) -> usize| definitions.scopes.iter().map(of).sum();
        Things {
            sagas: sum(|scope| scope.sagas.len()),
            projections: sum(|scope| scope.projections.len()),
            invariants: sum(|scope| scope.invariants.len() + scope.requirements.len()),
            reactions: sum(|scope| scope.reactions.len()),
            idempotency_rules: sum(|scope| scope.idempotency.len()),
            transactions: sum(|scope| scope.transactions.len()),
            settings: definitions.settings,
            logs: sum(|scope| usize::from(scope.log.is_some())),
        }
    }

    /// Of each kind that there is, how many: `2 sagas`, `1 log`.
    fn words(self) -> Vec<String> {
        let all = [
            (self.sagas, "saga", "sagas"),
            (self.projections, "projection", "projections"),
            (self.invariants, "invariant", "invariants"),
            (self.reactions, "reaction", "reactions"),
            (
                self.idempotency_rules,
                "idempotency rule",
                "idempotency rules",
            ),
            (self.transactions, "transaction", "transactions"),
            (self.settings, "settings document", "settings documents"),
            (self.logs, "log", "logs"),
        ];
        let some = all.into_iter().filter(|(number, ..)| *number > 0);
        some.map(|(number, one, many)| brief::count(number as u64, one, many))
            .collect()
    }
}

#[derive(Debug, Serialize)]
struct DocumentV1<'a> {
    version: u32,
    files: usize,
    #[serde(flatten)]
    things: Option<Things>,
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
    let things = count.things.map(Things::words);
    let is_nothing = things.as_ref().is_some_and(Vec::is_empty);
    let mut looked = vec![files];
    looked.extend(things.unwrap_or_default());
    let looked = looked.join(", ");
    let worst = faults.iter().map(|fault| fault.severity).max();
    if count.files == 0 || is_nothing && faults.is_empty() {
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
        things: count.things,
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
