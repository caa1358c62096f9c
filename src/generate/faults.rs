//! One way to go wrong per rule, on the way forward: each makes a run in which exactly that rule
//! finds something. Those on the way back are in `undo_faults`.

use crate::definition::saga::{Saga, Step, StepSet};
use crate::event::Span;
use crate::generate::choice::Choice;
use crate::generate::random::Random;
use crate::generate::walk::{DraftEvent, Happening, Role, Stage, Walk};

/// What a status column says of a run, where it does not simply follow the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// What a coordinator that saw all events would say.
    Honest,
    /// Nothing: there is no row.
    Silent,
    /// All done.
    Completed,
    /// All undone.
    Compensated,
    /// Still going on.
    Running,
}

/// A run in which one thing went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faulty {
    /// Its events.
    pub events: Vec<DraftEvent>,
    /// The step that the finding is about, if it is about one.
    pub step: Option<usize>,
    /// What its status says.
    pub claim: Claim,
}

/// Something that goes wrong in a saga instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A step is begun and never heard of again.
    StuckRunning,
    /// A step could begin and never does.
    StuckEnabled,
    /// All is done, or all that has a timeout, and nothing says so.
    StuckSaga,
    /// A step fails for one reason again and again.
    Wedged,
    /// A step fails for good and nobody acts on it.
    RetriesExhausted,
    /// A step takes longer than its timeout.
    LateStep,
    /// The saga takes longer than its deadline.
    Late,
    /// A step takes effect before one that it comes after.
    OutOfOrder,
    /// A step is rejected, and the saga goes on as if it had not been.
    Swallowed,
    /// A step is tried again after its last attempt.
    TooManyAttempts,
    /// A step takes effect twice.
    DoubleEffect,
    /// The success of a step is recorded twice, under one key.
    DuplicateDelivery,
    /// A step begins after the decision to go back.
    StepAfterEnd,
    /// An event that the definition does not know.
    UnknownEvent,
    /// The start is missing.
    NoStart,
    /// Completed, and undone.
    MixedOutcome,
    /// Completed, and the status says something else.
    FalseStatus,
    /// Says that it completed, though a step is missing.
    FalseCompletion,
    /// Effects stand after the decision to go back.
    Uncompensated,
    /// Effects stand and the saga says that all is undone.
    ClaimsCompensated,
    /// A compensation is begun and never heard of again.
    UndoStuck,
    /// A compensation fails for good.
    UndoFailed,
    /// A step is undone before one that built on it.
    UndoOutOfOrder,
    /// A step is undone twice.
    DoubleUndo,
    /// A step is undone that never began.
    EmptyUndo,
    /// A step takes effect after it was undone.
    DanglingStep,
    /// All is undone although the pivot took effect.
    PastPivot,
}

impl Fault {
    /// All of them, in the order of the rules.
    pub const ALL: [Fault; 27] = [
        Fault::StuckRunning,
        Fault::StuckEnabled,
        Fault::StuckSaga,
        Fault::Wedged,
        Fault::RetriesExhausted,
        Fault::LateStep,
        Fault::Late,
        Fault::OutOfOrder,
        Fault::Swallowed,
        Fault::TooManyAttempts,
        Fault::DoubleEffect,
        Fault::DuplicateDelivery,
        Fault::StepAfterEnd,
        Fault::UnknownEvent,
        Fault::NoStart,
        Fault::MixedOutcome,
        Fault::FalseStatus,
        Fault::FalseCompletion,
        Fault::Uncompensated,
        Fault::ClaimsCompensated,
        Fault::UndoStuck,
        Fault::UndoFailed,
        Fault::UndoOutOfOrder,
        Fault::DoubleUndo,
        Fault::EmptyUndo,
        Fault::DanglingStep,
        Fault::PastPivot,
    ];

    /// The rule that finds it.
    pub const fn rule(self) -> &'static str {
        match self {
            Fault::StuckRunning | Fault::StuckEnabled => "saga/stuck-step",
            Fault::StuckSaga => "saga/stuck-saga",
            Fault::Wedged => "saga/wedged",
            Fault::RetriesExhausted => "saga/retries-exhausted",
            Fault::LateStep => "saga/late-step",
            Fault::Late => "saga/late",
            Fault::OutOfOrder | Fault::Swallowed => "saga/out-of-order",
            Fault::TooManyAttempts => "saga/too-many-attempts",
            Fault::DoubleEffect | Fault::DuplicateDelivery => "saga/double-effect",
            Fault::StepAfterEnd => "saga/step-after-end",
            Fault::UnknownEvent => "saga/unknown-event",
            Fault::NoStart => "saga/no-start",
            Fault::MixedOutcome => "saga/mixed-outcome",
            Fault::FalseStatus | Fault::FalseCompletion => "saga/false-claim",
            Fault::Uncompensated | Fault::ClaimsCompensated => "compensation/uncompensated",
            Fault::UndoStuck => "compensation/stuck",
            Fault::UndoFailed => "compensation/failed",
            Fault::UndoOutOfOrder => "compensation/out-of-order",
            Fault::DoubleUndo => "compensation/double",
            Fault::EmptyUndo => "compensation/empty",
            Fault::DanglingStep => "compensation/dangling-step",
            Fault::PastPivot => "compensation/past-pivot",
        }
    }

    /// A run of `saga` in which this goes wrong and nothing else; `None` where this saga cannot.
    pub fn run(self, saga: &Saga, has_status: bool, random: Random) -> Option<Faulty> {
        let mut walk = Walk::start(saga, Choice::Drawn(random));
        let mut claim = Claim::Honest;
        let step = match self {
            Fault::StuckRunning => Some(walk.stuck_running()?),
            Fault::StuckEnabled => Some(walk.stuck_enabled()?),
            Fault::StuckSaga => walk.stuck_saga()?,
            Fault::Wedged => Some(walk.wedged()?),
            Fault::RetriesExhausted => Some(walk.retries_exhausted()?),
            Fault::LateStep => Some(walk.late_step()?),
            Fault::Late => walk.late()?,
            Fault::OutOfOrder => Some(walk.out_of_order()?),
            Fault::Swallowed => Some(walk.swallowed()?),
            Fault::TooManyAttempts => Some(walk.too_many_attempts()?),
            Fault::DoubleEffect => Some(walk.double_effect(Some(1))?),
            Fault::DuplicateDelivery => Some(walk.double_effect(Some(0))?),
            Fault::StepAfterEnd => Some(walk.step_after_end()?),
            Fault::UnknownEvent => walk.unknown_event()?,
            Fault::NoStart => walk.no_start(),
            Fault::MixedOutcome => walk.mixed_outcome()?,
            Fault::FalseStatus => {
                walk.finish();
                claim = if walk.choice.pick(&[1, 1]) == 0 {
                    Claim::Running
                } else {
                    Claim::Compensated
                };
                has_status.then_some(None)?
            }
            Fault::FalseCompletion => Some(walk.false_completion()?),
            Fault::Uncompensated => Some(walk.uncompensated()?),
            Fault::ClaimsCompensated => Some(walk.claims_compensated()?),
            Fault::UndoStuck => Some(walk.undo_stuck()?),
            Fault::UndoFailed => Some(walk.undo_failed()?),
            Fault::UndoOutOfOrder => Some(walk.undo_out_of_order()?),
            Fault::DoubleUndo => Some(walk.double_undo()?),
            Fault::EmptyUndo => Some(walk.empty_undo()?),
            Fault::DanglingStep => {
                claim = Claim::Silent;
                Some(walk.dangling_step()?)
            }
            Fault::PastPivot => {
                claim = Claim::Compensated;
                walk.past_pivot()?
            }
        };
        Some(Faulty {
            events: walk.events,
            step,
            claim,
        })
    }
}

impl Walk<'_> {
    /// One of the steps that fit.
    pub(super) fn any(&mut self, fits: impl Fn(usize, &Step) -> bool) -> Option<usize> {
        let steps = self.saga.steps.iter().enumerate();
        let fitting: Vec<usize> = steps
            .filter(|(index, step)| fits(*index, step))
            .map(|(index, _)| index)
            .collect();
        let chosen = self.choice.pick_of(fitting.len().max(1));
        fitting.get(chosen).copied()
    }

    /// A required step that fits.
    fn any_required(&mut self, fits: impl Fn(&Step) -> bool) -> Option<usize> {
        self.any(|_, step| !step.optional && fits(step))
    }

    /// The step takes effect at its first attempt.
    pub(super) fn happy(&mut self, step: usize) {
        if !self.saga.steps[step].begins.is_empty() && self.forward[step].stage != Stage::Running {
            self.tell(Role::Step(step, Happening::Begin));
        }
        self.tell(Role::Step(step, Happening::Success));
    }

    /// Every required step that is not held back, and does not have to wait for one that is, takes
    /// effect.
    pub(super) fn advance(&mut self, held: StepSet) {
        loop {
            let mut ready = self.ready(held);
            ready.retain(|step| !self.saga.steps[*step].optional);
            if ready.is_empty() {
                return;
            }
            let step = ready[self.choice.pick_of(ready.len())];
            let is_begun = self.saga.steps[step].begins.is_empty()
                || self.forward[step].stage == Stage::Running;
            let happening = if is_begun {
                Happening::Success
            } else {
                Happening::Begin
            };
            self.tell(Role::Step(step, happening));
        }
    }

    /// Everything but `step`, and what has to wait for it, takes effect.
    pub(super) fn advance_to(&mut self, step: usize) {
        self.advance([step].into_iter().collect());
    }

    /// The rest takes effect, and the saga says so.
    pub(super) fn finish(&mut self) {
        self.advance(StepSet::EMPTY);
        self.completes();
    }

    fn begin_if_recorded(&mut self, step: usize) {
        if !self.saga.steps[step].begins.is_empty() {
            self.tell(Role::Step(step, Happening::Begin));
        }
    }

    fn stuck_running(&mut self) -> Option<usize> {
        let step = self.any_required(|step| step.timeout.is_some() && !step.begins.is_empty())?;
        self.advance_to(step);
        self.tell(Role::Step(step, Happening::Begin));
        let has_retries = self.saga.steps[step]
            .retries
            .is_none_or(|retries| retries > 0);
        if has_retries && !self.saga.steps[step].fails.is_empty() && self.choice.pick(&[2, 1]) == 1
        {
            self.tell(Role::Step(step, Happening::Failure));
        }
        Some(step)
    }

    fn stuck_enabled(&mut self) -> Option<usize> {
        let step = self.any_required(|step| step.timeout.is_some())?;
        self.advance_to(step);
        Some(step)
    }

    fn stuck_saga(&mut self) -> Option<Option<usize>> {
        self.saga.deadline?;
        if !self.saga.completes.is_empty() {
            self.advance(StepSet::EMPTY);
            return Some(None);
        }
        let step = self.any_required(|step| step.timeout.is_none())?;
        self.advance_to(step);
        Some(None)
    }

    fn wedged(&mut self) -> Option<usize> {
        let times = self.saga.wedged_after;
        let step = self.any_required(|step| {
            !step.fails.is_empty() && step.retries.is_none_or(|retries| retries >= times)
        })?;
        self.advance_to(step);
        for _ in 0..times {
            self.begin_if_recorded(step);
            self.tell_with(
                Role::Step(step, Happening::Failure),
                Some(0),
                Some("address unknown"),
            );
        }
        Some(step)
    }

    fn retries_exhausted(&mut self) -> Option<usize> {
        let step = self.any_required(|step| !step.fails.is_empty() && step.retries.is_some())?;
        self.advance_to(step);
        self.fail_for_good(step);
        (self.is_past_pivot() || !self.standing().is_empty()).then_some(step)
    }

    fn late_step(&mut self) -> Option<usize> {
        let step = self.any_required(|step| step.timeout.is_some())?;
        self.advance_to(step);
        self.begin_if_recorded(step);
        let timeout = self.saga.steps[step].timeout?;
        self.hang(Span::from_nanos(timeout.as_nanos() / 10 * 12));
        self.tell(Role::Step(step, Happening::Success));
        self.finish();
        Some(step)
    }

    fn late(&mut self) -> Option<Option<usize>> {
        let deadline = self.saga.deadline?;
        if !self.saga.completes.is_empty() {
            self.advance(StepSet::EMPTY);
            self.hang(deadline);
            self.completes();
            return Some(None);
        }
        let step = self.any_required(|step| step.timeout.is_none())?;
        self.advance_to(step);
        self.hang(deadline);
        self.finish();
        Some(None)
    }

    fn out_of_order(&mut self) -> Option<usize> {
        let step = self.any_required(|step| step.requires.len() == 1)?;
        let skipped = self.saga.steps[step].requires.iter().next()?;
        self.advance_to(skipped);
        self.happy(step);
        self.finish();
        Some(step)
    }

    fn swallowed(&mut self) -> Option<usize> {
        let saga = self.saga;
        let builds_on = |rejected: usize| {
            let mut later = saga
                .steps
                .iter()
                .enumerate()
                .filter(move |(_, step)| !step.optional && step.requires.contains(rejected));
            (later.next(), later.next())
        };
        let rejected = self.any(|index, step| {
            !step.optional
                && !step.rejects.is_empty()
                && matches!(builds_on(index), (Some((_, later)), None) if later.requires.len() == 1)
        })?;
        let (Some((step, _)), _) = builds_on(rejected) else {
            return None;
        };
        self.advance_to(rejected);
        self.begin_if_recorded(rejected);
        self.tell(Role::Step(rejected, Happening::Rejection));
        self.happy(step);
        self.advance(StepSet::EMPTY);
        self.completes();
        Some(step)
    }

    fn too_many_attempts(&mut self) -> Option<usize> {
        let step = self.any_required(|step| !step.fails.is_empty() && step.retries.is_some())?;
        self.advance_to(step);
        self.fail_for_good(step);
        self.aborted = None;
        self.begin_if_recorded(step);
        self.tell(Role::Step(step, Happening::Success));
        self.finish();
        Some(step)
    }

    fn double_effect(&mut self, second: Option<u32>) -> Option<usize> {
        let step = self.any_required(|_| true)?;
        self.advance_to(step);
        self.happy(step);
        self.tell_with(Role::Step(step, Happening::Success), second, None);
        self.finish();
        Some(step)
    }

    fn step_after_end(&mut self) -> Option<usize> {
        let has_word = !self.saga.aborts.is_empty();
        let step = self.any_required(|step| {
            has_word && !step.pivot && !step.begins.is_empty() && step.compensation.is_some()
        })?;
        self.advance(self.before_pivot_without(step));
        self.tell(Role::Aborts);
        self.happy(step);
        self.back();
        Some(step)
    }

    fn unknown_event(&mut self) -> Option<Option<usize>> {
        let pattern = self.saga.namespace.first()?;
        let prefix = pattern.pattern().trim_end_matches('*').to_owned();
        self.finish();
        let index = 1 + self
            .choice
            .pick_of(self.events.len().saturating_sub(1).max(1));
        let before = self.events.get(index - 1)?;
        let stray = DraftEvent {
            kind: format!("{prefix}Recounted").into(),
            role: Role::Stray,
            after: before.after,
            key: None,
            error: None,
        };
        self.events.insert(index, stray);
        Some(None)
    }

    fn no_start(&mut self) -> Option<usize> {
        self.finish();
        self.events.remove(0);
        None
    }

    fn mixed_outcome(&mut self) -> Option<Option<usize>> {
        if self.saga.completes.is_empty() || self.saga.compensated.is_empty() {
            return None;
        }
        self.finish();
        self.back();
        Some(None)
    }

    fn false_completion(&mut self) -> Option<usize> {
        let has_word = !self.saga.completes.is_empty();
        let saga = self.saga;
        let step = self.any_required(|step| {
            has_word && !step.pivot && step.before.iter().any(|before| saga.steps[before].pivot)
        })?;
        self.advance_to(step);
        self.completes();
        self.missing().iter().next()
    }
}
