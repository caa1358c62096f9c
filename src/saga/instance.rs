//! The replay of one instance.

use crate::definition::saga::{Saga, StepSet};
use crate::event::{Position, Timestamp};
use crate::saga::abort::{Abort, Cause, GivenUp};
use crate::saga::moment::{Meaning, Moment, StepEvent};
use crate::saga::standing::earlier;
use crate::saga::state::{Attempts, Forward, Move, Undo, forward, undo};

/// An event of the instance: its place in the judged order, in the log and in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// Its index among the instance's events; this orders, the rest annotates.
    pub index: u32,
    /// Where it stands in the log.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
}

/// What is known of one step.
#[derive(Debug, Clone, Copy)]
pub struct StepRecord {
    /// Its forward state.
    pub forward: Forward,
    /// Its undo state.
    pub undo: Undo,
    /// What brought it to its forward state.
    pub since: Option<At>,
    /// What brought it to its undo state.
    pub undo_since: Option<At>,
    /// Its first begin or success.
    pub first: Option<At>,
    /// Its first success.
    pub success: Option<At>,
    /// Its latest success.
    pub latest_success: Option<At>,
    /// Its latest undo.
    pub latest_undo: Option<At>,
    /// How often it was undone.
    pub undos: u32,
    /// How often it succeeded.
    pub successes: u32,
    /// Its first undo after its first success.
    pub undone: Option<At>,
    /// A success after its undo that was not undone in turn, with that undo.
    pub dangling: Option<(At, At)>,
    key: u64,
    undo_key: u64,
}

impl StepRecord {
    const FRESH: StepRecord = StepRecord {
        forward: Forward::NotStarted,
        undo: Undo::None,
        since: None,
        undo_since: None,
        first: None,
        success: None,
        latest_success: None,
        latest_undo: None,
        undos: 0,
        successes: 0,
        undone: None,
        dangling: None,
        key: 0,
        undo_key: 0,
    };

    /// Whether it was undone and nothing took effect since.
    pub const fn is_undone(&self) -> bool {
        matches!(self.undo, Undo::Undone(_)) && self.dangling.is_none()
    }
}

/// An illegal or noteworthy move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anomaly {
    /// The step that moved.
    pub step: usize,
    /// The event that moved it.
    pub at: At,
    /// What was wrong.
    pub what: Irregularity,
}

/// What is illegal or noteworthy about a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Irregularity {
    /// The step began or succeeded before these required steps had succeeded.
    OutOfOrder(StepSet),
    /// An attempt beyond the limit.
    TooManyAttempts,
    /// A success on top of a success.
    DoubleEffect,
    /// A begin or success after an end or abort; see [`Instance::ended_before`] for whether it was
    /// illegal, which is known only when it is known which abort stands.
    AfterEnd {
        /// It took effect without a begin since, so that it may have been in flight at the abort.
        lands: bool,
    },
    /// An undo of a step that had nothing to undo.
    EmptyUndo,
    /// An undo on top of an undo.
    DoubleUndo,
    /// A compensation event after this success of the pivot.
    PastPivot(At),
    /// A success after its time, which was counted from here.
    LateStep(At),
    /// An undo after the instance had completed here.
    UndoneAfterCompletion(At),
}

/// One instance after its events were replayed.
///
/// It is made to be used again: [`Instance::replay`] clears it first, so that judging many
/// instances allocates nothing.
#[derive(Debug, Clone, Default)]
pub struct Instance {
    /// One record per step, in definition order.
    pub steps: Vec<StepRecord>,
    /// Illegal moves, in order.
    pub anomalies: Vec<Anomaly>,
    /// The first start.
    pub start: Option<At>,
    /// The first event with a place in the saga.
    pub first: Option<At>,
    /// The last event with a place in the saga.
    pub last: Option<At>,
    /// The first `completes` event.
    pub completes: Option<At>,
    /// The first `compensated` event.
    pub compensated: Option<At>,
    /// The first `abandons` event.
    pub abandons: Option<At>,
    /// The decision to go back that stands.
    pub abort: Option<Abort>,
    /// The first success of a pivot.
    pub pivot: Option<At>,
    /// The event with which the last required step had succeeded.
    pub all_succeeded: Option<At>,
    /// The event with which it had completed, before any abort: every required step had succeeded,
    /// and it was said so where that is declared.
    pub completion: Option<At>,
    /// The last compensation event.
    pub last_undo: Option<At>,
    /// Whether any event had no place in the saga.
    pub strays: bool,
    pub(super) succeeded: StepSet,
    pub(super) given_up: Vec<GivenUp>,
}

/// Told what each event did, for timelines: the moment's index and the attempt it belongs to.
pub type Trace<'a> = &'a mut dyn FnMut(usize, Option<u32>);

impl Instance {
    /// Replays `moments`, which are in the order to judge by.
    pub fn replay(&mut self, saga: &Saga, moments: &[Moment]) {
        self.run(saga, moments, |_, _| {});
    }

    /// As [`Instance::replay`], telling `trace` of each event.
    pub fn replay_traced(&mut self, saga: &Saga, moments: &[Moment], trace: Trace<'_>) {
        self.run(saga, moments, trace);
    }

    fn run(&mut self, saga: &Saga, moments: &[Moment], mut trace: impl FnMut(usize, Option<u32>)) {
        self.clear(saga);
        for (index, moment) in moments.iter().enumerate() {
            let at = At {
                index: index as u32,
                position: moment.position,
                time: moment.time,
            };
            if moment.meaning == Meaning::Stray {
                self.strays = true;
                trace(index, None);
                continue;
            }
            self.first.get_or_insert(at);
            self.last = Some(at);
            let attempt = match moment.meaning {
                Meaning::Step(step, event) => {
                    self.step(saga, usize::from(step), event, moment.key, at);
                    Some(self.steps[usize::from(step)].forward.attempt())
                }
                Meaning::Undo(step, event) => {
                    self.undo(saga, usize::from(step), event, moment.key, at);
                    Some(self.steps[usize::from(step)].undo.attempt())
                }
                Meaning::Start => {
                    self.start.get_or_insert(at);
                    None
                }
                Meaning::Completes => {
                    self.completes.get_or_insert(at);
                    self.complete(saga, at);
                    None
                }
                Meaning::Compensated => {
                    self.compensated.get_or_insert(at);
                    self.decide(saga, at, Cause::Decision);
                    None
                }
                Meaning::Abandons => {
                    self.abandons.get_or_insert(at);
                    None
                }
                Meaning::Aborts => {
                    self.decide(saga, at, Cause::Decision);
                    None
                }
                Meaning::Stray => None,
            };
            trace(index, attempt);
        }
    }

    fn clear(&mut self, saga: &Saga) {
        let mut steps = std::mem::take(&mut self.steps);
        let mut anomalies = std::mem::take(&mut self.anomalies);
        steps.clear();
        steps.resize(saga.steps.len(), StepRecord::FRESH);
        anomalies.clear();
        let mut given_up = std::mem::take(&mut self.given_up);
        given_up.clear();
        *self = Instance {
            steps,
            anomalies,
            given_up,
            ..Instance::default()
        };
    }

    fn note(&mut self, step: usize, at: At, what: Irregularity) {
        self.anomalies.push(Anomaly { step, at, what });
    }

    pub(super) fn complete(&mut self, saga: &Saga, at: At) {
        let is_said = saga.completes.is_empty() || self.completes.is_some();
        if is_said && self.all_succeeded.is_some() && self.abort.is_none() {
            self.completion.get_or_insert(at);
        }
    }

    fn step(&mut self, saga: &Saga, step: usize, event: StepEvent, key: u64, at: At) {
        let definition = &saga.steps[step];
        let record = self.steps[step];
        let attempts = Attempts {
            limit: definition.retries.map(|retries| retries.saturating_add(1)),
            begins: !definition.begins.is_empty(),
            repeated: key != 0 && key == record.key,
        };
        let again = record.is_undone()
            && matches!(record.forward, Forward::Succeeded(_))
            && matches!(event, StepEvent::Begin | StepEvent::Success);
        let from = if again {
            Forward::NotStarted
        } else {
            record.forward
        };
        match forward(from, event, attempts) {
            Move::Repeat => {}
            Move::Illegal => {
                self.steps[step].successes += 1;
                self.steps[step].latest_success = Some(at);
                self.note(step, at, Irregularity::DoubleEffect);
                self.void(saga, step);
            }
            Move::To(to) => {
                let is_of_attempt = event == StepEvent::Begin
                    || !attempts.begins
                    || matches!(from, Forward::NotStarted | Forward::Running(_));
                if is_of_attempt && attempts.limit.is_some_and(|limit| to.attempt() > limit) {
                    self.note(step, at, Irregularity::TooManyAttempts);
                }
                if matches!(event, StepEvent::Begin | StepEvent::Success) {
                    self.goes_on(saga, step, event, at);
                }
                self.enter(saga, step, to, key, at);
            }
        }
    }

    /// A step began or took effect: was it its turn?
    fn goes_on(&mut self, saga: &Saga, step: usize, event: StepEvent, at: At) {
        let definition = &saga.steps[step];
        let record = self.steps[step];
        if record.first.is_none() {
            self.steps[step].first = Some(at);
            let missing = definition.requires.without(self.succeeded);
            if !missing.is_empty() {
                self.note(step, at, Irregularity::OutOfOrder(missing));
            }
        }
        self.void(saga, step);
        let is_success = event == StepEvent::Success;
        if let (true, Some(undone)) = (is_success && record.is_undone(), record.latest_undo) {
            self.steps[step].dangling = Some((undone, at));
            self.steps[step].undo = Undo::None;
        }
        let may_be_over = self.abort.is_some()
            || self.completion.is_some()
            || earlier(self.completes, self.compensated).is_some();
        let may_change = self.abort.is_some_and(|abort| !abort.confirmed);
        let lands = is_success
            && match record.forward {
                Forward::Running(_) => true,
                Forward::NotStarted | Forward::Failed(_) => definition.begins.is_empty(),
                Forward::Succeeded(_) | Forward::Exhausted(..) => false,
            };
        if may_be_over && (may_change || self.ended_before(saga, step, at, lands).is_some()) {
            self.note(step, at, Irregularity::AfterEnd { lands });
        }
        if is_success && record.success.is_none() {
            let since = match record.forward {
                Forward::NotStarted => self.enabled(saga, step),
                _ => record.since,
            };
            if let (Some(from), Some(limit)) = (since, definition.timeout)
                && at.time > from.time.after(limit)
            {
                self.note(step, at, Irregularity::LateStep(from));
            }
        }
    }

    fn enter(&mut self, saga: &Saga, step: usize, to: Forward, key: u64, at: At) {
        let definition = &saga.steps[step];
        let record = &mut self.steps[step];
        let from = record.forward;
        record.forward = to;
        record.since = Some(at);
        record.key = if matches!(to, Forward::Running(_)) {
            key
        } else {
            0
        };
        match to {
            Forward::Succeeded(_) => {
                record.successes += 1;
                record.success.get_or_insert(at);
                record.latest_success = Some(at);
                self.succeeded.insert(step);
                if definition.pivot {
                    self.pivot.get_or_insert(at);
                }
                if self.all_succeeded.is_none() && self.missing(saga).is_empty() {
                    self.all_succeeded = Some(at);
                    self.complete(saga, at);
                }
            }
            Forward::Exhausted(_, how) if !definition.optional => {
                self.gives_up(saga, step, from, how, at);
            }
            _ => {}
        }
    }

    fn undo(&mut self, saga: &Saga, step: usize, event: StepEvent, key: u64, at: At) {
        let Some(compensation) = &saga.steps[step].compensation else {
            return;
        };
        if let Some(pivot) = self.pivot {
            self.note(step, at, Irregularity::PastPivot(pivot));
        }
        self.decide(saga, at, Cause::Undo(step));
        self.last_undo = Some(at);
        let record = self.steps[step];
        let attempts = Attempts {
            limit: compensation
                .retries
                .map(|retries| retries.saturating_add(1)),
            begins: !compensation.begins.is_empty(),
            repeated: key != 0 && key == record.undo_key,
        };
        match undo(record.undo, event, attempts) {
            Move::Repeat => {}
            Move::Illegal => {
                let record = &mut self.steps[step];
                record.undos += 1;
                record.latest_undo = Some(at);
                if record.undos > record.successes.max(1) {
                    self.note(step, at, Irregularity::DoubleUndo);
                }
            }
            Move::To(to) => {
                let record = &mut self.steps[step];
                record.undo = to;
                record.undo_since = Some(at);
                record.undo_key = if matches!(to, Undo::Undoing(_)) {
                    key
                } else {
                    0
                };
                if matches!(to, Undo::Undone(_)) {
                    record.dangling = None;
                    record.undos += 1;
                    record.latest_undo = Some(at);
                    if record.success.is_some() {
                        record.undone.get_or_insert(at);
                    }
                    self.took_back(saga, step, at);
                }
            }
        }
    }

    fn took_back(&mut self, saga: &Saga, step: usize, at: At) {
        let had_nothing_to_undo = match self.steps[step].forward {
            Forward::NotStarted => true,
            Forward::Failed(_) | Forward::Exhausted(..) => !saga.undo_failed,
            Forward::Running(_) | Forward::Succeeded(_) => false,
        };
        if had_nothing_to_undo && !saga.null_compensation && self.steps[step].undos == 1 {
            self.note(step, at, Irregularity::EmptyUndo);
        }
        if let Some(completion) = self.completion {
            self.note(step, at, Irregularity::UndoneAfterCompletion(completion));
        }
    }
}
