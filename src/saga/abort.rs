//! The decision to go back: who took it, and when it does not stand after all.

use crate::definition::saga::{Saga, StepSet};
use crate::saga::instance::{At, Instance};
use crate::saga::standing::earlier;
use crate::saga::state::{Exhaustion, Forward};

/// Why an instance goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// An `aborts` event.
    Decision,
    /// This step failed with no attempts left.
    Exhausted(usize),
    /// This step was rejected.
    Rejected(usize),
    /// This step's compensation was the first sign.
    Undo(usize),
}

/// The decision to go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    /// The event.
    pub at: At,
    /// What it was.
    pub cause: Cause,
    /// Somebody acted on it; a derived abort that nobody acted on can still be void.
    pub confirmed: bool,
    /// The steps that could still take effect just after it.
    pub in_flight: StepSet,
}

/// A required step that was exhausted or rejected before a pivot succeeded: an abort is derived from
/// it, unless the saga goes on past it.
#[derive(Debug, Clone, Copy)]
pub(super) struct GivenUp {
    step: usize,
    at: At,
    how: Exhaustion,
    in_flight: StepSet,
}

impl Instance {
    /// Somebody decides to go back, or acts on an earlier decision.
    pub(super) fn decide(&mut self, saga: &Saga, at: At, cause: Cause) {
        if let Some(abort) = &mut self.abort {
            abort.confirmed = true;
            return;
        }
        self.abort = Some(Abort {
            at,
            cause,
            confirmed: true,
            in_flight: self.in_flight(saga),
        });
    }

    /// A required step was exhausted or rejected, after it had been in the state `from`.
    pub(super) fn gives_up(
        &mut self,
        saga: &Saga,
        step: usize,
        from: Forward,
        how: Exhaustion,
        at: At,
    ) {
        if matches!(from, Forward::Exhausted(..)) {
            let before = self.given_up.iter_mut().rev().find(|one| one.step == step);
            if let (Some(before), Exhaustion::Rejection) = (before, how) {
                before.how = how;
            }
        } else if self.pivot.is_none() {
            let in_flight = self.in_flight(saga);
            self.given_up.push(GivenUp {
                step,
                at,
                how,
                in_flight,
            });
        }
        self.reconsider();
    }

    /// A step begins or takes effect: unless somebody acted on it, it is no longer given up, nor is
    /// any step that comes before it.
    pub(super) fn void(&mut self, saga: &Saga, step: usize) {
        if self.given_up.is_empty() || self.abort.is_some_and(|abort| abort.confirmed) {
            return;
        }
        let before = saga.steps[step].before;
        self.given_up.retain(|one| {
            let is_back = one.step == step && one.how == Exhaustion::Failures;
            !is_back && !before.contains(one.step)
        });
        self.reconsider();
        let done = match (self.all_succeeded, self.completes) {
            (Some(done), Some(said)) if said.index > done.index => Some(said),
            (done, _) => done,
        };
        if let Some(done) = done {
            self.complete(saga, done);
        }
    }

    /// Derives the abort anew, unless one was confirmed.
    fn reconsider(&mut self) {
        if self.abort.is_some_and(|abort| abort.confirmed) {
            return;
        }
        let first = self.given_up.iter().min_by_key(|one| one.at.index);
        self.abort = first.map(|one| Abort {
            at: one.at,
            cause: match one.how {
                Exhaustion::Failures => Cause::Exhausted(one.step),
                Exhaustion::Rejection => Cause::Rejected(one.step),
            },
            confirmed: false,
            in_flight: one.in_flight,
        });
    }

    /// The steps that can take effect now without being begun.
    fn in_flight(&self, saga: &Saga) -> StepSet {
        let steps = saga.steps.iter().zip(&self.steps).enumerate();
        steps
            .filter(|(_, (definition, record))| match record.forward {
                Forward::Running(_) => true,
                Forward::NotStarted | Forward::Failed(_) => {
                    definition.begins.is_empty()
                        && definition.requires.without(self.succeeded).is_empty()
                }
                Forward::Succeeded(_) | Forward::Exhausted(..) => false,
            })
            .map(|(step, _)| step)
            .collect()
    }

    /// The end or abort that makes this begin or success of `step` illegal, now that it is known
    /// which abort stands; `lands` as in [`Irregularity::AfterEnd`](crate::saga::Irregularity).
    pub fn ended_before(&self, saga: &Saga, step: usize, at: At, lands: bool) -> Option<At> {
        let is_before = |other: &At| other.index < at.index;
        let said = earlier(self.completes, self.compensated).filter(is_before);
        let completion = self.completion.filter(is_before);
        let abort = self.abort.filter(|abort| is_before(&abort.at));
        let waited_for_nobody = saga.steps[step].optional
            && (self.completes.filter(is_before).or(completion)).is_some();
        let was_in_flight =
            lands && said.is_none() && abort.is_some_and(|abort| abort.in_flight.contains(step));
        if waited_for_nobody || was_in_flight || self.abandons.filter(is_before).is_some() {
            return None;
        }
        earlier(earlier(said, completion), abort.map(|abort| abort.at))
    }
}
