//! What the settings of a log make of a finding: another severity, nothing, or one that is allowed.

use std::sync::Arc;

use crate::definition::settings::{Allow, Settings};
use crate::event::Timestamp;
use crate::finding::{Finding, Severity, SubjectKind};
use crate::rules::{self, definition::EXPIRED_ALLOW};

/// The severity of a finding of a rule as the settings want it; `None` where they switch it off. One
/// that is not the rule's usual one stays.
pub(super) fn severity(
    settings: &Settings,
    (rule, own): (&str, Severity),
    is_usual: bool,
) -> Option<Severity> {
    match settings.rules.get(rule) {
        Some(None) => None,
        Some(Some(severity)) if is_usual => Some(*severity),
        _ => Some(own),
    }
}

/// Whether an entry of the settings allows a finding, however old it is.
pub(super) fn allows(allow: &Allow, finding: &Finding) -> bool {
    allow.rule == finding.rule
        && allow
            .subject
            .as_ref()
            .is_none_or(|(kind, id)| *kind == finding.subject.kind && **id == *finding.subject.id)
}

/// Whether a finding has its rule's usual severity: one that a rule lowered stays lowered.
pub(super) fn is_usual(finding: &Finding) -> bool {
    rules::find(finding.rule).is_some_and(|info| info.severity == finding.severity)
}

/// Whether an entry of the settings ended before the horizon.
pub(super) fn is_expired(allow: &Allow, horizon: Option<Timestamp>) -> bool {
    matches!((allow.until, horizon), (Some(until), Some(horizon)) if horizon >= until)
}

/// What is wrong with an entry of the settings of a log.
pub(super) fn about_allow(
    allow: &Allow,
    info: &rules::Info,
    severity: Severity,
    log: &Arc<str>,
) -> Finding {
    let subject = allow.subject.as_ref().map_or("every subject", |(_, id)| id);
    let what = match allow.until {
        Some(until) if info.name == EXPIRED_ALLOW.name => {
            format!(
                "{} is allowed for {subject} only until {until}: {}",
                allow.rule, allow.reason
            )
        }
        _ => format!(
            "{} is allowed for {subject}, but nothing of it was found: {}",
            allow.rule, allow.reason
        ),
    };
    let id = match &allow.subject {
        Some((_, id)) => format!("{} {id}", allow.rule),
        None => allow.rule.to_owned(),
    };
    let (file, line) = (allow.place.file.display(), allow.place.line);
    let message = format!("{what} ({file}:{line})");
    Finding {
        severity,
        ..info.finding(SubjectKind::Definition, log, id, message)
    }
}
