//! The rules about compensations, before any silences another.

use std::collections::BTreeSet;

use sagactl::finding::Severity;
use sagactl::saga::Outcome;

use super::history::{Forward, Undo};
use super::standing::{Effect, Standing};
use super::{Meaning, OracleFinding};

impl Standing<'_> {
    /// One finding for all effects in force that are not in `told`, if any of them, told or not,
    /// is past its limit or the instance claims to be over.
    pub(crate) fn uncompensated(&self, told: &BTreeSet<usize>) -> Option<OracleFinding> {
        let effects = self.undo_order();
        let parked = self.first_is(Meaning::Abandons).is_some() && self.pivot().is_none();
        let rolled_back =
            (parked || self.claims_to_be_rolled_back()) && self.outcome() != Outcome::Completed;
        let claimed = rolled_back || (self.abort().is_some() && self.claims_to_be_over());
        let listed: Vec<Effect> = effects
            .into_iter()
            .filter(|effect| !told.contains(&effect.step))
            .collect();
        let kept = self.kept();
        let is_unaccounted = |effect: &Effect| match self.step(effect.step).timeout {
            Some(timeout) => self
                .abort()
                .is_some_and(|abort| self.violated(abort.max(effect.shown), timeout.as_nanos())),
            None if self.saga.deadline.is_some() => self.overdue(),
            None => self
                .abort()
                .is_some_and(|abort| self.violated(abort.max(effect.shown), 0)),
        };
        let is_due = listed.iter().any(|effect| self.past_its_limit(*effect))
            || kept.iter().any(is_unaccounted);
        if !claimed && !is_due {
            return None;
        }
        let all: Vec<&Effect> = listed.iter().chain(&kept).collect();
        let step = all.first()?.step;
        let shown = all.iter().map(|effect| effect.shown);
        let evidence = shown.chain(self.abort().or_else(|| self.terminal()));
        Some(self.finding(
            "compensation/uncompensated",
            Severity::Error,
            Some(step),
            evidence,
        ))
    }

    /// The event from which on the effect is due.
    fn due_since(&self, effect: Effect) -> Option<usize> {
        let others = self
            .steps()
            .filter(|other| *other != effect.step && self.undone_before(*other, effect.step));
        let mut since = self.abort()?.max(effect.shown);
        for other in others {
            if self.in_force().iter().any(|effect| effect.step == other) {
                return None;
            }
            since = since.max(self.undos(other).last().copied().unwrap_or(since));
        }
        Some(since)
    }

    fn past_its_limit(&self, effect: Effect) -> bool {
        let Some(due) = self.due_since(effect) else {
            return false;
        };
        let step = self.step(effect.step);
        let own = step
            .compensation
            .as_ref()
            .and_then(|compensation| compensation.timeout);
        let in_hand = matches!(
            self.undo(effect.step),
            Undo::Undoing { .. } | Undo::Failed { .. }
        );
        if own.is_some() && in_hand {
            return false;
        }
        match own.or(step.timeout) {
            Some(timeout) => self.violated(due, timeout.as_nanos()),
            None => self.overdue(),
        }
    }

    pub(crate) fn undo_stuck(&self, step: usize) -> Option<OracleFinding> {
        let (Undo::Undoing { since, .. } | Undo::Failed { at: since, .. }) = self.undo(step) else {
            return None;
        };
        let timeout = self.step(step).compensation.as_ref()?.timeout?.as_nanos();
        self.violated(since, timeout)
            .then(|| self.finding("compensation/stuck", Severity::Error, Some(step), [since]))
    }

    pub(crate) fn undo_failed(&self, step: usize) -> Option<OracleFinding> {
        let Undo::Exhausted { at, .. } = self.undo(step) else {
            return None;
        };
        Some(self.finding("compensation/failed", Severity::Error, Some(step), [at]))
    }

    /// When a step first succeeded, and when it was first undone after that.
    fn came_and_went(&self, step: usize) -> Option<(usize, usize)> {
        let came = self.first_success(step)?;
        let went = self.undos(step).into_iter().find(|undo| *undo > came)?;
        Some((came, went))
    }

    /// `first` was undone before `second` although it should have been the other way round. Where
    /// only the observed order counts, it has to have been observed by the time `first` was undone.
    fn inverted(&self, first: usize, second: usize) -> bool {
        let (Some((first_came, first_went)), Some((second_came, second_went))) =
            (self.came_and_went(first), self.came_and_went(second))
        else {
            return false;
        };
        let owed_reverse = match self.saga.strict_reverse {
            true => first_came < second_came,
            false => self.step(second).before.contains(first),
        } && second_came < first_went;
        owed_reverse && first_went < second_went
    }

    pub(crate) fn undo_out_of_order(&self) -> Option<OracleFinding> {
        let part = |step: &usize| {
            self.steps()
                .any(|other| self.inverted(*step, other) || self.inverted(other, *step))
        };
        let parts: Vec<(usize, usize)> = self
            .steps()
            .filter(part)
            .filter_map(|step| Some((self.came_and_went(step)?.1, step)))
            .collect();
        let (_, step) = parts.iter().min()?;
        let undos = parts.iter().map(|(went, _)| *went);
        Some(self.finding(
            "compensation/out-of-order",
            Severity::Error,
            Some(*step),
            undos,
        ))
    }

    pub(crate) fn double_undo(&self, step: usize) -> Option<OracleFinding> {
        let undos = self.undos(step);
        let successes = self.successes(step);
        let surplus = |pair: &[usize]| {
            let so_far = |all: &[usize]| all.iter().filter(|at| **at <= pair[1]).count();
            let apart = successes.iter().any(|at| pair[0] < *at && *at < pair[1]);
            !apart && so_far(&undos) > so_far(&successes)
        };
        if !undos.windows(2).any(surplus) {
            return None;
        }
        let severity = match self.share_a_key(&undos) {
            true => Severity::Note,
            false => Severity::Error,
        };
        Some(self.finding("compensation/double", severity, Some(step), undos))
    }

    pub(crate) fn empty_undo(&self, step: usize) -> Option<OracleFinding> {
        let first = *self.undos(step).first()?;
        let empty = match self.until(first).track(step).state {
            Forward::NotStarted => true,
            Forward::Failed { .. } | Forward::Exhausted { .. } => !self.saga.undo_failed,
            Forward::Running { .. } | Forward::Succeeded => false,
        };
        (empty && !self.saga.null_compensation)
            .then(|| self.finding("compensation/empty", Severity::Warning, Some(step), [first]))
    }

    pub(crate) fn dangling_step(&self, step: usize) -> Option<OracleFinding> {
        let (undo, success) = self.dangling(step)?;
        Some(self.finding(
            "compensation/dangling-step",
            Severity::Error,
            Some(step),
            [undo, success],
        ))
    }

    pub(crate) fn past_pivot(&self) -> Option<OracleFinding> {
        let pivot = self.pivot()?;
        let back = self
            .all(|meaning| meaning.compensates().is_some())
            .into_iter()
            .find(|at| *at > pivot)?;
        let step = self.events[back].meaning.compensates();
        Some(self.finding(
            "compensation/past-pivot",
            Severity::Error,
            step,
            [pivot, back],
        ))
    }
}
