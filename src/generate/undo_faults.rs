//! What goes wrong on the way back.

use crate::definition::saga::{Step, StepSet};
use crate::generate::walk::{Happening, Role, Stage, Walk};

impl Walk<'_> {
    /// Undoes everything in a legal order, and says so.
    pub(super) fn back(&mut self) {
        self.undo_all(StepSet::EMPTY);
        self.tell(Role::Compensated);
    }

    /// The pivots, and `step`: what is held back so that it can still be decided to go back.
    pub(super) fn before_pivot_without(&self, step: usize) -> StepSet {
        let steps = self.saga.steps.iter().enumerate();
        steps
            .filter(|(index, of)| of.pivot || *index == step)
            .map(|(index, _)| index)
            .collect()
    }

    /// One of the compensations that fit.
    fn any_undo(&mut self, fits: impl Fn(&Step) -> bool) -> Option<usize> {
        let saga = self.saga;
        let comes_before_pivot =
            |step: &Step| !step.pivot && !step.before.iter().any(|before| saga.steps[before].pivot);
        self.any(|_, step| step.compensation.is_some() && comes_before_pivot(step) && fits(step))
    }

    /// Up to the pivot, which is rejected, or does not come to pass because the saga decides so.
    fn fails_at_pivot(&mut self) -> Option<()> {
        let pivots = self.before_pivot_without(usize::MAX);
        self.advance(pivots);
        let rejects = self.any(|_, step| step.pivot && !step.rejects.is_empty());
        let decides = !self.saga.aborts.is_empty();
        match rejects {
            Some(pivot) if !decides || self.choice.pick(&[2, 1]) == 0 => {
                if !self.saga.steps[pivot].begins.is_empty() {
                    self.tell(Role::Step(pivot, Happening::Begin));
                }
                self.tell(Role::Step(pivot, Happening::Rejection));
            }
            _ if !decides => return None,
            _ => {}
        }
        if decides {
            self.tell(Role::Aborts);
        }
        Some(())
    }

    /// Undoes what does not have to wait for `step`.
    fn undo_others(&mut self, step: usize) {
        self.undo_all([step].into_iter().collect());
    }

    fn undo(&mut self, step: usize, key: Option<u32>) {
        let Some(undo) = &self.saga.steps[step].compensation else {
            return;
        };
        if !undo.begins.is_empty() && self.undo[step].stage != Stage::Running {
            self.tell_with(Role::Undo(step, Happening::Begin), key, None);
        }
        self.tell_with(Role::Undo(step, Happening::Success), key, None);
    }

    pub(super) fn uncompensated(&mut self) -> Option<usize> {
        self.fails_at_pivot()?;
        let standing: Vec<usize> = self.standing().iter().collect();
        if self.choice.pick(&[1, 1]) == 1 {
            let kept = *standing.get(self.choice.pick_of(standing.len().max(1)))?;
            self.undo_others(kept);
        }
        self.undo_first(self.standing()).first().copied()
    }

    pub(super) fn claims_compensated(&mut self) -> Option<usize> {
        if self.saga.compensated.is_empty() {
            return None;
        }
        let step = self.uncompensated()?;
        self.tell(Role::Compensated);
        Some(step)
    }

    pub(super) fn undo_stuck(&mut self) -> Option<usize> {
        let step = self.any_undo(|step| {
            step.compensation
                .as_ref()
                .is_some_and(|undo| !undo.begins.is_empty() && undo.timeout.is_some())
        })?;
        self.fails_at_pivot()?;
        self.undo_others(step);
        self.tell(Role::Undo(step, Happening::Begin));
        Some(step)
    }

    pub(super) fn undo_failed(&mut self) -> Option<usize> {
        let step = self.any_undo(|step| {
            step.compensation
                .as_ref()
                .is_some_and(|undo| !undo.fails.is_empty() && undo.retries.is_some())
        })?;
        self.fails_at_pivot()?;
        self.undo_others(step);
        let begins = self.saga.steps[step]
            .compensation
            .as_ref()
            .is_some_and(|undo| !undo.begins.is_empty());
        while self.undo[step].stage != Stage::Dead {
            if begins {
                self.tell(Role::Undo(step, Happening::Begin));
            }
            self.tell(Role::Undo(step, Happening::Failure));
        }
        Some(step)
    }

    pub(super) fn undo_out_of_order(&mut self) -> Option<usize> {
        let saga = self.saga;
        let step = self.any(|index, step| {
            step.compensation.is_some()
                && saga.steps.iter().any(|later| {
                    !later.pivot && later.compensation.is_some() && later.before.contains(index)
                })
        })?;
        self.fails_at_pivot()?;
        self.undo(step, Some(0));
        self.undo_all(StepSet::EMPTY);
        if !saga.compensated.is_empty() {
            self.tell(Role::Compensated);
        }
        Some(step)
    }

    pub(super) fn double_undo(&mut self) -> Option<usize> {
        let step = self.any_undo(|_| true)?;
        self.fails_at_pivot()?;
        self.undo_all(StepSet::EMPTY);
        self.tell_with(Role::Undo(step, Happening::Success), Some(1), None);
        if !self.saga.compensated.is_empty() {
            self.tell(Role::Compensated);
        }
        Some(step)
    }

    pub(super) fn empty_undo(&mut self) -> Option<usize> {
        let decides = !self.saga.aborts.is_empty();
        let blind = self.saga.null_compensation;
        let step = self.any_undo(|step| decides && !blind && step.before.is_empty())?;
        self.advance(self.before_pivot_without(step));
        self.tell(Role::Aborts);
        self.undo(step, Some(0));
        self.undo_all(StepSet::EMPTY);
        if !self.saga.compensated.is_empty() {
            self.tell(Role::Compensated);
        }
        Some(step)
    }

    pub(super) fn dangling_step(&mut self) -> Option<usize> {
        let decides = !self.saga.aborts.is_empty() && !self.saga.compensated.is_empty();
        let ambiguous = self.saga.undo_ambiguous;
        let step = self.any_undo(|step| decides && ambiguous && !step.begins.is_empty())?;
        self.advance(self.before_pivot_without(step));
        self.tell(Role::Step(step, Happening::Begin));
        self.tell(Role::Aborts);
        self.undo_all(StepSet::EMPTY);
        self.tell(Role::Step(step, Happening::Success));
        self.tell(Role::Compensated);
        Some(step)
    }

    pub(super) fn past_pivot(&mut self) -> Option<Option<usize>> {
        let saga = self.saga;
        let after_pivot: StepSet = (0..saga.steps.len())
            .filter(|step| {
                saga.steps[*step]
                    .before
                    .iter()
                    .any(|before| saga.steps[before].pivot)
            })
            .collect();
        self.advance(after_pivot);
        if !self.is_past_pivot() || self.standing().is_empty() {
            return None;
        }
        let events = self.events.len();
        self.undo_all(StepSet::EMPTY);
        let step = self
            .events
            .iter()
            .skip(events)
            .find_map(|event| match event.role {
                Role::Undo(step, _) => Some(step),
                _ => None,
            });
        Some(step)
    }
}
