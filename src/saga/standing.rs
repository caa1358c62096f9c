//! Questions about a replayed instance: what is open, what stands, where it is.

use crate::definition::saga::{Saga, StepSet};
use crate::saga::Outcome;
use crate::saga::abort::{Abort, Cause};
use crate::saga::instance::{At, Instance, Irregularity};
use crate::saga::state::{Forward, Undo};

/// Where an instance and its steps stand, apart from when they came there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footing {
    outcome: Outcome,
    goes_back: bool,
    /// Forward and back, whether it is undone, and whether it is done and undone both.
    steps: Vec<(Forward, Undo, (bool, bool))>,
}

impl Instance {
    /// The event from which on the step could begin.
    pub fn enabled(&self, saga: &Saga, step: usize) -> Option<At> {
        let requires = saga.steps[step].requires;
        if requires.is_empty() {
            return self.start.or(self.first);
        }
        let mut latest: Option<At> = None;
        for required in requires.iter() {
            let success = self.steps[required].success?;
            if latest.is_none_or(|so_far| so_far.index < success.index) {
                latest = Some(success);
            }
        }
        latest
    }

    /// The required steps that have not succeeded, or were undone since.
    pub fn missing(&self, saga: &Saga) -> StepSet {
        saga.steps
            .iter()
            .enumerate()
            .filter(|(step, definition)| {
                let record = &self.steps[*step];
                !definition.optional
                    && (!matches!(record.forward, Forward::Succeeded(_)) || record.is_undone())
            })
            .map(|(step, _)| step)
            .collect()
    }

    /// What a recovery rests on.
    pub fn footing(&self, saga: &Saga) -> Footing {
        let steps = self.steps.iter();
        Footing {
            outcome: self.outcome(saga),
            goes_back: self.abort.is_some(),
            steps: steps
                .map(|step| {
                    let is_open = (step.is_undone(), step.dangling.is_some());
                    (step.forward, step.undo, is_open)
                })
                .collect(),
        }
    }

    /// The effects that stand although the instance goes back; see [`crate::rules`].
    pub fn in_force(&self, saga: &Saga) -> StepSet {
        saga.steps
            .iter()
            .enumerate()
            .filter(|(step, definition)| {
                let record = &self.steps[*step];
                definition.compensation.is_some()
                    && record.dangling.is_none()
                    && !record.is_undone()
                    && match record.forward {
                        Forward::Succeeded(_) => true,
                        Forward::Running(_) => saga.undo_ambiguous,
                        Forward::Failed(_) | Forward::Exhausted(..) => saga.undo_failed,
                        Forward::NotStarted => false,
                    }
            })
            .map(|(step, _)| step)
            .collect()
    }

    /// The pivots that took effect and that nothing undoes, where it was decided to go back.
    pub fn kept(&self, saga: &Saga) -> StepSet {
        let took_effect = |step: &usize| matches!(self.steps[*step].forward, Forward::Succeeded(_));
        match self.is_torn() {
            false => StepSet::EMPTY,
            true => (0..self.steps.len())
                .filter(|step| saga.is_final(*step) && took_effect(step))
                .collect(),
        }
    }

    /// Whether a pivot took effect after it had been decided to go back.
    pub fn went_past_its_abort(&self) -> bool {
        let both = self.abort.zip(self.pivot);
        both.is_some_and(|(abort, pivot)| abort.at.index < pivot.index)
    }

    /// Whether it can go neither way without a person: a pivot took effect, and it was decided to go
    /// back, or a step was rejected before that. What merely failed too often may still be done.
    pub fn is_torn(&self) -> bool {
        let is_final = |abort: Abort| abort.confirmed || matches!(abort.cause, Cause::Rejected(_));
        self.pivot.is_some() && self.abort.is_some_and(is_final)
    }

    /// The steps that took effect after their undo and were not undone again.
    pub fn dangling(&self) -> StepSet {
        (0..self.steps.len())
            .filter(|step| self.steps[*step].dangling.is_some())
            .collect()
    }

    /// Whether the effect of `later` has to be undone before that of `earlier`: it comes after it in
    /// the partial order, or, with `strict-reverse`, it was observed after it.
    pub fn goes_first(&self, saga: &Saga, later: usize, earlier: usize) -> bool {
        let in_order = saga.steps[later].before.contains(earlier);
        if !saga.strict_reverse {
            return in_order;
        }
        let standing = self.in_force(saga);
        let observed = |step: usize| {
            let shown = self.shown(step).filter(|_| standing.contains(step));
            self.steps[step].latest_success.or(shown)
        };
        match (observed(later), observed(earlier)) {
            (Some(later), Some(earlier)) => later.index > earlier.index,
            _ => in_order,
        }
    }

    /// The event that shows the effect of a step: its last success, else what it is ambiguous by.
    pub fn shown(&self, step: usize) -> Option<At> {
        let record = &self.steps[step];
        record.latest_success.or(match record.forward {
            Forward::NotStarted => None,
            _ => record.since,
        })
    }

    /// `steps` in the order to undo them: reverse of the partial order, later effects first.
    pub fn undo_order(&self, saga: &Saga, steps: StepSet) -> Vec<usize> {
        let mut left = steps;
        let mut order = Vec::with_capacity(steps.len());
        while let Some(next) = left
            .iter()
            .filter(|step| !left.iter().any(|later| self.goes_first(saga, later, *step)))
            .max_by_key(|step| self.shown(*step).map(|at| at.index))
        {
            left.remove(next);
            order.push(next);
        }
        order
    }

    /// The completed and the undone state at once: two terminal events, or an undo after the
    /// completion.
    pub fn mixed(&self) -> Option<[At; 2]> {
        if let (Some(completes), Some(compensated)) = (self.completes, self.compensated) {
            return Some([completes, compensated]);
        }
        self.anomalies
            .iter()
            .find_map(|anomaly| match anomaly.what {
                Irregularity::UndoneAfterCompletion(completion) => Some([completion, anomaly.at]),
                _ => None,
            })
    }

    /// Where the instance stands.
    pub fn outcome(&self, saga: &Saga) -> Outcome {
        if self.mixed().is_some() {
            Outcome::Contradictory
        } else if self.abandons.is_some() && self.completion.is_none() {
            Outcome::Abandoned
        } else if self.abort.is_some() {
            let undoing = self.steps.iter().any(|record| {
                matches!(
                    record.undo,
                    Undo::Undoing(_) | Undo::Failed(_) | Undo::Exhausted(_)
                )
            });
            let dangling = self.steps.iter().any(|record| record.dangling.is_some());
            let stands = !self.in_force(saga).union(self.kept(saga)).is_empty();
            if !stands && !undoing && !dangling {
                Outcome::Compensated
            } else {
                Outcome::Compensating
            }
        } else if self.completion.is_some() {
            Outcome::Completed
        } else {
            Outcome::Running
        }
    }

    /// The event with which the instance was over: the first terminal event, the completion where
    /// none is declared, or the last undo after an abort that left nothing in force.
    pub fn end(&self, saga: &Saga) -> Option<At> {
        let derived = self.completion.filter(|_| saga.completes.is_empty());
        let drained = self
            .abort
            .filter(|_| self.outcome(saga) == Outcome::Compensated);
        let drained = drained.map(|abort| {
            self.steps
                .iter()
                .filter_map(|record| record.latest_undo)
                .fold(abort.at, |latest, undo| {
                    if undo.index > latest.index {
                        undo
                    } else {
                        latest
                    }
                })
        });
        earlier(earlier(self.terminal(), derived), drained)
    }

    /// The first terminal event.
    pub fn terminal(&self) -> Option<At> {
        earlier(earlier(self.completes, self.compensated), self.abandons)
    }
}

/// The one that comes first in the judged order.
pub(super) fn earlier(one: Option<At>, other: Option<At>) -> Option<At> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.index < one.index { other } else { one }),
        (one, other) => one.or(other),
    }
}
