//! Checked settings: thresholds, rule overrides and accepted findings.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::definition::fault::Place;
use crate::event::Timestamp;
use crate::finding::{Severity, SubjectKind};

/// The instant against which ages are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// The greatest time in the log.
    End,
    /// The wall clock at the start of the run.
    Now,
    /// This instant; later events are not read.
    Instant(Timestamp),
}

/// From which severity on a run fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// At this severity or above.
    Severity(Severity),
    /// Findings never fail a run.
    Never,
}

/// What one `settings:` document, or several of one log, say.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The default horizon.
    pub as_of: Option<AsOf>,
    /// The default threshold.
    pub fail_on: Option<FailOn>,
    /// Rule name to its severity here; `None` switches it off.
    pub rules: BTreeMap<&'static str, Option<Severity>>,
    /// Findings that were looked at and accepted.
    pub allow: Vec<Allow>,
}

/// One accepted finding.
#[derive(Debug, Clone)]
pub struct Allow {
    /// Where it is declared.
    pub place: Place,
    /// The rule it silences.
    pub rule: &'static str,
    /// The subject it silences it for; `None` is every subject.
    pub subject: Option<(SubjectKind, Arc<str>)>,
    /// Why.
    pub reason: String,
    /// The first instant at which it no longer counts.
    pub until: Option<Timestamp>,
}
