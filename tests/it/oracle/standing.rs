//! What follows from the whole history: abort, completion, end, effects in force, outcome.

use std::ops::Deref;

use sagactl::definition::saga::Saga;
use sagactl::saga::Outcome;

use super::history::{Forward, History, Undo};
use super::{Claim, Meaning, OracleEvent, OracleFinding};
use sagactl::finding::Severity;

/// An effect that has to be undone, and the event that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) step: usize,
    pub(crate) shown: usize,
}

/// Which two things contradict each other in a mixed outcome, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mixed {
    /// A `completes` and a `compensated` event.
    Said(usize, usize),
    /// The completion and the first undo after it.
    Derived(usize, usize),
}

/// A history with the circumstances under which it is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing<'a> {
    pub(crate) history: History<'a>,
    pub(crate) cut: bool,
    pub(crate) claim: Option<Claim>,
    pub(crate) horizon: i64,
}

impl<'a> Deref for Standing<'a> {
    type Target = History<'a>;

    fn deref(&self) -> &History<'a> {
        &self.history
    }
}

impl<'a> Standing<'a> {
    pub(crate) fn new(
        saga: &'a Saga,
        cut: bool,
        events: &'a [OracleEvent],
        claim: Option<Claim>,
        horizon: i64,
    ) -> Standing<'a> {
        Standing {
            history: History { saga, events },
            cut,
            claim,
            horizon,
        }
    }

    /// A finding about these events.
    pub(crate) fn finding(
        &self,
        rule: &'static str,
        severity: Severity,
        step: Option<usize>,
        events: impl IntoIterator<Item = usize>,
    ) -> OracleFinding {
        let mut evidence: Vec<i64> = events
            .into_iter()
            .map(|at| self.events[at].position)
            .collect();
        evidence.sort_unstable();
        evidence.dedup();
        OracleFinding {
            rule,
            severity,
            step,
            evidence,
        }
    }

    /// Whether what arose with the event `from` and had `limit` is violated.
    pub(crate) fn violated(&self, from: usize, limit: i64) -> bool {
        self.horizon >= self.time(from).saturating_add(limit)
    }

    /// Whether what arose with the event `from`, had `limit` and finished with the event `done`
    /// was late.
    pub(crate) fn was_late(&self, from: usize, limit: i64, done: usize) -> bool {
        self.time(done) > self.time(from).saturating_add(limit)
    }

    /// The saga's deadline has passed.
    pub(crate) fn overdue(&self) -> bool {
        self.saga
            .deadline
            .is_some_and(|deadline| self.violated(self.start(), deadline.as_nanos()))
    }

    /// Where the decision to go back, or what it follows from, stands.
    pub(crate) fn abort(&self) -> Option<usize> {
        let decided = self.first(|meaning| {
            matches!(meaning, Meaning::Aborts | Meaning::Compensated)
                || meaning.compensates().is_some()
        });
        let derived = self.required().flat_map(|step| {
            let exhaustions = self.track(step).exhaustions;
            exhaustions
                .into_iter()
                .filter(|exhaustion| !exhaustion.revoked)
                .map(move |exhaustion| (step, exhaustion.from))
        });
        derived
            .filter(|(_, from)| self.pivot().is_none_or(|pivot| pivot > *from))
            .filter(|(step, from)| !self.swallowed(*step, *from))
            .map(|(_, from)| from)
            .chain(decided)
            .min()
    }

    /// The saga went on to a step that requires `failed` after the latter was exhausted at `from`,
    /// and had not confirmed by then that it goes back.
    fn swallowed(&self, failed: usize, from: usize) -> bool {
        (from + 1..self.len()).any(|at| {
            let went_on = self.events[at].meaning.advances().is_some_and(|step| {
                self.step(step).before.contains(failed) && !self.track(step).repeats.contains(&at)
            });
            went_on && !self.going_back_before(at)
        })
    }

    /// Every required step has succeeded by this index, and it was said so where that is declared,
    /// before any abort.
    pub(crate) fn completion(&self) -> Option<usize> {
        let firsts: Option<Vec<usize>> = self
            .required()
            .map(|step| self.first_success(step))
            .collect();
        let done = firsts?.into_iter().max().unwrap_or(0);
        let said = match self.saga.completes.is_empty() {
            true => done,
            false => done.max(self.first_is(Meaning::Completes)?),
        };
        self.abort()
            .is_none_or(|abort| abort > said)
            .then_some(said)
    }

    /// The first event with which the saga says that it is over.
    pub(crate) fn terminal(&self) -> Option<usize> {
        self.first(Meaning::is_terminal)
    }

    /// From this index on, the abort left nothing in force and nothing being undone.
    fn drained(&self) -> Option<usize> {
        let abort = self.abort()?;
        let idle = |at: usize| {
            let then = Standing {
                history: self.until(at + 1),
                ..*self
            };
            then.in_force().is_empty()
                && then.kept().is_empty()
                && then
                    .steps()
                    .all(|step| !then.is_being_undone(step) && then.dangling(step).is_none())
        };
        (abort..self.len()).find(|at| (*at..self.len()).all(idle))
    }

    fn is_being_undone(&self, step: usize) -> bool {
        matches!(
            self.undo(step),
            Undo::Undoing { .. } | Undo::Failed { .. } | Undo::Exhausted { .. }
        )
    }

    /// Where the instance ended.
    pub(crate) fn end(&self) -> Option<usize> {
        let completion = self.completion().filter(|_| self.saga.completes.is_empty());
        [self.terminal(), completion, self.drained()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The effect of `step` that would have to be undone.
    fn effect(&self, step: usize) -> Option<Effect> {
        self.step(step).compensation.as_ref()?;
        if self.undone(step) || self.dangling(step).is_some() {
            return None;
        }
        let shown = self
            .last_success(step)
            .or_else(|| match self.track(step).state {
                Forward::Running { since, .. } => self.saga.undo_ambiguous.then_some(since),
                Forward::Failed { at, .. } | Forward::Exhausted { at, .. } => {
                    self.saga.undo_failed.then_some(at)
                }
                Forward::NotStarted | Forward::Succeeded => None,
            })?;
        Some(Effect { step, shown })
    }

    /// The effects in force, in declared order.
    pub(crate) fn in_force(&self) -> Vec<Effect> {
        self.steps().filter_map(|step| self.effect(step)).collect()
    }

    /// The pivots that took effect although the instance goes back, and that nothing undoes.
    pub(crate) fn kept(&self) -> Vec<Effect> {
        let is_kept = |step: &usize| {
            let step = self.step(*step);
            step.pivot && step.compensation.is_none()
        };
        let pivots = self.steps().filter(|step| self.is_torn() && is_kept(step));
        let shown = pivots.filter_map(|step| Some((step, self.last_success(step)?)));
        shown.map(|(step, shown)| Effect { step, shown }).collect()
    }

    /// A pivot took effect, and it was decided to go back or a step was rejected for good.
    pub(crate) fn is_torn(&self) -> bool {
        let abort = self.abort();
        let is_rejected = |step: usize| {
            let derived = self.track(step).exhaustions.into_iter();
            let mut derived = derived.filter(|one| !one.revoked && Some(one.from) == abort);
            derived.next().is_some_and(|one| {
                let rest = &self.events[one.from..];
                rest.iter()
                    .any(|event| event.meaning == Meaning::Rejection(step))
            })
        };
        let is_final = self.going_back_before(self.len()) || self.required().any(is_rejected);
        self.pivot().is_some() && abort.is_some() && is_final
    }

    /// A pivot took effect after the decision to go back.
    pub(crate) fn went_past_its_abort(&self) -> bool {
        let both = self.abort().zip(self.pivot());
        both.is_some_and(|(abort, pivot)| abort < pivot)
    }

    /// Whether `later` has to be undone before `earlier`.
    pub(crate) fn undone_before(&self, later: usize, earlier: usize) -> bool {
        match self.saga.strict_reverse {
            false => self.step(later).before.contains(earlier),
            true => match (self.shown(later), self.shown(earlier)) {
                (Some(of_later), Some(of_earlier)) => of_later > of_earlier,
                _ => self.step(later).before.contains(earlier),
            },
        }
    }

    fn shown(&self, step: usize) -> Option<usize> {
        self.last_success(step)
            .or_else(|| self.effect(step).map(|effect| effect.shown))
    }

    /// The effects in force in the order to undo them.
    pub(crate) fn undo_order(&self) -> Vec<Effect> {
        let mut left = self.in_force();
        let mut order = Vec::new();
        while !left.is_empty() {
            let free = |effect: &&Effect| {
                !left
                    .iter()
                    .any(|other| self.undone_before(other.step, effect.step))
            };
            let Some(next) = left
                .iter()
                .filter(free)
                .max_by_key(|effect| effect.shown)
                .copied()
            else {
                break;
            };
            left.retain(|effect| *effect != next);
            order.push(next);
        }
        order
    }

    /// What contradicts what, if the instance both completed and was compensated.
    pub(crate) fn mixed(&self) -> Option<Mixed> {
        if let (Some(completes), Some(compensated)) = (
            self.first_is(Meaning::Completes),
            self.first_is(Meaning::Compensated),
        ) {
            return Some(Mixed::Said(completes, compensated));
        }
        let completion = self.completion()?;
        let undo = self.all(|meaning| matches!(meaning, Meaning::UndoSuccess(_)));
        undo.into_iter()
            .find(|undo| *undo > completion)
            .map(|undo| Mixed::Derived(completion, undo))
    }

    /// Where the instance stands.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.mixed().is_some() {
            Outcome::Contradictory
        } else if self.first_is(Meaning::Abandons).is_some() && self.completion().is_none() {
            Outcome::Abandoned
        } else if self.abort().is_some() {
            let busy = self
                .steps()
                .any(|step| self.is_being_undone(step) || self.dangling(step).is_some());
            let stands = !self.in_force().is_empty() || !self.kept().is_empty();
            match !stands && !busy {
                true => Outcome::Compensated,
                false => Outcome::Compensating,
            }
        } else if self.completion().is_some() {
            Outcome::Completed
        } else {
            Outcome::Running
        }
    }

    /// The required steps that a completed instance would have and this one has not.
    pub(crate) fn missing(&self) -> Vec<usize> {
        self.required().filter(|step| !self.holds(*step)).collect()
    }

    /// The saga or a status column says that it is over.
    pub(crate) fn claims_to_be_over(&self) -> bool {
        self.terminal().is_some()
            || matches!(self.claim, Some(Claim::Completed | Claim::Compensated))
    }

    /// It was given up after the pivot, and says no more than that.
    pub(crate) fn is_parked_beyond(&self) -> bool {
        let says_more = matches!(self.claim, Some(Claim::Completed | Claim::Compensated));
        let both = self.first_is(Meaning::Abandons).zip(self.pivot());
        both.is_some_and(|(parked, pivot)| pivot < parked)
            && self.first_is(Meaning::Completes).is_none()
            && self.abort().is_none()
            && !says_more
    }

    /// It says that it is over, and not only that it was given up after the pivot.
    pub(crate) fn is_left(&self) -> bool {
        let ended =
            self.first(|meaning| matches!(meaning, Meaning::Completes | Meaning::Compensated));
        let parked = self.first_is(Meaning::Abandons).is_some() && !self.is_parked_beyond();
        let claimed = matches!(self.claim, Some(Claim::Completed | Claim::Compensated));
        ended.is_some() || parked || claimed
    }

    /// The saga or a status column says that it was rolled back.
    pub(crate) fn claims_to_be_rolled_back(&self) -> bool {
        self.first_is(Meaning::Compensated).is_some() || self.claim == Some(Claim::Compensated)
    }
}
