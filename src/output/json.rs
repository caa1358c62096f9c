//! The audit's document, version 1. These types are frozen: a field may be added, never renamed,
//! removed or given another meaning.
//!
//! What depends on the wall clock is deliberately absent: the same log gives the same bytes.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::finding::{Direction, Finding, Next, Severity};
use crate::output::again::Again;
use crate::output::escape;
use crate::projection::Verdict;
use crate::report::{LogSummary, ProjectionCount, Report, RuleCount, SagaCount};
use crate::saga::Outcome;

/// The number that stands first in every document.
pub(crate) const VERSION: u32 = 1;

/// What a document needs to know beside the report.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// What the next commands have to repeat.
    pub again: &'a Again,
}

#[derive(Debug, Serialize)]
struct DocumentV1<'a> {
    version: u32,
    tool: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<LogV1>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<LogV1>,
    definitions: DefinitionsV1<'a>,
    findings: Vec<FindingV1<'a>>,
    rules: Vec<RuleV1>,
    instances: Vec<InstancesV1<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    projections: Vec<ProjectionsV1<'a>>,
    summary: SummaryV1,
    #[serde(skip_serializing_if = "is_zero")]
    accepted: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    remarks: &'a [String],
}

/// One log.
#[derive(Debug, Serialize)]
pub(crate) struct LogV1 {
    name: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_position: Option<i64>,
    events: u64,
    matched: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
}

#[derive(Debug, Serialize)]
struct DefinitionsV1<'a> {
    files: Vec<String>,
    hash: &'a str,
}

/// One finding.
#[derive(Debug, Serialize)]
pub(crate) struct FindingV1<'a> {
    rule: &'static str,
    severity: &'static str,
    subject: SubjectV1<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    evidence: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<i64>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<NextV1<'a>>,
    fingerprint: String,
}

#[derive(Debug, Serialize)]
struct SubjectV1<'a> {
    kind: &'static str,
    definition: &'a str,
    id: &'a str,
}

/// What to type next, and what has to be done.
#[derive(Debug, Serialize)]
pub(crate) struct NextV1<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    by_hand: bool,
}

#[derive(Debug, Serialize)]
struct RuleV1 {
    rule: &'static str,
    checked: u64,
    found: u64,
    unknown: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct InstancesV1<'a> {
    saga: &'a str,
    completed: u64,
    compensated: u64,
    running: u64,
    compensating: u64,
    abandoned: u64,
    contradictory: u64,
}

#[derive(Debug, Serialize)]
struct ProjectionsV1<'a> {
    projection: &'a str,
    exact: u64,
    converging: u64,
    late: u64,
    skipped: u64,
    divergent: u64,
    missing: u64,
    orphan: u64,
    ahead: u64,
    unreadable: u64,
    unknown: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
struct SummaryV1 {
    error: u64,
    warning: u64,
    note: u64,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Writes the document.
///
/// # Errors
/// When it cannot be written.
pub fn write(out: &mut dyn Write, report: &Report, frame: Frame<'_>) -> io::Result<()> {
    let mut logs: Vec<LogV1> = report.logs.iter().map(log).collect();
    let several = logs.len() > 1;
    let first = report.logs.first().map(log);
    let document = DocumentV1 {
        version: VERSION,
        tool: &report.tool,
        log: first,
        logs: if several {
            std::mem::take(&mut logs)
        } else {
            Vec::new()
        },
        definitions: DefinitionsV1 {
            files: report
                .definitions
                .files
                .iter()
                .map(|file| text(file))
                .collect(),
            hash: &report.definitions.hash,
        },
        findings: report
            .findings
            .iter()
            .map(|one| finding(one, frame))
            .collect(),
        rules: report.rules.iter().map(rule).collect(),
        instances: report.sagas.iter().map(instances).collect(),
        projections: report.projections.iter().map(projections).collect(),
        summary: SummaryV1 {
            error: report.count(Severity::Error),
            warning: report.count(Severity::Warning),
            note: report.count(Severity::Note),
        },
        accepted: report.accepted,
        remarks: &report.remarks,
    };
    document_to(out, &document)
}

/// Writes any document, indented, safe to look at on a terminal.
pub(crate) fn document_to(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(document)?;
    writeln!(out, "{}", escape::json(text))
}

/// Writes one object on a line of its own.
pub(crate) fn line_to(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(object)?;
    writeln!(out, "{}", escape::json(text))
}

/// A path as text; bytes that are no text are replaced.
pub(crate) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

pub(crate) fn log(log: &LogSummary) -> LogV1 {
    LogV1 {
        name: log.name.to_string(),
        path: text(&log.path),
        first_position: log.positions.map(|(first, _)| first.0),
        last_position: log.positions.map(|(_, last)| last.0),
        events: log.events,
        matched: log.matched,
        as_of: log.as_of.map(|instant| instant.to_string()),
    }
}

pub(crate) fn finding<'a>(finding: &'a Finding, frame: Frame<'a>) -> FindingV1<'a> {
    FindingV1 {
        rule: finding.rule,
        severity: finding.severity.label(),
        subject: SubjectV1 {
            kind: finding.subject.kind.label(),
            definition: &finding.subject.definition,
            id: &finding.subject.id,
        },
        log: finding.origin.as_ref().map(|origin| &*origin.log.name),
        step: finding.step.as_deref(),
        evidence: finding.evidence.iter().map(|position| position.0).collect(),
        since: finding.since.map(|instant| instant.to_string()),
        age_seconds: finding.age.map(|age| age.as_secs()),
        message: &finding.message,
        next: finding.next.as_ref().map(|one| next(one, frame.again)),
        fingerprint: finding.fingerprint(),
    }
}

pub(crate) fn next<'a>(next: &'a Next, again: &Again) -> NextV1<'a> {
    NextV1 {
        command: again.next(next),
        direction: next.direction.map(Direction::label),
        steps: next.steps.iter().map(|step| &**step).collect(),
        by_hand: next.by_hand,
    }
}

fn rule(count: &RuleCount) -> RuleV1 {
    RuleV1 {
        rule: count.rule,
        checked: count.checked,
        found: count.found,
        unknown: count.unknown,
        idle: count.idle,
    }
}

fn projections(count: &ProjectionCount) -> ProjectionsV1<'_> {
    let of = |verdict: Verdict| count.verdicts[verdict as usize];
    ProjectionsV1 {
        projection: &count.projection,
        exact: of(Verdict::Exact),
        converging: of(Verdict::Converging),
        late: of(Verdict::Late),
        skipped: of(Verdict::Skipped),
        divergent: of(Verdict::Divergent),
        missing: of(Verdict::Missing),
        orphan: of(Verdict::Orphan),
        ahead: of(Verdict::Ahead),
        unreadable: of(Verdict::Unreadable),
        unknown: of(Verdict::Unknown),
        lag_seconds: count.lag.map(|lag| lag.as_secs()),
    }
}

fn instances(count: &SagaCount) -> InstancesV1<'_> {
    let of = |wanted: Outcome| {
        Outcome::ALL
            .iter()
            .zip(count.outcomes)
            .find(|(outcome, _)| **outcome == wanted)
            .map_or(0, |(_, number)| number)
    };
    InstancesV1 {
        saga: &count.saga,
        completed: of(Outcome::Completed),
        compensated: of(Outcome::Compensated),
        running: of(Outcome::Running),
        compensating: of(Outcome::Compensating),
        abandoned: of(Outcome::Abandoned),
        contradictory: of(Outcome::Contradictory),
    }
}
