//! One run in the making: what its steps have come to, and the events that say so.
//!
//! A walk does what it is told, legal or not; [`super::legal`] tells it only what is legal,
//! `faults` and `undo_faults` tell it what went wrong.

use std::sync::Arc;

use crate::definition::saga::{EventPattern, Saga, StepSet};
use crate::event::Span;
use crate::generate::choice::Choice;

/// What an event tells of an action, forward or undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Happening {
    /// An attempt starts.
    Begin,
    /// It takes effect.
    Success,
    /// The attempt fails.
    Failure,
    /// It fails for good.
    Rejection,
}

/// What an event is for in its run.
///
/// It looks like the judge's own `Meaning` and is kept apart from it on purpose: the generator is
/// an oracle for the judge, so it must not inherit its mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The instance starts.
    Start,
    /// Something about the step with this index.
    Step(usize, Happening),
    /// Something about its compensation.
    Undo(usize, Happening),
    /// The saga says: all done.
    Completes,
    /// The decision to go back.
    Aborts,
    /// The saga says: all undone.
    Compensated,
    /// The saga says: given up.
    Abandons,
    /// Of the saga's namespace, without a place in it.
    Stray,
    /// Of another system, under the instance's correlation.
    Foreign,
}

/// An event before it has an instance, a position and an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftEvent {
    /// Its type.
    pub kind: Arc<str>,
    /// What it is for.
    pub role: Role,
    /// The time since the run's start.
    pub after: Span,
    /// Which idempotency key it carries: none, the action's own (0), or another one.
    pub key: Option<u32>,
    /// What a failure gives as its reason.
    pub error: Option<&'static str>,
}

impl DraftEvent {
    /// The idempotency key in the instance with this id: one per action, the same for each attempt.
    pub fn key_text(&self, saga: &Saga, id: &str) -> Option<String> {
        let number = self.key?;
        let (step, prefix) = match self.role {
            Role::Step(step, _) => (step, ""),
            Role::Undo(step, _) => (step, "undo-"),
            _ => return None,
        };
        let name = &saga.steps.get(step)?.name;
        Some(if number == 0 {
            format!("{id}/{prefix}{name}")
        } else {
            format!("{id}/{prefix}{name}#{number}")
        })
    }
}

/// How far an action has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Idle,
    Running,
    Failed,
    Done,
    Dead,
}

/// What has become of one step, or of its compensation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Track {
    pub(super) stage: Stage,
    /// When it came there, in milliseconds since the start.
    pub(super) since: i64,
    /// Attempts made.
    pub(super) attempts: u32,
    /// Failures so far.
    pub(super) failures: u32,
    /// The event with which it was done.
    pub(super) done: Option<usize>,
}

impl Track {
    const FRESH: Track = Track {
        stage: Stage::Idle,
        since: 0,
        attempts: 0,
        failures: 0,
        done: None,
    };
}

/// Reasons for failures, in the order in which the attempts of one action give them. They differ,
/// so that no legal run looks as if it failed for one reason again and again.
const REASONS: [&str; 8] = [
    "no answer in time",
    "connection reset",
    "service unavailable",
    "lock held by another request",
    "rate limit exceeded",
    "node restarting",
    "upstream closed early",
    "deadline of the gateway passed",
];

/// A run in the making.
#[derive(Debug)]
pub struct Walk<'a> {
    pub(super) saga: &'a Saga,
    pub(super) choice: Choice,
    /// Milliseconds since the start.
    pub(super) now: i64,
    pub(super) events: Vec<DraftEvent>,
    pub(super) forward: Vec<Track>,
    pub(super) undo: Vec<Track>,
    /// When it was decided to go back.
    pub(super) aborted: Option<i64>,
    /// Somebody said so or acted on it.
    pub(super) confirmed: bool,
    pub(super) completed: bool,
}

impl<'a> Walk<'a> {
    /// A run that has started.
    pub fn start(saga: &'a Saga, choice: Choice) -> Walk<'a> {
        let fresh = vec![Track::FRESH; saga.steps.len()];
        let mut walk = Walk {
            saga,
            choice,
            now: 0,
            events: Vec::with_capacity(16),
            forward: fresh.clone(),
            undo: fresh,
            aborted: None,
            confirmed: false,
            completed: false,
        };
        walk.push(Role::Start, None, None);
        walk
    }

    /// Records what is called `role`, after a pause that lets no obligation run out.
    pub(super) fn tell(&mut self, role: Role) {
        self.tell_with(role, Some(0), None);
    }

    /// As [`Walk::tell`], with a key and a reason of the caller's choice.
    pub(super) fn tell_with(&mut self, role: Role, key: Option<u32>, error: Option<&'static str>) {
        self.pause();
        self.push(role, key, error);
    }

    fn push(&mut self, role: Role, key: Option<u32>, error: Option<&'static str>) {
        let Some(pattern) = self.pattern(role) else {
            return;
        };
        let kind = pattern.kind.clone();
        let mut event = DraftEvent {
            kind,
            role,
            after: millis(self.now),
            key: None,
            error,
        };
        let index = self.events.len();
        let now = self.now;
        match role {
            Role::Step(step, happening) => {
                event.key = key;
                let last = self.saga.steps[step].retries.map(|retries| retries + 1);
                let begins = !self.saga.steps[step].begins.is_empty();
                let reason = record(&mut self.forward[step], happening, begins, last, index, now);
                event.error = event.error.or(reason);
                let is_dead = self.forward[step].stage == Stage::Dead;
                if is_dead && !self.saga.steps[step].optional && !self.is_past_pivot() {
                    self.aborted.get_or_insert(now);
                }
            }
            Role::Undo(step, happening) => {
                event.key = key;
                if let Some(undo) = &self.saga.steps[step].compensation {
                    let last = undo.retries.map(|retries| retries + 1);
                    let begins = !undo.begins.is_empty();
                    let reason = record(&mut self.undo[step], happening, begins, last, index, now);
                    event.error = event.error.or(reason);
                }
                self.aborted.get_or_insert(now);
                self.confirmed = true;
            }
            Role::Aborts => {
                self.aborted.get_or_insert(now);
                self.confirmed = true;
            }
            Role::Completes => self.completed = true,
            _ => {}
        }
        self.events.push(event);
    }

    fn pattern(&self, role: Role) -> Option<&'a EventPattern> {
        let saga = self.saga;
        let patterns = match role {
            Role::Start => &saga.starts,
            Role::Completes => &saga.completes,
            Role::Aborts => &saga.aborts,
            Role::Compensated => &saga.compensated,
            Role::Abandons => &saga.abandons,
            Role::Step(step, happening) => {
                let step = &saga.steps[step];
                match happening {
                    Happening::Begin => &step.begins,
                    Happening::Success => &step.succeeds,
                    Happening::Failure => &step.fails,
                    Happening::Rejection => &step.rejects,
                }
            }
            Role::Undo(step, happening) => {
                let undo = saga.steps[step].compensation.as_ref()?;
                match happening {
                    Happening::Begin => &undo.begins,
                    Happening::Success => &undo.succeeds,
                    Happening::Failure | Happening::Rejection => &undo.fails,
                }
            }
            Role::Stray | Role::Foreign => return None,
        };
        patterns.first()
    }

    /// Lets time pass, whatever runs out meanwhile.
    pub(super) fn hang(&mut self, span: Span) {
        self.now += span.as_nanos() / 1_000_000;
    }

    fn pause(&mut self) {
        let bound = ((self.slack() - MARGIN) / 8).clamp(40, 150_000);
        self.now += self.choice.pause(bound);
    }

    /// The milliseconds until the next obligation of the run would be violated.
    fn slack(&self) -> i64 {
        let saga = self.saga;
        let deadline = saga.deadline.map(length);
        let steps = saga
            .steps
            .iter()
            .enumerate()
            .flat_map(|(step, definition)| {
                let forward = self.waiting(step).zip(definition.timeout);
                let undo = definition
                    .compensation
                    .as_ref()
                    .and_then(|undo| undo.timeout.or(definition.timeout));
                [forward, self.due(step).zip(undo)]
            });
        let ends = steps
            .flatten()
            .map(|(from, limit)| from + length(limit))
            .chain(deadline);
        ends.map(|end| end - self.now)
            .filter(|left| *left > 0)
            .min()
            .unwrap_or(i64::MAX)
    }

    /// Since when somebody waits for `step`.
    fn waiting(&self, step: usize) -> Option<i64> {
        let track = self.forward[step];
        match track.stage {
            Stage::Running => Some(track.since),
            Stage::Failed if self.aborted.is_none() => Some(track.since),
            Stage::Idle => self.enabled(step),
            Stage::Dead if !self.confirmed => Some(track.since),
            _ => None,
        }
    }

    /// When the undoing of `step` became due; `None` while it is not.
    fn due(&self, step: usize) -> Option<i64> {
        let aborted = self.aborted?;
        if !self.stands(step) {
            return None;
        }
        let mut from = aborted.max(self.forward[step].since);
        for (later, definition) in self.saga.steps.iter().enumerate() {
            if definition.before.contains(step) {
                if self.stands(later) {
                    return None;
                }
                if self.undo[later].stage == Stage::Done {
                    from = from.max(self.undo[later].since);
                }
            }
        }
        Some(from)
    }

    /// When the step could first begin; `None` while it cannot.
    pub(super) fn enabled(&self, step: usize) -> Option<i64> {
        let mut from = 0;
        for required in self.saga.steps[step].requires.iter() {
            let track = self.forward[required];
            if track.stage != Stage::Done {
                return None;
            }
            from = from.max(track.since);
        }
        Some(from)
    }

    /// Whether the effect of `step` would have to be undone if the run went back.
    pub(super) fn stands(&self, step: usize) -> bool {
        self.saga.steps[step].compensation.is_some()
            && self.undo[step].stage != Stage::Done
            && match self.forward[step].stage {
                Stage::Done => true,
                Stage::Running => self.saga.undo_ambiguous,
                Stage::Failed | Stage::Dead => self.saga.undo_failed,
                Stage::Idle => false,
            }
    }

    /// Every step whose effect would have to be undone.
    pub(super) fn standing(&self) -> StepSet {
        (0..self.saga.steps.len())
            .filter(|step| self.stands(*step))
            .collect()
    }

    /// Those of `steps` that may be undone first.
    pub(super) fn undo_first(&self, steps: StepSet) -> Vec<usize> {
        let latest = |step: &usize| self.forward[*step].done;
        let mut first: Vec<usize> = steps
            .iter()
            .filter(|step| {
                !steps
                    .iter()
                    .any(|later| self.saga.steps[later].before.contains(*step))
            })
            .collect();
        first.sort_by_key(|step| std::cmp::Reverse(latest(step)));
        if self.saga.strict_reverse {
            first.truncate(1);
        }
        first
    }

    /// The required steps that have not taken effect.
    pub(super) fn missing(&self) -> StepSet {
        let open = |step: &usize| {
            !self.saga.steps[*step].optional && self.forward[*step].stage != Stage::Done
        };
        (0..self.saga.steps.len()).filter(open).collect()
    }

    /// Whether a pivot has taken effect.
    pub(super) fn is_past_pivot(&self) -> bool {
        self.saga
            .steps
            .iter()
            .zip(&self.forward)
            .any(|(step, track)| step.pivot && track.stage == Stage::Done)
    }
}

/// What is kept back of every obligation, in milliseconds: recorded times may trail arrivals.
const MARGIN: i64 = 10_000;

fn length(span: Span) -> i64 {
    span.as_nanos() / 1_000_000
}

fn millis(count: i64) -> Span {
    Span::from_nanos(count.saturating_mul(1_000_000))
}

/// Notes what happened to an action; the reason, if it failed.
fn record(
    track: &mut Track,
    happening: Happening,
    begins: bool,
    last: Option<u32>,
    index: usize,
    now: i64,
) -> Option<&'static str> {
    if happening == Happening::Begin && matches!(track.stage, Stage::Running | Stage::Done) {
        return None;
    }
    let is_attempt = happening == Happening::Begin || !begins && track.stage != Stage::Done;
    track.attempts += u32::from(is_attempt);
    track.since = now;
    match happening {
        Happening::Begin => track.stage = Stage::Running,
        Happening::Success => {
            track.stage = Stage::Done;
            track.done.get_or_insert(index);
        }
        Happening::Rejection => track.stage = Stage::Dead,
        Happening::Failure => {
            let is_last = last.is_some_and(|last| track.attempts >= last);
            track.stage = if is_last { Stage::Dead } else { Stage::Failed };
            let reason = REASONS[track.failures as usize % REASONS.len()];
            track.failures += 1;
            return Some(reason);
        }
    }
    None
}
