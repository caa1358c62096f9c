//! Expected findings against found ones: exact both ways, over rule, subject, step and evidence.

use crate::casefile::Expected;
use crate::event::Position;
use crate::finding::{Finding, Severity, SubjectKind};

/// A finding that was not expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As it would have to be written in `expect`.
    pub text: String,
    /// What it says.
    pub message: String,
}

/// Which expectations and which findings find no partner, by index.
pub(super) fn unmatched(expected: &[Expected], found: &[&Finding]) -> (Vec<usize>, Vec<usize>) {
    // An expectation may leave the saga or the severity open, so that it fits several findings:
    // the partners are moved until as many as possible have one.
    let mut partner_of: Vec<Option<usize>> = vec![None; found.len()];
    let mut missing = Vec::new();
    for at in 0..expected.len() {
        let mut tried = vec![false; found.len()];
        if !place(at, expected, found, &mut partner_of, &mut tried) {
            missing.push(at);
        }
    }
    let unexpected = (0..found.len())
        .filter(|at| partner_of[*at].is_none())
        .collect();
    (missing, unexpected)
}

fn place(
    at: usize,
    expected: &[Expected],
    found: &[&Finding],
    partner_of: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for candidate in 0..found.len() {
        if tried[candidate] || !fits(&expected[at], found[candidate]) {
            continue;
        }
        tried[candidate] = true;
        let free = match partner_of[candidate] {
            None => true,
            Some(other) => place(other, expected, found, partner_of, tried),
        };
        if free {
            partner_of[candidate] = Some(at);
            return true;
        }
    }
    false
}

fn fits(expected: &Expected, found: &Finding) -> bool {
    let (kind, id) = &expected.subject;
    expected.rule == found.rule
        && *kind == found.subject.kind
        && *id == found.subject.id
        && expected.step == found.step
        && expected.evidence == found.evidence
        && expected
            .definition
            .as_deref()
            .is_none_or(|name| *name == *found.subject.definition)
        && expected
            .severity
            .is_none_or(|severity| severity == found.severity)
}

/// The finding as one would write it in `expect`.
pub(super) fn written(finding: &Finding, several_sagas: bool) -> String {
    let saga = (several_sagas && finding.subject.kind == SubjectKind::Instance)
        .then_some(&*finding.subject.definition);
    let subject = (finding.subject.kind, finding.subject.id.as_str());
    flow(
        finding.rule,
        subject,
        saga,
        finding.step.as_deref(),
        None,
        &finding.evidence,
    )
}

/// An expectation, however it is laid out in its file.
pub(super) fn laid_out(expected: &Expected) -> String {
    let (kind, id) = &expected.subject;
    let (saga, step) = (expected.definition.as_deref(), expected.step.as_deref());
    flow(
        expected.rule,
        (*kind, id),
        saga,
        step,
        expected.severity,
        &expected.evidence,
    )
}

fn flow(
    rule: &str,
    (kind, id): (SubjectKind, &str),
    saga: Option<&str>,
    step: Option<&str>,
    severity: Option<Severity>,
    evidence: &[Position],
) -> String {
    let mut parts = vec![
        format!("rule: {rule}"),
        format!("{}: {}", kind.label(), scalar(id)),
    ];
    parts.extend(saga.map(|saga| format!("saga: {}", scalar(saga))));
    parts.extend(step.map(|step| format!("step: {}", scalar(step))));
    parts.extend(severity.map(|severity| format!("severity: {severity}")));
    if !evidence.is_empty() {
        let positions: Vec<String> = evidence.iter().map(ToString::to_string).collect();
        parts.push(format!("evidence: [{}]", positions.join(", ")));
    }
    format!("{{{}}}", parts.join(", "))
}

/// A YAML scalar that is read back as this text.
fn scalar(text: &str) -> String {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let named = text
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic());
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if named && !word && text.bytes().all(letter) || text.parse::<i64>().is_ok() {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}
