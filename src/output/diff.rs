//! Stored rows against what they should hold, for people and for machines.

use std::io::{self, Write};

use serde::Serialize;

use crate::brief;
use crate::event::Position;
use crate::inspect::{Comparison, Held, TOOL};
use crate::output::json::{VERSION, document_to};
use crate::output::page::{Page, columns};
use crate::output::style::{ALARM, CAUTION, FAINT, PLAIN, STRONG};
use crate::output::{escape, grid, table, words};
use crate::projection::{Explanation, Mark, Standing, Verdict};
use crate::report::LogSummary;
use crate::rules::projection as rules;

/// A column's name keeps this much room.
const NAME: usize = 24;

/// Which keys to show.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Only these were asked for; all, where there are none.
    pub keys: &'a [String],
    /// At most so many; 0 is all.
    pub limit: usize,
}

/// Writes one comparison.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, comparison: &Comparison, shown: Shown<'_>) -> io::Result<()> {
    table::log(page, &comparison.log)?;
    if let Ok(held) = &comparison.held {
        mark(page, comparison, held)?;
    }
    page.blank()?;
    let name = escape::terminal(&comparison.projection.name).into_owned();
    let label = format!("{name}  ");
    match &comparison.held {
        Ok(held) => {
            page.labelled(0, STRONG, &label, PLAIN, &summary(held))?;
            keys(page, comparison, held, shown)?;
        }
        Err(why) => {
            let text = format!("its rows were not compared: {why}");
            page.labelled(0, STRONG, &label, CAUTION, &text)?;
        }
    }
    for remark in &comparison.remarks {
        page.blank()?;
        page.text(0, CAUTION, &escape::terminal(remark))?;
    }
    Ok(())
}

/// How far the consumer says that it has come, beside how far the log goes.
fn mark(page: &mut Page<'_>, comparison: &Comparison, held: &Held) -> io::Result<()> {
    let last = comparison.log.positions.map(|(_, Position(last))| last);
    let stored = comparison.projection.stored.as_ref();
    let (style, text) = match (&held.mark, last) {
        (Mark::Undeclared, _) if stored.is_some_and(|stored| stored.version.is_some()) => {
            (PLAIN, "none is declared; each row has a version".to_owned())
        }
        (Mark::Undeclared, _) => (PLAIN, "none is declared".to_owned()),
        (Mark::At(at), Some(last)) if *at > last => (
            ALARM,
            format!("position {at}, beyond the log's last position {last}"),
        ),
        (Mark::At(at), Some(last)) if *at == last => {
            (PLAIN, format!("position {at}, where the log ends"))
        }
        (Mark::At(at), Some(last)) => (PLAIN, format!("position {at}; the log ends at {last}")),
        (Mark::At(at), None) => (PLAIN, format!("position {at}")),
        (Mark::Absent(reason), _) => (CAUTION, format!("it tells nothing: {reason}")),
        (Mark::Unreadable(reason), _) => (ALARM, format!("it cannot be read: {reason}")),
    };
    let text = brief::one(&text, brief::IN_A_TABLE);
    page.labelled(0, FAINT, "checkpoint   ", style, &escape::terminal(&text))
}

/// The keys that are not exact, as far as they are shown.
fn keys(
    page: &mut Page<'_>,
    comparison: &Comparison,
    held: &Held,
    shown: Shown<'_>,
) -> io::Result<()> {
    let all = &held.standings;
    let most = match shown.limit {
        0 => all.len(),
        limit => limit.min(all.len()),
    };
    let mut is_cut = false;
    for standing in &all[..most] {
        page.blank()?;
        is_cut |= key(page, comparison, standing)?;
    }
    for wanted in shown.keys {
        let is_exact = held.exact.contains(wanted);
        let (style, text) = match is_exact {
            true => (PLAIN, Verdict::Exact.label()),
            false if held.knows(wanted) => continue,
            false => (
                CAUTION,
                "no event that can be judged and no row has this key",
            ),
        };
        page.blank()?;
        let label = format!("{}  ", words::key(wanted));
        page.labelled(0, STRONG, &label, style, text)?;
    }
    if most < all.len() {
        page.blank()?;
        let rest = all.len() - most;
        let text = format!("{rest} more keys are not exact; all with --limit 0 or --format json");
        page.text(0, CAUTION, &text)?;
    }
    if is_cut {
        page.blank()?;
        page.text(0, FAINT, words::CUT)?;
    }
    Ok(())
}

fn summary(held: &Held) -> String {
    let parts: Vec<String> = Verdict::ALL
        .iter()
        .zip(held.verdicts)
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{} {}", brief::grouped(count), verdict.label()))
        .collect();
    match (parts.as_slice(), held.lag) {
        ([], _) => "neither keys nor rows".to_owned(),
        (parts, Some(lag)) => format!("{}; up to {lag} behind", parts.join(", ")),
        (parts, None) => parts.join(", "),
    }
}

/// One key: what is wrong with its row, and the columns that are; answers whether something was cut.
fn key(page: &mut Page<'_>, comparison: &Comparison, standing: &Standing) -> io::Result<bool> {
    let name = words::key(&standing.key);
    let verdict = standing.verdict.label();
    if columns(&name) + 2 + columns(verdict) <= page.width() {
        page.line(format_args!("{STRONG}{name}{STRONG:#}  {verdict}"))?;
    } else {
        page.text(0, STRONG, &name)?;
        page.text(2, PLAIN, verdict)?;
    }
    let mut is_cut = words::is_cut(&standing.key);
    let mut rows = Vec::with_capacity(standing.differences.len());
    for one in &standing.differences {
        let [stored, expected] = rules::apart(one, brief::IN_A_TABLE);
        is_cut |= words::is_cut(&one.stored) || words::is_cut(&one.expected);
        let cells = [&one.column, &stored, &expected];
        rows.push(cells.map(|text| escape::terminal(text).into_owned()).into());
    }
    if !rows.is_empty() {
        let names = rows.iter().map(|row: &Vec<String>| columns(&row[0]));
        let room = names
            .max()
            .unwrap_or(0)
            .clamp("column".len(), NAME.min(page.width() / 4));
        let layout = [
            grid::roomy_text("column", u16::try_from(room).unwrap_or(u16::MAX)),
            grid::text("stored"),
            grid::text("expected"),
        ];
        let lines = grid::lay_out(&layout, &rows, page.width().saturating_sub(2));
        for (number, line) in lines.iter().enumerate() {
            let style = if number == 0 { FAINT } else { PLAIN };
            page.line(format_args!("  {style}{line}{style:#}"))?;
        }
    }
    let said = rules::said(standing, &comparison.projection);
    if !said.is_empty() {
        page.text(2, PLAIN, &escape::terminal(&said))?;
    }
    if let Some(events) = words::evidence(&standing.evidence) {
        let text = format!("{} {events}", role(standing));
        page.text(2, FAINT, &text)?;
    }
    Ok(is_cut)
}

/// What the events are that a verdict shows.
fn role(standing: &Standing) -> &'static str {
    let explanation = standing.explanation.as_ref();
    match standing.verdict {
        Verdict::Converging | Verdict::Late | Verdict::Missing => "first one not applied:",
        _ if explanation.is_some_and(|explanation| !explanation.named.is_empty()) => "in question:",
        _ if standing.evidence.len() == 1 => "its only event:",
        _ => "its first and its last event:",
    }
}

#[derive(Debug, Serialize)]
struct DocumentV1<'a> {
    version: u32,
    tool: &'static str,
    projections: Vec<ProjectionV1<'a>>,
}

#[derive(Debug, Serialize)]
struct ProjectionV1<'a> {
    projection: &'a str,
    log: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_compared: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<CheckpointV1<'a>>,
    verdicts: Vec<VerdictV1>,
    keys: Vec<KeyV1<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    exact: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    remarks: &'a [String],
}

/// Its position; or why it tells none: what it holds is no position, or there is nothing.
#[derive(Debug, Serialize)]
struct CheckpointV1<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct VerdictV1 {
    verdict: &'static str,
    keys: u64,
}

#[derive(Debug, Serialize)]
struct KeyV1<'a> {
    key: &'a str,
    verdict: &'static str,
    evidence: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<i64>,
    differences: Vec<DifferenceV1<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<ExplanationV1<'a>>,
}

#[derive(Debug, Serialize)]
struct ExplanationV1<'a> {
    class: &'static str,
    candidates: Vec<CandidateV1>,
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    columns: &'a [String],
}

#[derive(Debug, Serialize)]
struct CandidateV1 {
    class: &'static str,
    events: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    support: Vec<String>,
}

#[derive(Debug, Serialize)]
struct DifferenceV1<'a> {
    field: &'a str,
    column: &'a str,
    stored: &'a str,
    expected: &'a str,
}

/// Writes all comparisons as one document; nothing is left out and nothing cut.
///
/// # Errors
/// When it cannot be written.
pub fn json(out: &mut dyn Write, comparisons: &[Comparison]) -> io::Result<()> {
    let document = DocumentV1 {
        version: VERSION,
        tool: TOOL,
        projections: comparisons.iter().map(projection_v1).collect(),
    };
    document_to(out, &document)
}

fn projection_v1(comparison: &Comparison) -> ProjectionV1<'_> {
    let Comparison {
        log:
            LogSummary {
                name,
                positions,
                as_of,
                ..
            },
        projection,
        held,
        remarks,
    } = comparison;
    let verdicts = held.iter().flat_map(|held| {
        let counted = Verdict::ALL.iter().zip(held.verdicts);
        counted.map(|(verdict, keys)| VerdictV1 {
            verdict: verdict.label(),
            keys,
        })
    });
    let standings = held.iter().flat_map(|held| &held.standings);
    ProjectionV1 {
        projection: &projection.name,
        log: name,
        first_position: positions.map(|(first, _)| first.0),
        last_position: positions.map(|(_, last)| last.0),
        as_of: as_of.map(|as_of| as_of.to_string()),
        not_compared: held.as_ref().err().copied(),
        checkpoint: held
            .as_ref()
            .ok()
            .and_then(|held| checkpoint_v1(&held.mark)),
        verdicts: verdicts.collect(),
        keys: standings.map(key_v1).collect(),
        exact: held.as_ref().map_or(&[], |held| &held.exact),
        remarks,
    }
}

fn checkpoint_v1(mark: &Mark) -> Option<CheckpointV1<'_>> {
    let none = CheckpointV1 {
        position: None,
        unreadable: None,
        absent: None,
    };
    match mark {
        Mark::Undeclared => None,
        Mark::At(position) => Some(CheckpointV1 {
            position: Some(*position),
            ..none
        }),
        Mark::Unreadable(reason) => Some(CheckpointV1 {
            unreadable: Some(reason),
            ..none
        }),
        Mark::Absent(reason) => Some(CheckpointV1 {
            absent: Some(reason),
            ..none
        }),
    }
}

fn key_v1(standing: &Standing) -> KeyV1<'_> {
    let differences = standing.differences.iter().map(|one| DifferenceV1 {
        field: &one.field,
        column: &one.column,
        stored: &one.stored,
        expected: &one.expected,
    });
    KeyV1 {
        key: &standing.key,
        verdict: standing.verdict.label(),
        evidence: standing
            .evidence
            .iter()
            .map(|position| position.0)
            .collect(),
        since: standing.since.map(|since| since.to_string()),
        lag_seconds: standing.lag.map(|lag| lag.as_secs()),
        differences: differences.collect(),
        reason: standing.reason.as_deref(),
        explanation: standing.explanation.as_ref().map(explanation_v1),
    }
}

fn explanation_v1(explanation: &Explanation) -> ExplanationV1<'_> {
    let numbers = |positions: &[Position]| positions.iter().map(|it| it.0).collect();
    let candidates = explanation.candidates.iter();
    ExplanationV1 {
        class: explanation.class.label(),
        candidates: candidates
            .map(|candidate| CandidateV1 {
                class: candidate.class.label(),
                events: numbers(&candidate.events),
                lost: numbers(&candidate.lost),
                support: candidate.support.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        more: explanation.more,
        columns: &explanation.columns,
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
