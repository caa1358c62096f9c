//! Stored rows against what they should hold, for people and for machines.

use std::io::{self, Write};

use serde::Serialize;

use crate::event::Position;
use crate::inspect::{Comparison, TOOL};
use crate::output::json::{VERSION, document_to};
use crate::output::page::Page;
use crate::output::style::{CAUTION, FAINT, PLAIN, STRONG};
use crate::output::{escape, table, words};
use crate::projection::{Explanation, Standing, Verdict};

/// Which keys to show.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Only these; all, where there are none.
    pub keys: &'a [String],
    /// At most so many; 0 is all.
    pub limit: usize,
}

impl Shown<'_> {
    fn of<'c>(&self, comparison: &'c Comparison) -> Vec<&'c Standing> {
        let wanted =
            |standing: &&Standing| self.keys.is_empty() || self.keys.contains(&standing.key);
        comparison.standings.iter().filter(wanted).collect()
    }
}

/// Writes one comparison.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, comparison: &Comparison, shown: Shown<'_>) -> io::Result<()> {
    table::log(page, &comparison.log)?;
    page.blank()?;
    let name = escape::terminal(&comparison.projection.name).into_owned();
    page.labelled(0, STRONG, &format!("{name}  "), PLAIN, &summary(comparison))?;
    let all = shown.of(comparison);
    let most = if shown.limit == 0 {
        all.len()
    } else {
        shown.limit.min(all.len())
    };
    for standing in &all[..most] {
        page.blank()?;
        key(page, standing)?;
    }
    if all.is_empty() && !shown.keys.is_empty() {
        page.blank()?;
        page.text(
            0,
            CAUTION,
            "exact, or neither an event nor a row has the key",
        )?;
    }
    if most < all.len() {
        page.blank()?;
        let rest = all.len() - most;
        let text = format!("{rest} more keys are not exact; all with --limit 0 or --format json");
        page.text(0, CAUTION, &text)?;
    }
    for remark in &comparison.remarks {
        page.blank()?;
        page.text(0, CAUTION, &escape::terminal(remark))?;
    }
    Ok(())
}

fn summary(comparison: &Comparison) -> String {
    let parts: Vec<String> = Verdict::ALL
        .iter()
        .zip(comparison.verdicts)
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{} {}", words::grouped(count), verdict.label()))
        .collect();
    match (parts.as_slice(), comparison.lag) {
        ([], _) => "neither keys nor rows".to_owned(),
        (parts, Some(lag)) => format!("{}; up to {lag} behind", parts.join(", ")),
        (parts, None) => parts.join(", "),
    }
}

fn key(page: &mut Page<'_>, standing: &Standing) -> io::Result<()> {
    let since = standing
        .lag
        .map_or_else(String::new, |lag| format!("  for {lag}"));
    page.line(format_args!(
        "{STRONG}{}{STRONG:#}  {}{FAINT}{since}{FAINT:#}",
        escape::terminal(&standing.key),
        standing.verdict.label()
    ))?;
    let cells: Vec<[String; 3]> = (standing.differences.iter())
        .map(|one| {
            [&one.column, &one.stored, &one.expected]
                .map(|text| escape::terminal(text).into_owned())
        })
        .collect();
    if !cells.is_empty() {
        let head = ["column", "stored", "expected"].map(str::to_owned);
        let wide = |at: usize| {
            let all = cells.iter().chain([&head]);
            all.map(|row| row[at].chars().count()).max().unwrap_or(0)
        };
        let (first, second) = (wide(0), wide(1));
        let line =
            |row: &[String; 3]| format!("  {:<first$}  {:<second$}  {}", row[0], row[1], row[2]);
        page.line(format_args!("{FAINT}{}{FAINT:#}", line(&head)))?;
        cells.iter().try_for_each(|row| page.line(line(row)))?;
    }
    if let Some(reason) = &standing.reason {
        page.text(2, PLAIN, &escape::terminal(reason))?;
    }
    if let Some(events) = words::evidence(&standing.evidence) {
        page.text(2, FAINT, &events)?;
    }
    Ok(())
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
    verdicts: Vec<VerdictV1>,
    keys: Vec<KeyV1<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    remarks: &'a [String],
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
    candidates: Vec<CandidateV1<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    columns: &'a [String],
}

#[derive(Debug, Serialize)]
struct CandidateV1<'a> {
    class: &'static str,
    events: Vec<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<i64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    support: &'a [String],
}

#[derive(Debug, Serialize)]
struct DifferenceV1<'a> {
    field: &'a str,
    column: &'a str,
    stored: &'a str,
    expected: &'a str,
}

/// Writes all comparisons as one document; nothing is left out but other keys.
///
/// # Errors
/// When it cannot be written.
pub fn json(out: &mut dyn Write, comparisons: &[Comparison], shown: Shown<'_>) -> io::Result<()> {
    let projections = comparisons
        .iter()
        .map(|comparison| ProjectionV1 {
            projection: &comparison.projection.name,
            log: &comparison.log.name,
            verdicts: Verdict::ALL
                .iter()
                .zip(comparison.verdicts)
                .map(|(verdict, keys)| VerdictV1 {
                    verdict: verdict.label(),
                    keys,
                })
                .collect(),
            keys: shown.of(comparison).into_iter().map(key_v1).collect(),
            remarks: &comparison.remarks,
        })
        .collect();
    let document = DocumentV1 {
        version: VERSION,
        tool: TOOL,
        projections,
    };
    document_to(out, &document)
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
                support: &candidate.support,
            })
            .collect(),
        more: explanation.more,
        columns: &explanation.columns,
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}
