//! The rules about forward steps, before any silences another.

use std::collections::BTreeMap;

use sagactl::finding::Severity;

use super::history::Forward;
use super::standing::Standing;
use super::{Meaning, OracleFinding};

impl Standing<'_> {
    pub(crate) fn stuck_step(&self, step: usize) -> Option<OracleFinding> {
        let owed = match self.track(step).state {
            Forward::Running { .. } | Forward::Failed { .. } => true,
            Forward::NotStarted => !self.step(step).optional,
            Forward::Succeeded | Forward::Exhausted { .. } => false,
        };
        let through = self.completion().or(self.first_is(Meaning::Abandons));
        let idle = self.step(step).optional && through.is_some();
        if !owed || idle || self.abort().is_some() || self.is_left() {
            return None;
        }
        let since = self.waits_since(step, self.start())?;
        let timeout = self.step(step).timeout?.as_nanos();
        self.violated(since, timeout)
            .then(|| self.finding("saga/stuck-step", Severity::Error, Some(step), [since]))
    }

    pub(crate) fn wedged(&self, step: usize) -> Option<OracleFinding> {
        let track = self.track(step);
        let retried = matches!(
            track.state,
            Forward::Running { .. } | Forward::Failed { .. }
        );
        if !retried || self.abort().is_some() || self.claims_to_be_over() {
            return None;
        }
        let mut by_error: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for at in track.failures {
            if self.last_success(step).is_none_or(|success| success < at) {
                let event = &self.events[at];
                by_error
                    .entry(event.error.as_deref().unwrap_or(&event.kind))
                    .or_default()
                    .push(at);
            }
        }
        let worst = by_error
            .into_values()
            .max_by_key(|failures| (failures.len(), failures.last().copied()))?;
        let enough = worst.len() >= self.saga.wedged_after as usize;
        enough.then(|| self.finding("saga/wedged", Severity::Error, Some(step), worst))
    }

    pub(crate) fn retries_exhausted(&self, step: usize) -> Option<OracleFinding> {
        let Forward::Exhausted { at, rejected, .. } = self.track(step).state else {
            return None;
        };
        let past_pivot = self.pivot().is_some_and(|pivot| pivot < at);
        let answered = self.going_back_before(self.len()) || self.is_left();
        let saga = self.saga;
        let nothing_to_decide = saga.aborts.is_empty()
            && saga.compensated.is_empty()
            && saga.abandons.is_empty()
            && self.in_force().is_empty()
            && self.pivot().is_none();
        if self.step(step).optional || (rejected && !past_pivot) || answered || nothing_to_decide {
            return None;
        }
        let violated = match self.step(step).timeout {
            Some(timeout) => self.violated(at, timeout.as_nanos()),
            None => self.overdue(),
        };
        violated.then(|| self.finding("saga/retries-exhausted", Severity::Error, Some(step), [at]))
    }

    pub(crate) fn late_step(&self, step: usize) -> Option<OracleFinding> {
        let done = self.first_success(step)?;
        if self.until(done).known().is_empty() {
            return None;
        }
        let since = self
            .until(done)
            .waits_since(step, self.until(done).start())
            .filter(|since| *since < done)?;
        let timeout = self.step(step).timeout?.as_nanos();
        self.was_late(since, timeout, done).then(|| {
            self.finding(
                "saga/late-step",
                Severity::Warning,
                Some(step),
                [since, done],
            )
        })
    }

    /// The steps that `step` requires and that had not succeeded when it first began or succeeded.
    pub(crate) fn overtaken(&self, step: usize) -> Option<(usize, Vec<usize>)> {
        let first = self.first(|meaning| meaning.advances() == Some(step))?;
        let late = |required: &usize| {
            self.first_success(*required)
                .is_none_or(|success| success > first)
        };
        let overtaken: Vec<usize> = self.step(step).requires.iter().filter(late).collect();
        (!overtaken.is_empty()).then_some((first, overtaken))
    }

    pub(crate) fn out_of_order(&self, step: usize) -> Option<OracleFinding> {
        let (first, overtaken) = self.overtaken(step)?;
        let after = overtaken
            .into_iter()
            .filter_map(|required| self.first_success(required));
        Some(self.finding(
            "saga/out-of-order",
            Severity::Error,
            Some(step),
            after.chain([first]),
        ))
    }

    pub(crate) fn too_many_attempts(&self, step: usize) -> Option<OracleFinding> {
        let retries = self.step(step).retries?;
        let attempts = self.track(step).attempts;
        let beyond: Vec<usize> = attempts
            .into_iter()
            .filter(|(_, attempt)| *attempt > retries.saturating_add(1))
            .map(|(at, _)| at)
            .collect();
        let any = !beyond.is_empty();
        any.then(|| {
            self.finding(
                "saga/too-many-attempts",
                Severity::Warning,
                Some(step),
                beyond,
            )
        })
    }

    pub(crate) fn double_effect(&self, step: usize) -> Option<OracleFinding> {
        let successes = self.successes(step);
        let undos = self.undos(step);
        let apart =
            |one: usize, other: usize| undos.iter().any(|undo| one < *undo && *undo < other);
        let runs: Vec<&[usize]> = successes
            .chunk_by(|one, other| !apart(*one, *other))
            .filter(|run| run.len() > 1)
            .collect();
        if runs.is_empty() {
            return None;
        }
        let severity = match runs.iter().all(|run| self.share_a_key(run)) {
            true => Severity::Note,
            false => Severity::Error,
        };
        Some(self.finding("saga/double-effect", severity, Some(step), runs.concat()))
    }

    pub(crate) fn step_after_end(&self, step: usize) -> Option<OracleFinding> {
        let over = [self.end(), self.abort()].into_iter().flatten().min()?;
        let illegal = |at: &usize| *at > over && !self.legal_when_over(step, *at);
        let first = self
            .all(|meaning| meaning.advances() == Some(step))
            .into_iter()
            .find(illegal)?;
        Some(self.finding(
            "saga/step-after-end",
            Severity::Error,
            Some(step),
            [over, first],
        ))
    }

    fn legal_when_over(&self, step: usize, at: usize) -> bool {
        let came_before = |other: Option<usize>| other.is_some_and(|other| other < at);
        let finished = match self.saga.completes.is_empty() {
            true => self.completion(),
            false => self.first_is(Meaning::Completes),
        };
        let in_flight = |abort: usize| {
            let then = self.until(abort + 1);
            match then.track(step).state {
                Forward::Running { .. } => true,
                Forward::NotStarted | Forward::Failed { .. } => {
                    let outcomes_only = self.step(step).begins.is_empty();
                    outcomes_only && then.enabled(step)
                }
                Forward::Succeeded | Forward::Exhausted { .. } => false,
            }
        };
        let said_over = self.first(|m| matches!(m, Meaning::Completes | Meaning::Compensated));
        self.track(step).repeats.contains(&at)
            || came_before(self.first_is(Meaning::Abandons))
            || (self.step(step).optional
                && (came_before(finished) || came_before(self.completion())))
            || (self.events[at].meaning == Meaning::Success(step)
                && !came_before(said_over)
                && self.abort().is_some_and(|abort| {
                    let first = self
                        .successes(step)
                        .into_iter()
                        .find(|success| *success > abort);
                    let failed = match self.until(at).track(step).state {
                        Forward::Exhausted { .. } => true,
                        Forward::Failed { .. } => !self.step(step).begins.is_empty(),
                        _ => false,
                    };
                    abort < at && first == Some(at) && !failed && in_flight(abort)
                }))
    }
}
