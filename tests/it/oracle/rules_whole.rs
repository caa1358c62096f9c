//! The rules about an instance as a whole, before any silences another.

use std::collections::BTreeSet;

use sagactl::finding::Severity;
use sagactl::saga::Outcome;

use super::standing::{Mixed, Standing};
use super::{Claim, Meaning, OracleFinding};

/// What a false claim claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    Completed,
    RolledBack,
    Running,
}

impl Standing<'_> {
    pub(crate) fn stuck_saga(&self) -> Option<OracleFinding> {
        let parked = self.is_parked_beyond() && !self.missing().is_empty();
        let stuck = self.overdue() && (self.end().is_none() || parked);
        stuck.then(|| {
            self.finding(
                "saga/stuck-saga",
                Severity::Error,
                None,
                [self.start(), self.last()],
            )
        })
    }

    pub(crate) fn late(&self) -> Option<OracleFinding> {
        if !matches!(self.outcome(), Outcome::Completed | Outcome::Compensated) {
            return None;
        }
        let completion = self.completion().filter(|_| self.saga.completes.is_empty());
        let last_undo = self
            .all(|meaning| matches!(meaning, Meaning::UndoSuccess(_)))
            .last()
            .copied();
        let drained = self
            .abort()
            .filter(|_| self.outcome() == Outcome::Compensated);
        let drained = drained.map(|abort| last_undo.map_or(abort, |undo| undo.max(abort)));
        let end = [self.terminal(), completion, drained]
            .into_iter()
            .flatten()
            .min()?;
        let deadline = self.saga.deadline?.as_nanos();
        self.was_late(self.start(), deadline, end)
            .then(|| self.finding("saga/late", Severity::Warning, None, [self.start(), end]))
    }

    pub(crate) fn unknown_events(&self) -> Vec<OracleFinding> {
        if self.saga.namespace.is_empty() {
            return Vec::new();
        }
        let unknown = self.all(|meaning| meaning == Meaning::Unknown);
        let kinds: BTreeSet<&str> = unknown
            .iter()
            .map(|at| self.events[*at].kind.as_str())
            .collect();
        let of_kind = |kind: &str| {
            unknown
                .iter()
                .copied()
                .filter(|at| self.events[*at].kind == kind)
                .collect::<Vec<_>>()
        };
        kinds
            .into_iter()
            .map(|kind| self.finding("saga/unknown-event", Severity::Warning, None, of_kind(kind)))
            .collect()
    }

    pub(crate) fn no_start(&self) -> Option<OracleFinding> {
        let missing = !self.cut && self.first_is(Meaning::Start).is_none();
        missing.then(|| self.finding("saga/no-start", Severity::Warning, None, [self.start()]))
    }

    pub(crate) fn mixed_outcome(&self) -> Option<OracleFinding> {
        let (Mixed::Said(one, other) | Mixed::Derived(one, other)) = self.mixed()?;
        Some(self.finding("saga/mixed-outcome", Severity::Error, None, [one, other]))
    }

    pub(crate) fn false_claim(&self) -> Option<OracleFinding> {
        let (claimed, shown) = self.contradicted()?;
        let step = match claimed {
            Claimed::Completed => self.missing().first().copied(),
            Claimed::RolledBack | Claimed::Running => None,
        };
        Some(self.finding("saga/false-claim", Severity::Error, step, [shown]))
    }

    /// There is a false claim, and it is that the instance completed.
    pub(crate) fn falsely_completed(&self) -> bool {
        self.contradicted()
            .is_some_and(|(claimed, _)| claimed == Claimed::Completed)
    }

    /// The first claim that the log contradicts: an event's before a status column's.
    fn contradicted(&self) -> Option<(Claimed, usize)> {
        let completes = self
            .first_is(Meaning::Completes)
            .filter(|_| self.contradicts_completes());
        let compensated = self
            .first_is(Meaning::Compensated)
            .filter(|_| self.contradicts_compensated());
        let said = completes
            .map(|at| (Claimed::Completed, at))
            .into_iter()
            .chain(compensated.map(|at| (Claimed::RolledBack, at)))
            .min_by_key(|(_, at)| *at);
        said.or_else(|| {
            self.contradicts_status()
                .map(|claimed| (claimed, self.last()))
        })
    }

    fn contradicts_completes(&self) -> bool {
        let never = self
            .required()
            .any(|step| self.first_success(step).is_none());
        never || matches!(self.outcome(), Outcome::Compensating | Outcome::Compensated)
    }

    fn contradicts_compensated(&self) -> bool {
        let beyond_return = |step: &usize| {
            let step = self.step(*step);
            let after_pivot = step.before.iter().any(|before| self.step(before).pivot);
            step.compensation.is_none() && (step.pivot || after_pivot)
        };
        let beyond = self
            .steps()
            .filter(beyond_return)
            .any(|step| self.first_success(step).is_some());
        let is_told = !self.in_force().is_empty() || !self.kept().is_empty();
        self.outcome() == Outcome::Completed || (!is_told && beyond)
    }

    fn contradicts_status(&self) -> Option<Claimed> {
        let outcome = self.outcome();
        match self.claim? {
            Claim::Running => matches!(
                outcome,
                Outcome::Completed | Outcome::Compensated | Outcome::Abandoned
            )
            .then_some(Claimed::Running),
            Claim::Completed => (outcome != Outcome::Completed).then_some(Claimed::Completed),
            Claim::Compensated => {
                let stands = !self.in_force().is_empty() || !self.kept().is_empty();
                let explained = stands && outcome != Outcome::Completed;
                (outcome != Outcome::Compensated && !explained).then_some(Claimed::RolledBack)
            }
        }
    }
}
