//! What is to be done about one instance: a pure function of its replayed state and its events.
//!
//! Backward undoes what is in force, in the reverse of the declared order; forward retries the
//! steps that hold the saga up. What is not driven is told with the reason.

use std::path::Path;

use crate::definition::action::Action;
use crate::definition::saga::{Saga, StepSet};
use crate::event::{Event, Position, Timestamp};
use crate::expression::template::Reveal;
use crate::finding::Direction;
use crate::inspect::recover::Candidate;
use crate::log::has_mark;
use crate::recovery::document::{ActionV1, InstanceV1, LeftAloneV1, Reason, UnreadV1, Way, digest};
use crate::recovery::request;
use crate::saga::{At, Forward, Instance, Meaning, Moment, Outcome, StepEvent, Undo};
use crate::saga::{course, towards};

/// What a person asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// Which way; `None` leaves it to the judgement.
    pub direction: Option<Direction>,
    /// This step alone; named so, it is driven although its compensation failed for good.
    pub step: Option<&'a str>,
}

/// What is to be done, before it is put into requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which way.
    pub direction: Direction,
    /// The steps to drive, in order.
    pub steps: Vec<usize>,
    /// Every other step, as declared.
    pub left_alone: Vec<(usize, Reason)>,
}

/// Decides what to do about an instance.
///
/// # Errors
/// The reason why it cannot be driven.
pub fn decide(candidate: &Candidate, ask: Ask<'_>) -> Result<Decision, Reason> {
    let (saga, instance) = (&*candidate.saga, &candidate.instance);
    if candidate.is_undetermined {
        return Err(Reason::Undetermined);
    }
    if candidate.outcome() == Outcome::Contradictory {
        return Err(Reason::Contradictory);
    }
    if candidate.outcome().is_over() && !candidate.is_called_for {
        return Err(Reason::Healthy);
    }
    if instance.is_torn() {
        return Err(match ask.direction {
            _ if !candidate.is_called_for => Reason::StillWithinDeadline,
            Some(Direction::Forward) => Reason::GoingBack,
            _ => Reason::PastPivot,
        });
    }
    let nothing = if candidate.row.rules.is_empty() {
        Reason::Healthy
    } else {
        Reason::NothingToDrive
    };
    let course = course(saga, instance).ok_or(nothing)?;
    if !candidate.is_called_for {
        return Err(if is_under_way(instance) {
            Reason::Running
        } else {
            Reason::StillWithinDeadline
        });
    }
    let direction = ask.direction.unwrap_or(course.direction);
    let goes_back = instance.abort.is_some() || instance.compensated.is_some();
    match direction {
        Direction::Backward if instance.pivot.is_some() && instance.dangling().is_empty() => {
            return Err(Reason::PastPivot);
        }
        Direction::Forward if instance.pivot.is_none() && goes_back => {
            return Err(Reason::GoingBack);
        }
        Direction::Backward | Direction::Forward => {}
    }
    let course = if course.direction == direction {
        course
    } else {
        towards(saga, instance, direction).ok_or(Reason::NothingToDrive)?
    };
    let horizon = candidate.row.since.after(candidate.row.age);
    settle(saga, instance, direction, &course.steps, ask, horizon)
}

/// Sorts the steps of a course into those to drive and those to leave alone.
fn settle(
    saga: &Saga,
    instance: &Instance,
    direction: Direction,
    course: &[usize],
    ask: Ask<'_>,
    horizon: Timestamp,
) -> Result<Decision, Reason> {
    let mut steps = Vec::new();
    let mut held: Vec<(usize, Reason)> = Vec::new();
    for step in course.iter().copied() {
        let waits = direction == Direction::Backward
            && held
                .iter()
                .any(|(other, _)| instance.goes_first(saga, *other, step));
        let reason = if ask.step.is_some_and(|name| *name != *saga.steps[step].name) {
            Some(Reason::NotAskedFor)
        } else if waits {
            Some(Reason::OutOfTurn)
        } else {
            obstacle(saga, instance, step, direction, ask, horizon)
        };
        match reason {
            None => steps.push(step),
            Some(reason) => held.push((step, reason)),
        }
    }
    if steps.is_empty() {
        let asked = |(_, reason): &&(usize, Reason)| *reason != Reason::NotAskedFor;
        return Err(held
            .iter()
            .find(asked)
            .map_or(Reason::NothingToDrive, |held| held.1));
    }
    let of_course: StepSet = course.iter().copied().collect();
    let others = (0..saga.steps.len())
        .filter(|step| !of_course.contains(*step))
        .map(|step| (step, standing(saga, instance, step, direction)));
    let mut left_alone: Vec<(usize, Reason)> = held.into_iter().chain(others).collect();
    left_alone.sort_unstable();
    Ok(Decision {
        direction,
        steps,
        left_alone,
    })
}

/// What keeps a step of the course from being driven.
fn obstacle(
    saga: &Saga,
    instance: &Instance,
    step: usize,
    direction: Direction,
    ask: Ask<'_>,
    horizon: Timestamp,
) -> Option<Reason> {
    if declared(saga, step, direction).is_none() {
        return Some(Reason::NoActionDeclared);
    }
    let record = &instance.steps[step];
    let (since, timeout, under_way) = match direction {
        Direction::Forward => {
            let since = match record.forward {
                Forward::NotStarted => instance.enabled(saga, step),
                _ => record.since,
            };
            let running = matches!(record.forward, Forward::Running(_));
            (since, saga.steps[step].timeout, running)
        }
        Direction::Backward => {
            if matches!(record.undo, Undo::Exhausted(_)) && ask.step.is_none() {
                return Some(Reason::UndoExhausted);
            }
            let compensation = saga.steps[step].compensation.as_ref();
            let since = record.undo_since.or_else(|| its_turn(saga, instance, step));
            let timeout = compensation.and_then(|compensation| compensation.timeout);
            (since, timeout, matches!(record.undo, Undo::Undoing(_)))
        }
    };
    let is_early = match (since, timeout) {
        (Some(since), Some(timeout)) => horizon <= since.time.after(timeout),
        _ => false,
    };
    is_early.then_some(if under_way {
        Reason::Running
    } else {
        Reason::StillWithinDeadline
    })
}

/// The event from which on an effect was to be undone: the abort, or the last undo that it had to
/// wait for.
fn its_turn(saga: &Saga, instance: &Instance, step: usize) -> Option<At> {
    let undone = (0..saga.steps.len())
        .filter(|other| instance.goes_first(saga, *other, step))
        .filter_map(|other| instance.steps[other].latest_undo);
    instance
        .abort
        .map(|abort| abort.at)
        .into_iter()
        .chain(undone)
        .max_by_key(|at| at.index)
}

/// Why a step outside the course is left alone.
fn standing(saga: &Saga, instance: &Instance, step: usize, direction: Direction) -> Reason {
    let record = &instance.steps[step];
    if matches!(record.undo, Undo::Undone(_)) {
        return Reason::Undone;
    }
    match (record.forward, direction) {
        (Forward::Succeeded(_), Direction::Forward) => Reason::Succeeded,
        (Forward::Succeeded(_), Direction::Backward) => {
            if saga.steps[step].compensation.is_none() {
                Reason::NoCompensation
            } else {
                Reason::PastPivot
            }
        }
        (Forward::NotStarted, Direction::Backward) => Reason::NotStarted,
        (Forward::Failed(_) | Forward::Exhausted(..), Direction::Backward) if !saga.undo_failed => {
            Reason::NoEffect
        }
        (_, Direction::Backward) => Reason::NoCompensation,
        (_, Direction::Forward) if saga.steps[step].optional => Reason::Optional,
        (_, Direction::Forward) => Reason::OutOfTurn,
    }
}

fn is_under_way(instance: &Instance) -> bool {
    instance.steps.iter().any(|record| {
        matches!(record.forward, Forward::Running(_)) || matches!(record.undo, Undo::Undoing(_))
    })
}

/// The action that drives a step this way.
pub(super) fn declared(saga: &Saga, step: usize, direction: Direction) -> Option<&Action> {
    let step = &saga.steps[step];
    match direction {
        Direction::Forward => step.action.as_ref(),
        Direction::Backward => step.compensation.as_ref()?.action.as_ref(),
    }
}

/// How many attempts of a step the log shows as ended. The next one is another action, with a key
/// of its own; an attempt whose end nobody recorded is the same action still.
fn epoch(moments: &[Moment], step: usize, direction: Direction) -> u32 {
    let ended = moments.iter().filter(|moment| {
        let (of, event, way) = match moment.meaning {
            Meaning::Step(of, event) => (of, event, Direction::Forward),
            Meaning::Undo(of, event) => (of, event, Direction::Backward),
            _ => return false,
        };
        usize::from(of) == step && way == direction && event != StepEvent::Begin
    });
    u32::try_from(ended.count()).unwrap_or(u32::MAX)
}

/// The idempotency key of an action: the same for the same action, whenever it is decided.
fn key(log: &str, saga: &str, id: &str, step: &str, direction: Direction, epoch: u32) -> String {
    let epoch = epoch.to_string();
    let parts = [log, saga, id, step, direction.label(), &epoch];
    digest(parts.map(str::as_bytes))
}

/// A digest of every event that a decision was made on, and of where rows stand of which something could
/// not be read.
pub(super) fn fingerprint(events: &[Event], spoilt: &[Position]) -> String {
    let spoilt = spoilt.iter().map(|position| format!("spoilt {position}"));
    let parts: Vec<String> = events
        .iter()
        .flat_map(|event| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let data = event.data.as_ref().map(ToString::to_string);
            [
                event.position.to_string(),
                text(&event.id),
                event.kind.clone(),
                event.time.to_string(),
                text(&event.key),
                data.unwrap_or_default(),
            ]
        })
        .chain(spoilt)
        .collect();
    digest(parts.iter().map(String::as_bytes))
}

/// Puts a decision into requests; `events` are those of the instance, in full, by position.
///
/// # Errors
/// What a request refers to and the events do not say; that the id is none that a request can name.
pub fn instance(
    candidate: &Candidate,
    decision: &Decision,
    events: &[Event],
    log: (&str, &Path),
) -> Result<InstanceV1, String> {
    let (saga, id) = (&*candidate.saga, candidate.row.id.as_str());
    if has_mark(id) {
        return Err(
            "its id is not UTF-8, or looks like what is told of one that is not".to_owned(),
        );
    }
    let name = |step: usize| saga.steps[step].name.to_string();
    let way = Way::from(decision.direction);
    let mut actions = Vec::new();
    for step in decision.steps.iter().copied() {
        let Some(action) = declared(saga, step, decision.direction) else {
            continue;
        };
        let epoch = epoch(&candidate.moments, step, decision.direction);
        let key = key(
            log.0,
            &saga.name,
            id,
            &name(step),
            decision.direction,
            epoch,
        );
        let facts = request::facts(&candidate.row, events, (&name(step), way), &key);
        let request = request::render(action, &facts, Reveal::Hidden, log.1)
            .map_err(|error| format!("the action of {}: {error}", name(step)))?;
        actions.push(ActionV1 {
            step: name(step),
            direction: way,
            kind: action.kind.label().to_owned(),
            key,
            waits_for: waits_for(candidate, decision, step).map(name).collect(),
            request,
            idempotent: action.idempotent,
            appends: action.record.as_ref().map(|record| record.kind.to_string()),
        });
    }
    Ok(InstanceV1 {
        log: log.0.to_owned(),
        saga: saga.name.to_string(),
        id: id.to_owned(),
        outcome: candidate.outcome().label().to_owned(),
        last_position: events.last().map_or(0, |event| event.position.0),
        fingerprint: fingerprint(events, &candidate.spoilt(events)),
        direction: way,
        actions,
        left_alone: decision
            .left_alone
            .iter()
            .map(|(step, why)| LeftAloneV1 {
                step: name(*step),
                why: *why,
            })
            .collect(),
        unread: candidate.unread.map(UnreadV1::from),
    })
}

/// The steps that have to be undone directly before this one.
fn waits_for<'d>(
    candidate: &'d Candidate,
    decision: &'d Decision,
    step: usize,
) -> impl Iterator<Item = usize> + 'd {
    let (saga, instance) = (&*candidate.saga, &candidate.instance);
    let backward = decision.direction == Direction::Backward;
    let first = move |later: usize, earlier: usize| {
        backward && later != earlier && instance.goes_first(saga, later, earlier)
    };
    let between = move |later: usize| {
        let mut steps = decision.steps.iter();
        steps.any(|middle| first(later, *middle) && first(*middle, step))
    };
    let steps = decision.steps.iter().copied();
    steps.filter(move |later| first(*later, step) && !between(*later))
}
