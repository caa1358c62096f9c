//! The events of one instance and the two states that they give each step.

use sagactl::definition::saga::{Saga, Step};

use super::{Meaning, OracleEvent};

/// Where a step stands. Numbers named `at` and `since` are indices into the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forward {
    NotStarted,
    Running {
        attempt: u32,
        since: usize,
    },
    Succeeded,
    Failed {
        attempt: u32,
        at: usize,
    },
    Exhausted {
        attempt: u32,
        at: usize,
        rejected: bool,
    },
}

impl Forward {
    /// The attempts since the last success.
    fn attempts(self) -> u32 {
        match self {
            Forward::NotStarted | Forward::Succeeded => 0,
            Forward::Running { attempt, .. }
            | Forward::Failed { attempt, .. }
            | Forward::Exhausted { attempt, .. } => attempt,
        }
    }
}

/// A stretch during which a step was exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhaustion {
    pub(crate) from: usize,
    pub(crate) revoked: bool,
}

/// A step's forward state and what led to it.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    pub(crate) state: Forward,
    pub(crate) exhaustions: Vec<Exhaustion>,
    /// The events that opened or ended an attempt, with the attempt's number.
    pub(crate) attempts: Vec<(usize, u32)>,
    /// The failures that ended an attempt.
    pub(crate) failures: Vec<usize>,
    /// The begins that only repeat what was known.
    pub(crate) repeats: Vec<usize>,
}

/// Where a step's compensation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undo {
    None,
    Undoing { attempt: u32, since: usize },
    Undone,
    Failed { attempt: u32, at: usize },
    Exhausted { attempt: u32, at: usize },
}

impl Undo {
    fn attempts(self) -> u32 {
        match self {
            Undo::None | Undo::Undone => 0,
            Undo::Undoing { attempt, .. }
            | Undo::Failed { attempt, .. }
            | Undo::Exhausted { attempt, .. } => attempt,
        }
    }
}

/// One instance's events under its definition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History<'a> {
    pub(crate) saga: &'a Saga,
    pub(crate) events: &'a [OracleEvent],
}

impl<'a> History<'a> {
    pub(crate) fn step(&self, step: usize) -> &'a Step {
        &self.saga.steps[step]
    }

    pub(crate) fn steps(&self) -> std::ops::Range<usize> {
        0..self.saga.steps.len()
    }

    pub(crate) fn required(&self) -> impl Iterator<Item = usize> + '_ {
        self.steps().filter(|step| !self.step(*step).optional)
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    pub(crate) fn time(&self, at: usize) -> i64 {
        self.events[at].time
    }

    /// The indices of the events that satisfy `test`.
    pub(crate) fn all(&self, test: impl Fn(Meaning) -> bool) -> Vec<usize> {
        (0..self.len())
            .filter(|at| test(self.events[*at].meaning))
            .collect()
    }

    pub(crate) fn first(&self, test: impl Fn(Meaning) -> bool) -> Option<usize> {
        self.all(test).first().copied()
    }

    pub(crate) fn first_is(&self, meaning: Meaning) -> Option<usize> {
        self.first(|other| other == meaning)
    }

    pub(crate) fn successes(&self, step: usize) -> Vec<usize> {
        self.all(|meaning| meaning == Meaning::Success(step))
    }

    pub(crate) fn undos(&self, step: usize) -> Vec<usize> {
        self.all(|meaning| meaning == Meaning::UndoSuccess(step))
    }

    pub(crate) fn first_success(&self, step: usize) -> Option<usize> {
        self.successes(step).first().copied()
    }

    pub(crate) fn last_success(&self, step: usize) -> Option<usize> {
        self.successes(step).last().copied()
    }

    /// The events with these indices carry one and the same key.
    pub(crate) fn share_a_key(&self, indices: &[usize]) -> bool {
        let key = |at: &usize| self.events[*at].key.as_deref();
        indices
            .iter()
            .all(|at| key(at).is_some() && key(at) == key(&indices[0]))
    }

    /// The first success of a pivot.
    pub(crate) fn pivot(&self) -> Option<usize> {
        self.first(|meaning| matches!(meaning, Meaning::Success(step) if self.step(step).pivot))
    }

    /// What a wait is counted from when nothing else is: the start, or the first event where the
    /// start is not in the log.
    pub(crate) fn start(&self) -> usize {
        self.first_is(Meaning::Start)
            .unwrap_or_else(|| self.known().first().copied().unwrap_or(0))
    }

    /// The events that have a place in the saga.
    pub(crate) fn known(&self) -> Vec<usize> {
        self.all(|meaning| meaning != Meaning::Unknown)
    }

    /// The last event that has a place in the saga.
    pub(crate) fn last(&self) -> usize {
        self.known().last().copied().unwrap_or(0)
    }

    /// An event before `at` shows that going back was decided, not merely inferred.
    pub(crate) fn going_back_before(&self, at: usize) -> bool {
        self.events[..at].iter().any(|event| {
            matches!(event.meaning, Meaning::Aborts | Meaning::Compensated)
                || event.meaning.compensates().is_some()
        })
    }

    /// The same history without its events from index `end` on.
    pub(crate) fn until(&self, end: usize) -> History<'a> {
        History {
            saga: self.saga,
            events: &self.events[..end],
        }
    }

    /// Undone since its last success; with no success, undone at all.
    pub(crate) fn undone(&self, step: usize) -> bool {
        self.undos(step).last().is_some_and(|undo| {
            self.last_success(step)
                .is_none_or(|success| success < *undo)
        })
    }

    /// Succeeded, and not undone since.
    pub(crate) fn holds(&self, step: usize) -> bool {
        self.last_success(step).is_some() && !self.undone(step)
    }

    /// It succeeded after the last time it was undone.
    pub(crate) fn dangling(&self, step: usize) -> Option<(usize, usize)> {
        let undo = *self.undos(step).last()?;
        let success = *self
            .successes(step)
            .iter()
            .find(|success| **success > undo)?;
        Some((undo, success))
    }

    /// The index at which the last of the steps that `step` requires first succeeded, or the start
    /// where it requires none; `None` while one of them has not.
    fn enabled_since(&self, step: usize, start: usize) -> Option<usize> {
        let firsts: Option<Vec<usize>> = self
            .step(step)
            .requires
            .iter()
            .map(|required| self.first_success(required))
            .collect();
        firsts.map(|firsts| firsts.into_iter().max().unwrap_or(start))
    }

    /// Every step that `step` requires has succeeded.
    pub(crate) fn enabled(&self, step: usize) -> bool {
        self.step(step)
            .requires
            .iter()
            .all(|required| self.first_success(required).is_some())
    }

    /// What the wait for `step` is counted from: the begin of the running attempt, the failure, or
    /// that it became possible. `start` is where the instance starts.
    pub(crate) fn waits_since(&self, step: usize, start: usize) -> Option<usize> {
        match self.track(step).state {
            Forward::Running { since, .. } => Some(since),
            Forward::Failed { at, .. } | Forward::Exhausted { at, .. } => Some(at),
            Forward::NotStarted => self.enabled_since(step, start),
            Forward::Succeeded => None,
        }
    }

    fn repeats_key(&self, opened: usize, at: usize) -> bool {
        self.share_a_key(&[opened, at])
    }

    /// The forward state of `step`.
    pub(crate) fn track(&self, step: usize) -> Track {
        let mut track = Track {
            state: Forward::NotStarted,
            exhaustions: Vec::new(),
            attempts: Vec::new(),
            failures: Vec::new(),
            repeats: Vec::new(),
        };
        for (at, event) in self.events.iter().enumerate() {
            match event.meaning {
                Meaning::Begin(of) if of == step => self.begin(&mut track, step, at),
                Meaning::Failure(of) if of == step => self.fail(&mut track, step, at, false),
                Meaning::Rejection(of) if of == step => self.fail(&mut track, step, at, true),
                Meaning::Success(of) if of == step => self.succeed(&mut track, step, at),
                _ => {}
            }
        }
        track
    }

    fn begin(&self, track: &mut Track, step: usize, at: usize) {
        match track.state {
            Forward::Succeeded if self.until(at).holds(step) => return track.repeats.push(at),
            Forward::Running { since, .. } if self.repeats_key(since, at) => {
                return track.repeats.push(at);
            }
            Forward::Exhausted {
                rejected: false, ..
            } if !self.going_back_before(at) => revoke(track),
            _ => {}
        }
        let attempt = track.state.attempts() + 1;
        track.state = Forward::Running { attempt, since: at };
        track.attempts.push((at, attempt));
    }

    fn fail(&self, track: &mut Track, step: usize, at: usize, rejected: bool) {
        let outcomes_only = self.step(step).begins.is_empty();
        let attempt = match track.state {
            Forward::Succeeded | Forward::Exhausted { rejected: true, .. } => return,
            Forward::Running { attempt, .. } => Some(attempt),
            Forward::NotStarted => Some(1),
            state => outcomes_only.then(|| state.attempts() + 1),
        };
        if attempt.is_none() && !rejected {
            return;
        }
        track.attempts.extend(attempt.map(|attempt| (at, attempt)));
        if !rejected {
            track.failures.push(at);
        }
        let was_exhausted = matches!(track.state, Forward::Exhausted { .. });
        let attempt = attempt.unwrap_or(track.state.attempts());
        let last = self
            .step(step)
            .retries
            .is_some_and(|retries| attempt > retries);
        track.state = match rejected || last {
            true => Forward::Exhausted {
                attempt,
                at,
                rejected,
            },
            false => Forward::Failed { attempt, at },
        };
        if (rejected || last) && !was_exhausted {
            track.exhaustions.push(Exhaustion {
                from: at,
                revoked: false,
            });
        }
    }

    fn succeed(&self, track: &mut Track, step: usize, at: usize) {
        let attempt = match track.state {
            Forward::Succeeded if self.until(at).holds(step) => None,
            Forward::Running { attempt, .. } => Some(attempt),
            state => self
                .step(step)
                .begins
                .is_empty()
                .then(|| state.attempts() + 1),
        };
        track.attempts.extend(attempt.map(|attempt| (at, attempt)));
        if matches!(
            track.state,
            Forward::Exhausted {
                rejected: false,
                ..
            }
        ) && !self.going_back_before(at)
        {
            revoke(track);
        }
        track.state = Forward::Succeeded;
    }

    /// The undo state of `step`.
    pub(crate) fn undo(&self, step: usize) -> Undo {
        let compensation = self.step(step).compensation.as_ref();
        let outcomes_only = compensation.is_none_or(|compensation| compensation.begins.is_empty());
        let retries = compensation.and_then(|compensation| compensation.retries);
        self.events
            .iter()
            .enumerate()
            .fold(Undo::None, |state, (at, event)| match event.meaning {
                Meaning::UndoBegin(of) if of == step => match state {
                    Undo::Undone => state,
                    Undo::Undoing { since, .. } if self.repeats_key(since, at) => state,
                    _ => Undo::Undoing {
                        attempt: state.attempts() + 1,
                        since: at,
                    },
                },
                Meaning::UndoFailure(of) if of == step => {
                    let attempt = match state {
                        Undo::Undone => return state,
                        Undo::Undoing { attempt, .. } => attempt,
                        Undo::None => 1,
                        _ if outcomes_only => state.attempts() + 1,
                        _ => return state,
                    };
                    match retries.is_some_and(|retries| attempt > retries) {
                        true => Undo::Exhausted { attempt, at },
                        false => Undo::Failed { attempt, at },
                    }
                }
                Meaning::UndoSuccess(of) if of == step => Undo::Undone,
                Meaning::Success(of) if of == step && state == Undo::Undone => Undo::None,
                _ => state,
            })
    }
}

fn revoke(track: &mut Track) {
    if let Some(last) = track.exhaustions.last_mut() {
        last.revoked = true;
    }
}
