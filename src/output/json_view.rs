//! Instances as JSON, version 1: `list`'s array and `show`'s document. Frozen as in
//! [`json`].

use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::event::Event;
use crate::inspect::{InstanceView, Listing, StepView, TimelineRow};
use crate::output::again::Again;
use crate::output::json::{self, FindingV1, LogV1, NextV1};
use crate::report::InstanceRow;

/// One instance as `list` gives it.
#[derive(Debug, Serialize)]
pub(crate) struct InstanceV1<'a> {
    id: &'a str,
    saga: &'a str,
    outcome: &'static str,
    at: &'a str,
    steps: Vec<&'a str>,
    since: String,
    age_seconds: i64,
    attempts: u32,
    in_force: Vec<&'a str>,
    rules: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<NextV1<'a>>,
}

#[derive(Debug, Serialize)]
struct ShowV1<'a> {
    version: u32,
    tool: &'a str,
    views: Vec<ViewV1<'a>>,
}

#[derive(Debug, Serialize)]
struct ViewV1<'a> {
    log: LogV1,
    headline: &'a str,
    instance: InstanceV1<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<&'a str>,
    /// Rows that may be events of it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_judged: &'a [String],
    /// Rules of which it cannot be told whether it breaks them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unknown: &'a [&'static str],
    timeline: Vec<EventV1<'a>>,
    /// Events under its correlation value that mean nothing in its saga.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<EventV1<'a>>,
    steps: Vec<StepV1<'a>>,
    findings: Vec<FindingV1<'a>>,
}

#[derive(Debug, Serialize)]
struct EventV1<'a> {
    position: i64,
    time: String,
    #[serde(rename = "type")]
    kind: &'a str,
    meaning: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap_seconds: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    evidence: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Value>,
}

#[derive(Debug, Serialize)]
struct StepV1<'a> {
    step: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    role: &'static str,
    forward: &'static str,
    undo: &'static str,
    attempts: u32,
    undo_attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo_position: Option<i64>,
    in_force: bool,
}

/// Writes every instance as one array; `[]` where there are none.
///
/// # Errors
/// When it cannot be written.
pub fn list(out: &mut dyn Write, listing: &Listing, again: &Again) -> io::Result<()> {
    let rows: Vec<InstanceV1<'_>> = listing.rows.iter().map(|one| row(one, again)).collect();
    json::document_to(out, &rows)
}

/// Writes the instances with one id: one, or one per saga that knows the id.
///
/// # Errors
/// When it cannot be written.
pub fn show(
    out: &mut dyn Write,
    views: &[InstanceView],
    tool: &str,
    again: &Again,
) -> io::Result<()> {
    let views = views.iter().map(|one| view(one, again)).collect();
    json::document_to(
        out,
        &ShowV1 {
            version: json::VERSION,
            tool,
            views,
        },
    )
}

fn view<'a>(view: &'a InstanceView, again: &'a Again) -> ViewV1<'a> {
    let frame = json::Frame { again };
    ViewV1 {
        log: json::log(&view.log),
        headline: &view.headline,
        instance: row(&view.row, again),
        claim: view.claim.as_deref(),
        not_judged: &view.hidden,
        unknown: &view.unknown,
        timeline: view.timeline.iter().map(moment).collect(),
        others: view.others.iter().map(event).collect(),
        steps: view.steps.iter().map(step).collect(),
        findings: view
            .findings
            .iter()
            .map(|one| json::finding(one, frame))
            .collect(),
    }
}

pub(crate) fn row<'a>(row: &'a InstanceRow, again: &Again) -> InstanceV1<'a> {
    InstanceV1 {
        id: &row.id,
        saga: &row.saga,
        outcome: row.outcome.label(),
        at: &row.at,
        steps: names(&row.steps),
        since: row.since.to_string(),
        age_seconds: row.age.as_secs(),
        attempts: row.attempts,
        in_force: names(&row.in_force),
        rules: &row.rules,
        next: row.next.as_ref().map(|next| json::next(next, again)),
    }
}

fn names(steps: &[Arc<str>]) -> Vec<&str> {
    steps.iter().map(|step| &**step).collect()
}

fn moment(row: &TimelineRow) -> EventV1<'_> {
    EventV1 {
        meaning: row.meaning,
        step: row.step.as_deref(),
        attempt: row.attempt,
        gap_seconds: row.gap.map(seconds),
        evidence: &row.evidence,
        ..event(&row.event)
    }
}

fn event(event: &Event) -> EventV1<'_> {
    EventV1 {
        position: event.position.0,
        time: event.time.to_string(),
        kind: &event.kind,
        meaning: "not of this saga",
        step: None,
        attempt: None,
        gap_seconds: None,
        evidence: &[],
        source: event.source.as_deref(),
        id: event.id.as_deref(),
        stream: event.stream.as_deref(),
        stream_version: event.version,
        correlation: event.correlation.as_deref(),
        causation: event.causation.as_deref(),
        key: event.key.as_deref(),
        data: event.data.as_ref(),
        metadata: event.metadata.as_ref(),
    }
}

/// To the millisecond, which a double holds exactly enough for any span.
fn seconds(span: crate::event::Span) -> f64 {
    (span.as_nanos() / 1_000_000) as f64 / 1000.0
}

fn step(step: &StepView) -> StepV1<'_> {
    let [position, undo_position] = step.positions;
    StepV1 {
        step: &step.name,
        role: step.role,
        forward: step.forward,
        undo: step.undo,
        attempts: step.attempts,
        undo_attempts: step.undo_attempts,
        position: position.map(|position| position.0),
        undo_position: undo_position.map(|position| position.0),
        in_force: step.in_force,
    }
}
