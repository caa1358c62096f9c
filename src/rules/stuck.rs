//! A step, or the saga as a whole, that should have moved on by now.

use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{At, Forward};

/// `saga/stuck-step`
pub const STEP: Info = Info {
    name: "saga/stuck-step",
    severity: Severity::Error,
    summary: "a step is running, or could begin, and its timeout has passed",
    explanation: "\
Finds a step that was begun without an outcome, that failed and was not tried again, or whose \
predecessors all succeeded and that was never begun, where its `timeout` has passed at the horizon.

Nobody is working on it any more: the coordinator died, a message was lost, or a participant never \
answered. What the earlier steps did stays in force meanwhile: stock reserved, money held.

Look at the participant first. If it took the request, its answer was lost; retry under the same \
idempotency key. Before the pivot the saga can also be undone; after it, only retrying helps.

Example: `reserve-stock` has `timeout: 2m`; StockRequested at 10:00, nothing after it, horizon 10:05.",
};

/// `saga/stuck-saga`
pub const SAGA: Info = Info {
    name: "saga/stuck-saga",
    severity: Severity::Error,
    summary: "the deadline has passed, the saga has not ended, and no single step explains it",
    explanation: "\
Finds an instance that has not ended although its `deadline` has passed at the horizon, and of which \
no step or compensation is reported stuck by itself. A saga that started and never did anything is \
stuck at its start.

Steps without a timeout hide here, and sagas whose work is done but whose terminal event never came.

`sagactl show` tells which steps are open. Declare timeouts for them: the next time the finding \
names the step.

Example: `deadline: 30m`; OrderPlaced at 10:00, every step succeeded by 10:04, but OrderFulfilled \
never came; horizon 11:00.",
};

/// What a step that is not over is waiting from; `None` where it is over or not its turn.
fn waiting_since(case: &Case<'_>, step: usize) -> Option<At> {
    let record = &case.instance.steps[step];
    match record.forward {
        Forward::Running(_) | Forward::Failed(_) => record.since,
        Forward::NotStarted if !case.saga.steps[step].optional => {
            case.instance.enabled(case.saga, step)
        }
        _ => None,
    }
}

/// Judges `saga/stuck-step`.
pub fn step(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    if case.instance.abort.is_some() || case.is_left() {
        return;
    }
    for (step, definition) in case.saga.steps.iter().enumerate() {
        let Some(timeout) = definition.timeout else {
            continue;
        };
        let is_through = case.instance.completion.or(case.instance.abandons);
        if definition.optional && is_through.is_some() {
            continue;
        }
        let Some(from) = waiting_since(case, step).filter(|from| case.is_past(from.time, timeout))
        else {
            continue;
        };
        let age = case.age(from.time);
        let message = match case.instance.steps[step].forward {
            Forward::Running(1) => format!(
                "{} was begun {age} ago and has no outcome; its timeout is {timeout}",
                definition.name
            ),
            Forward::Running(n) => format!(
                "attempt {n} of {} was begun {age} ago and has no outcome; its timeout is {timeout}",
                definition.name
            ),
            Forward::Failed(n) => format!(
                "{} failed (attempt {n}) {age} ago and was not tried again within {timeout}",
                definition.name
            ),
            _ => format!(
                "{} could begin {age} ago and was not heard of; its timeout is {timeout}",
                definition.name
            ),
        };
        drafts.push(Draft::new(&STEP, Some(step), &[from], from.time, message));
    }
}

/// Judges `saga/stuck-saga`.
pub fn saga(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let instance = case.instance;
    let (Some(deadline), Some(begin), Some(last)) =
        (case.saga.deadline, case.begin(), instance.last)
    else {
        return;
    };
    let missing = instance.missing(case.saga);
    let is_parked_beyond = case.is_parked_beyond() && !missing.is_empty();
    let is_over = instance.end(case.saga).is_some() && !is_parked_beyond;
    if is_over || case.is_left() || !case.is_past(begin.time, deadline) {
        return;
    }
    let age = case.age(begin.time);
    let message = if last.index == begin.index {
        format!("started {age} ago and nothing followed; its deadline is {deadline}")
    } else if missing.is_empty() {
        format!(
            "every step succeeded, yet it has not ended {age} after its start; its deadline is {deadline}"
        )
    } else if instance.abort.is_some() {
        format!("going back and not at the end {age} after its start; its deadline is {deadline}")
    } else {
        format!(
            "not ended {age} after its start; open: {}; its deadline is {deadline}",
            case.list(missing.iter())
        )
    };
    let evidence = if last.index == begin.index {
        vec![begin]
    } else {
        vec![begin, last]
    };
    drafts.push(Draft::new(&SAGA, None, &evidence, begin.time, message));
}
