//! What a run found, as data: everything that the formats print and nothing that they decide.

use std::path::PathBuf;
use std::sync::Arc;

use crate::event::{Position, Span, Timestamp};
use crate::finding::{Finding, Severity};
use crate::projection::Verdict;
use crate::saga::Outcome;

/// The result of an audit.
#[derive(Debug, Clone)]
pub struct Report {
    /// `sagactl 0.1.0`
    pub tool: String,
    /// The logs read, in order.
    pub logs: Vec<LogSummary>,
    /// What they were judged by.
    pub definitions: DefinitionsSummary,
    /// Gravest first, then by rule, definition, subject id and step.
    pub findings: Vec<Finding>,
    /// Per rule that ran or could not run, in the order of the table.
    pub rules: Vec<RuleCount>,
    /// Per saga, in definition order.
    pub sagas: Vec<SagaCount>,
    /// Per projection with stored rows, in definition order.
    pub projections: Vec<ProjectionCount>,
    /// Findings that an `allow` or a baseline accepted.
    pub accepted: usize,
    /// What the reader should know: an old log, a private snapshot, what could not be checked.
    pub remarks: Vec<String>,
    /// Of the instances and keys that were asked for, none is in the logs.
    pub is_void: bool,
}

impl Report {
    /// One of which nothing was looked at yet.
    pub fn new(tool: String, definitions: DefinitionsSummary) -> Report {
        Report {
            tool,
            logs: Vec::new(),
            definitions,
            findings: Vec::new(),
            rules: Vec::new(),
            sagas: Vec::new(),
            projections: Vec::new(),
            accepted: 0,
            remarks: Vec::new(),
            is_void: false,
        }
    }
}

/// One log of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSummary {
    /// The log's name.
    pub name: Arc<str>,
    /// The file.
    pub path: PathBuf,
    /// The first and last position read; `None` for an empty log.
    pub positions: Option<(Position, Position)>,
    /// How many events were read, those of no definition too.
    pub events: u64,
    /// How many of them some definition has a use for.
    pub matched: u64,
    /// The instant against which ages were judged; `None` for an empty log.
    pub as_of: Option<Timestamp>,
    /// How far the wall clock is past the horizon, where that is the log's end.
    pub behind: Option<Span>,
    /// How a cap on memory was held, where there was one.
    pub memory: Option<Memory>,
}

/// What a cap on memory came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The most that was to be kept, in bytes.
    pub cap: u64,
    /// The most that was kept at once, in bytes, as far as it is counted.
    pub held: u64,
    /// In how many passes, each for a share of the keys, the log was read.
    pub passes: u32,
    /// Why more was kept than that, where it was.
    pub beyond: Option<Beyond>,
}

/// Why a cap on memory was not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// What joins many keys cannot be divided.
    Whole,
    /// What belongs to one key, or to few, cannot be divided.
    Keys,
    /// More passes would take too long to be of use.
    Passes,
}

/// The definitions of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionsSummary {
    /// The files read.
    pub files: Vec<PathBuf>,
    /// A digest of their texts.
    pub hash: String,
}

/// What one rule looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCount {
    /// The rule.
    pub rule: &'static str,
    /// Subjects looked at.
    pub checked: u64,
    /// Findings, accepted ones not counted.
    pub found: u64,
    /// Those among them that are only counted and not in the report's list, by severity in the order
    /// of [`Severity::ALL`].
    pub unlisted: [u64; Severity::ALL.len()],
    /// Subjects of which it could not be told.
    pub unknown: u64,
    /// Why the rule had nothing to look at, where it had not.
    pub idle: Option<&'static str>,
}

/// The instances of one saga, by outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SagaCount {
    /// The saga.
    pub saga: Arc<str>,
    /// How many instances have each outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
}

/// The keys of one projection, by verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionCount {
    /// The projection.
    pub projection: Arc<str>,
    /// How many keys have each verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [u64; Verdict::ALL.len()],
    /// The longest time that an event waits to be applied.
    pub lag: Option<Span>,
}

impl RuleCount {
    /// How many of its findings are not listed.
    pub fn not_listed(&self) -> u64 {
        self.unlisted.iter().sum()
    }

    /// Those of its findings with this severity that are not listed.
    pub fn unlisted_of(&self, severity: Severity) -> u64 {
        let counts = Severity::ALL.iter().zip(self.unlisted);
        let own = counts.filter(|(own, _)| **own == severity);
        own.map(|(_, count)| count).sum()
    }
}

impl Report {
    /// How many findings have this severity, those that are not listed too.
    pub fn count(&self, severity: Severity) -> u64 {
        let listed = self.findings.iter();
        let listed = listed.filter(|finding| finding.severity == severity);
        let unlisted = self.rules.iter().map(|rule| rule.unlisted_of(severity));
        listed.count() as u64 + unlisted.sum::<u64>()
    }

    /// The greatest severity that there is.
    pub fn worst(&self) -> Option<Severity> {
        Severity::ALL
            .into_iter()
            .find(|severity| self.count(*severity) > 0)
    }
}

/// One instance as `list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// The correlation value.
    pub id: String,
    /// The saga.
    pub saga: Arc<str>,
    /// Where it ended up.
    pub outcome: Outcome,
    /// Where it is, in words: `charge-card, attempt 2`.
    pub at: String,
    /// The steps it is at, blocking or running, in declared order.
    pub steps: Vec<Arc<str>>,
    /// When its last event happened.
    pub since: Timestamp,
    /// From then to the horizon.
    pub age: Span,
    /// Attempts of the step it is at; 0 where it is at none.
    pub attempts: u32,
    /// The steps whose effects are in force after an abort, in the order to undo them.
    pub in_force: Vec<Arc<str>>,
    /// How many events it has; 0 where a settled instance's events were not kept.
    pub events: u64,
    /// The position of its start, or of its first event.
    pub start: Option<Position>,
    /// The rules that found something about it.
    pub rules: Vec<&'static str>,
    /// What to type next.
    pub next: Option<crate::finding::Next>,
}

impl Report {
    /// Drops the findings that `keep` refuses, from the rules' counts too; answers how many.
    pub fn retain(&mut self, mut keep: impl FnMut(&Finding) -> bool) -> usize {
        let before = self.findings.len();
        let rules = &mut self.rules;
        self.findings.retain(|finding| {
            let kept = keep(finding);
            if !kept && let Some(count) = rules.iter_mut().find(|count| count.rule == finding.rule)
            {
                count.found = count.found.saturating_sub(1);
            }
            kept
        });
        before - self.findings.len()
    }
}
