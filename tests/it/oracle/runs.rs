//! Legal runs of a saga.

use proptest::collection::vec;
use proptest::prelude::*;

use sagactl::definition::saga::Saga;

use super::history::{Forward, Undo};
use super::sagas::{kind_of, meanings, saga};
use super::standing::Standing;
use super::{Meaning, OracleEvent};

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// When the first event of every generated run happened.
pub(crate) const EPOCH: i64 = 1_700_000_000 * SECOND;

/// The event types that may legally be recorded next.
fn legal_next(saga: &Saga, events: &[OracleEvent]) -> Vec<Meaning> {
    if events.is_empty() {
        return vec![Meaning::Start];
    }
    let standing = Standing::new(saga, false, events, None, i64::MAX);
    if standing.terminal().is_some() {
        return Vec::new();
    }
    let aborted = standing.abort().is_some();
    let next = meanings(saga)
        .into_iter()
        .filter(|meaning| allowed(&standing, aborted, *meaning));
    let done = standing
        .steps()
        .filter(|step| standing.holds(*step))
        .count();
    next.flat_map(|meaning| std::iter::repeat_n(meaning, weight(meaning, done)))
        .collect()
}

/// How likely a legal event comes next: a run that has got somewhere is the likelier to turn back.
fn weight(meaning: Meaning, done: usize) -> usize {
    match meaning {
        Meaning::Abandons => 1,
        Meaning::Aborts | Meaning::Rejection(_) => 1 + 4 * done,
        Meaning::Failure(_) => 4 + 4 * done,
        _ => 12,
    }
}

fn allowed(standing: &Standing<'_>, aborted: bool, meaning: Meaning) -> bool {
    let pivot_may_act = |step: usize| {
        standing.step(step).pivot && matches!(standing.track(step).state, Forward::Running { .. })
    };
    let way_back = standing.pivot().is_none() && !standing.steps().any(pivot_may_act);
    let complete = standing.required().all(|step| standing.holds(step));
    let given_up = standing
        .required()
        .any(|step| matches!(standing.track(step).state, Forward::Exhausted { .. }));
    match meaning {
        Meaning::Start | Meaning::Unknown => false,
        Meaning::Completes => complete && !aborted,
        Meaning::Aborts => !aborted && way_back && !complete,
        Meaning::Compensated => aborted && standing.end().is_some(),
        Meaning::Abandons => !aborted && !complete,
        Meaning::Begin(step) => {
            let free = match standing.track(step).state {
                Forward::NotStarted => standing.enabled(step),
                Forward::Failed { .. } => true,
                _ => false,
            };
            free && !aborted && !given_up
        }
        Meaning::Success(step) => may_end(standing, step, aborted),
        Meaning::Failure(step) => {
            may_end(standing, step, aborted) && !last_word_hurts(standing, step, false, way_back)
        }
        Meaning::Rejection(step) => {
            may_end(standing, step, aborted) && !last_word_hurts(standing, step, true, way_back)
        }
        Meaning::UndoBegin(step) => {
            aborted && undo_is_due(standing, step) && !being_undone(standing, step)
        }
        Meaning::UndoSuccess(step) | Meaning::UndoFailure(step) => {
            let Some(undo) = &standing.step(step).compensation else {
                return false;
            };
            let attempt = match standing.undo(step) {
                Undo::Undoing { attempt, .. } => attempt,
                Undo::None if undo.begins.is_empty() => 1,
                Undo::Failed { attempt, .. } if undo.begins.is_empty() => attempt + 1,
                _ => return false,
            };
            let last = undo.retries.is_some_and(|retries| attempt > retries);
            aborted
                && undo_is_due(standing, step)
                && (meaning == Meaning::UndoSuccess(step) || !last)
        }
    }
}

/// An attempt of the step may end now. After an abort only those that were under way then, and
/// never a pivot, which would close the way back, nor a step whose undoing has begun.
fn may_end(standing: &Standing<'_>, step: usize, aborted: bool) -> bool {
    let outcomes_only = standing.step(step).begins.is_empty();
    let open = match standing.track(step).state {
        Forward::Running { .. } => true,
        Forward::NotStarted => outcomes_only && standing.enabled(step),
        Forward::Failed { .. } => outcomes_only,
        Forward::Succeeded | Forward::Exhausted { .. } => false,
    };
    let in_flight = !standing.step(step).pivot
        && matches!(standing.track(step).state, Forward::Running { .. })
        && standing.undo(step) == Undo::None
        && !standing.steps().any(|other| {
            standing.step(step).before.contains(other) && standing.undo(other) != Undo::None
        });
    open && (!aborted || in_flight)
}

/// The failure would exhaust a step although it is too late to go back.
fn last_word_hurts(standing: &Standing<'_>, step: usize, rejected: bool, way_back: bool) -> bool {
    let last = match standing.track(step).state {
        Forward::Running { attempt, .. } => attempt,
        Forward::Failed { attempt, .. } => attempt + 1,
        _ => 1,
    };
    let failures = standing.track(step).failures.len() + 1;
    let wedges = failures >= standing.saga.wedged_after as usize;
    let exhausts = rejected
        || standing
            .step(step)
            .retries
            .is_some_and(|retries| last > retries);
    let own_pivot = standing.step(step).pivot;
    (wedges && !exhausts) || (exhausts && !way_back && !own_pivot && !standing.step(step).optional)
}

fn being_undone(standing: &Standing<'_>, step: usize) -> bool {
    matches!(standing.undo(step), Undo::Undoing { .. })
}

fn undo_is_due(standing: &Standing<'_>, step: usize) -> bool {
    standing
        .undo_order()
        .first()
        .is_some_and(|effect| effect.step == step)
}

/// An event as it would be recorded at this place of a run.
pub(crate) fn event(
    position: i64,
    time: i64,
    meaning: Meaning,
    key: Option<String>,
) -> OracleEvent {
    OracleEvent {
        position,
        time,
        kind: kind_of(meaning),
        meaning,
        key,
        error: None,
    }
}

pub(crate) fn renumber(events: &mut [OracleEvent]) {
    for (position, event) in (1..).zip(events) {
        event.position = position;
    }
}

/// A run in which nothing is wrong: at every point one of the events that may come next, a few
/// milliseconds later, until none may or `tape` ends. Every number of the tape is one choice.
pub(crate) fn run(saga: &Saga, tape: &[u16]) -> Vec<OracleEvent> {
    let mut events = Vec::new();
    let mut time = EPOCH;
    for (index, choice) in tape.iter().enumerate() {
        let next = legal_next(saga, &events);
        let Some(meaning) = next
            .get(usize::from(choice >> 3) % next.len().max(1))
            .copied()
        else {
            break;
        };
        time += i64::from(choice % 8) * 5_000_000;
        events.push(event(0, time, meaning, Some(format!("k{index}"))));
    }
    renumber(&mut events);
    events
}

/// A saga and a legal run of it.
pub(crate) fn legal() -> impl Strategy<Value = (Saga, Vec<OracleEvent>)> {
    (saga(), vec(any::<u16>(), 4..28)).prop_map(|(saga, tape)| {
        let events = run(&saga, &tape);
        (saga, events)
    })
}
