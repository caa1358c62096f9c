//! Findings: what a rule says of one subject. Data only; how they look is the business of `output`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::event::{Position, Span, Timestamp};

/// How much a finding weighs; ordered, so that a threshold can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong by itself.
    Note,
    /// Likely wrong, or wrong without harm so far.
    Warning,
    /// Wrong: somebody has to act.
    Error,
}

impl Severity {
    /// All severities, the gravest first.
    pub const ALL: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Note];

    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }

    /// The severity that `word` names.
    pub fn from_label(word: &str) -> Option<Severity> {
        Severity::ALL
            .into_iter()
            .find(|severity| severity.label() == word)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// What kind of thing a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A saga instance; the id is its correlation value.
    Instance,
    /// An aggregate's stream.
    Stream,
    /// One event; the id is its position.
    Event,
    /// A key of a projection.
    Key,
    /// A group of events; the id is what they share.
    Group,
    /// An idempotency key.
    IdempotencyKey,
    /// A two-phase transaction.
    Transaction,
    /// A definition; the id is its name.
    Definition,
    /// The log as a whole; the id is its name.
    Log,
}

impl SubjectKind {
    /// All kinds.
    pub const ALL: [SubjectKind; 9] = [
        SubjectKind::Instance,
        SubjectKind::Stream,
        SubjectKind::Event,
        SubjectKind::Key,
        SubjectKind::Group,
        SubjectKind::IdempotencyKey,
        SubjectKind::Transaction,
        SubjectKind::Definition,
        SubjectKind::Log,
    ];

    /// The word for it in reports and case files.
    pub const fn label(self) -> &'static str {
        match self {
            SubjectKind::Instance => "instance",
            SubjectKind::Stream => "stream",
            SubjectKind::Event => "event",
            SubjectKind::Key => "key",
            SubjectKind::Group => "group",
            SubjectKind::IdempotencyKey => "idempotency-key",
            SubjectKind::Transaction => "transaction",
            SubjectKind::Definition => "definition",
            SubjectKind::Log => "log",
        }
    }
}

/// What a finding is about; of ids that are whole numbers the lesser comes first, before all others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The kind of thing.
    pub kind: SubjectKind,
    /// The definition it was judged by: a saga's or a log's name.
    pub definition: Arc<str>,
    /// Its id as it stands in the log.
    pub id: String,
}

impl Ord for Subject {
    fn cmp(&self, other: &Subject) -> Ordering {
        let number = |subject: &Subject| subject.id.parse::<i128>().ok();
        let (one, two) = (number(self), number(other));
        (self.kind.cmp(&other.kind))
            .then_with(|| self.definition.cmp(&other.definition))
            .then_with(|| (one.is_none(), one).cmp(&(two.is_none(), two)))
            .then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for Subject {
    fn partial_cmp(&self, other: &Subject) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Which way a saga has to go to become consistent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Compensate the effects in force.
    Backward,
    /// Retry the blocking step and let the saga go on.
    Forward,
}

impl Direction {
    /// The word for it in reports.
    pub const fn label(self) -> &'static str {
        match self {
            Direction::Backward => "backward",
            Direction::Forward => "forward",
        }
    }
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The arguments to type after `sagactl`; the files and log of the run are added by whoever
    /// prints them.
    pub arguments: Vec<String>,
    /// Options with their values, for example `--key`.
    pub options: Vec<(&'static str, String)>,
    /// Which way recovery goes; absent where nothing is to be recovered.
    pub direction: Option<Direction>,
    /// The steps to drive, in order: to undo when backward, to retry when forward.
    pub steps: Vec<Arc<str>>,
    /// Some of them declare no action: a person must do those.
    pub by_hand: bool,
}

/// What tells a log from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogName {
    /// Its name.
    pub name: Arc<str>,
    /// Its folder, as seen from the one that it has in common with other logs of that name; `None`
    /// where there is no other.
    pub apart: Option<Arc<str>>,
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.apart {
            None => f.write_str(&self.name),
            Some(apart) => write!(f, "{} ({apart})", self.name),
        }
    }
}

/// The log that something was found in, of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The log.
    pub log: LogName,
    /// Another one has a definition of the same name.
    pub is_shared: bool,
}

/// One rule broken by one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name, `family/rule`.
    pub rule: &'static str,
    /// After the settings' overrides.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// The step it is about, if one.
    pub step: Option<Arc<str>>,
    /// What tells this fault from another of the same rule, subject and step: the versions that
    /// are missing, the type that is unknown. Part of the fingerprint only.
    pub facet: Option<String>,
    /// The log that it was found in, where several are judged.
    pub origin: Option<Origin>,
    /// The key that it is about, where its subject is an event.
    pub key: Option<String>,
    /// The events that show it, in order.
    pub evidence: Vec<Position>,
    /// Since when it has been so.
    pub since: Option<Timestamp>,
    /// From `since` to the horizon.
    pub age: Option<Span>,
    /// One sentence for people, a lower-case fragment without a full stop.
    pub message: String,
    /// What to type next.
    pub next: Option<Next>,
}

impl Next {
    /// A command to look closer with.
    pub fn command<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Next {
        Next {
            arguments: arguments.into_iter().map(str::to_owned).collect(),
            options: Vec::new(),
            direction: None,
            steps: Vec::new(),
            by_hand: false,
        }
    }
}

impl Finding {
    /// The same with the events that show it, put in order, each once.
    pub fn shown_by(mut self, evidence: impl IntoIterator<Item = Position>) -> Finding {
        self.evidence = evidence.into_iter().collect();
        self.evidence.sort_unstable();
        self.evidence.dedup();
        self
    }

    /// The same with the time since which it is so, and its age at the horizon.
    pub fn since(mut self, since: Timestamp, horizon: Timestamp) -> Finding {
        self.since = Some(since);
        self.age = Some(horizon.since(since));
        self
    }

    /// A digest of what stays the same from run to run while the same fault stands: the rule, the
    /// subject, the step and the facet, and the log where another one has a definition of that name;
    /// not the evidence, whose positions a merged log may renumber.
    pub fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        let origin = self.origin.as_ref().filter(|origin| origin.is_shared);
        let parts = [
            self.rule,
            self.subject.kind.label(),
            &self.subject.definition,
            &self.subject.id,
            self.step.as_deref().unwrap_or(""),
            self.facet.as_deref().unwrap_or(""),
        ];
        let log = origin.map(|origin| &origin.log);
        let log = log.into_iter().flat_map(|log| {
            let apart = log.apart.as_deref();
            [&*log.name].into_iter().chain(apart)
        });
        for part in parts.into_iter().chain(log) {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        digest
            .finalize()
            .iter()
            .take(12)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_that_are_numbers_come_in_their_order_before_others() {
        let subject = |id: &str| Subject {
            kind: SubjectKind::Transaction,
            definition: Arc::from("t"),
            id: id.to_owned(),
        };
        let sorted = [
            "-3", "-1", "2", "02", "10", "862", "1234", "", "1.5", "a10", "a2",
        ];
        let mut sorted = sorted.map(subject);
        sorted.sort();
        let ids = sorted.iter().map(|subject| &*subject.id);
        assert_eq!(
            ids.collect::<Vec<&str>>(),
            [
                "-3", "-1", "02", "2", "10", "862", "1234", "", "1.5", "a10", "a2"
            ]
        );
    }
}
