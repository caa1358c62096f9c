//! What only some subjects are asked for: whether a finding is about one of them, and which of them
//! are in no log at all.

use std::collections::BTreeSet;

use crate::brief;
use crate::finding::{Finding, SubjectKind};
use crate::inspect::Options;

/// The subjects that are asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    instances: Vec<String>,
    keys: Vec<String>,
    met: BTreeSet<String>,
    /// How many findings about other keys were left out.
    left_out: u64,
}

impl Asked {
    /// What a run is asked for.
    pub(super) fn of(options: &Options) -> Asked {
        Asked {
            instances: options.instances.clone(),
            keys: options.keys.clone(),
            ..Asked::default()
        }
    }

    /// These are in a log.
    pub(super) fn meet<'a>(&mut self, met: impl Iterator<Item = &'a String>) {
        self.met.extend(met.cloned());
    }

    /// Whether findings about all keys are asked for.
    pub(super) fn is_about_all(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether a finding is about what is asked for; counts those that are not. Of instances no others
    /// are judged.
    pub(super) fn is_about(&mut self, finding: &Finding) -> bool {
        let subject = &finding.subject;
        let key = match subject.kind {
            SubjectKind::Key
            | SubjectKind::Group
            | SubjectKind::IdempotencyKey
            | SubjectKind::Transaction
            | SubjectKind::Instance => Some(&subject.id),
            _ => finding.key.as_ref(),
        };
        let mut asked = self.instances.iter().chain(&self.keys);
        let met = key.and_then(|key| asked.find(|asked| *asked == key));
        self.met.extend(met.cloned());
        let is_about = self.is_about_all() || met.is_some();
        self.left_out += u64::from(!is_about);
        is_about
    }

    /// Whether something is asked for and nothing of it is in a log.
    pub(super) fn is_void(&self) -> bool {
        let is_asked = !(self.instances.is_empty() && self.keys.is_empty());
        is_asked && self.met.is_empty()
    }

    /// What is in no log, and how much was left out.
    pub(super) fn remarks(&self) -> Vec<String> {
        let instances = self.instances.iter().map(|id| ("instance", id));
        let asked = instances.chain(self.keys.iter().map(|key| ("key", key)));
        let missing = asked.filter(|(_, id)| !self.met.contains(*id));
        let missing = missing.map(|(what, id)| format!("no event is of {what} {id}"));
        let left_out = brief::count(
            self.left_out,
            "finding about another key is",
            "findings about other keys are",
        );
        let left_out = (self.left_out > 0).then(|| format!("{left_out} left out"));
        missing.chain(left_out).collect()
    }
}
