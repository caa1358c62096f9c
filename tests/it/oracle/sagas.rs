//! Small sagas made from the struct types, and the event types that their events have.

use std::path::PathBuf;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use wildmatch::WildMatch;

use sagactl::definition::fault::Place;
use sagactl::definition::saga::{Compensation, Correlate, EventPattern, Saga, Step, StepSet};
use sagactl::event::Span;

use super::Meaning;

/// A pattern that any event of this type matches.
pub(crate) fn pattern(kind: &str) -> EventPattern {
    EventPattern {
        kind: kind.into(),
        when: None,
        error: None,
    }
}

/// The event type that has this meaning in the sagas made here.
pub(crate) fn kind_of(meaning: Meaning) -> String {
    match meaning {
        Meaning::Start => "starts".to_owned(),
        Meaning::Begin(step) => format!("s{step}.begins"),
        Meaning::Success(step) => format!("s{step}.succeeds"),
        Meaning::Failure(step) => format!("s{step}.fails"),
        Meaning::Rejection(step) => format!("s{step}.rejects"),
        Meaning::UndoBegin(step) => format!("s{step}.undo.begins"),
        Meaning::UndoSuccess(step) => format!("s{step}.undo.succeeds"),
        Meaning::UndoFailure(step) => format!("s{step}.undo.fails"),
        Meaning::Completes => "completes".to_owned(),
        Meaning::Aborts => "aborts".to_owned(),
        Meaning::Compensated => "compensated".to_owned(),
        Meaning::Abandons => "abandons".to_owned(),
        Meaning::Unknown => "other".to_owned(),
    }
}

fn patterns(declared: bool, meaning: Meaning) -> Vec<EventPattern> {
    declared
        .then(|| pattern(&kind_of(meaning)))
        .into_iter()
        .collect()
}

fn place() -> Place {
    Place {
        file: Arc::new(PathBuf::from("generated.yaml")),
        line: 1,
        column: 1,
        start: 0,
        end: 0,
    }
}

/// A saga of `steps` in a row, each with all of its events and a compensation, and with every
/// terminal event but no limit declared.
pub(crate) fn plain_saga(steps: usize) -> Saga {
    let mut saga = Saga {
        name: "generated".into(),
        about: None,
        place: place(),
        correlate: Correlate::default(),
        narrow: None,
        starts: vec![pattern("starts")],
        deadline: None,
        steps: (0..steps).map(plain_step).collect(),
        completes: patterns(true, Meaning::Completes),
        aborts: patterns(true, Meaning::Aborts),
        compensated: patterns(true, Meaning::Compensated),
        abandons: patterns(true, Meaning::Abandons),
        undo_ambiguous: true,
        undo_failed: false,
        strict_reverse: false,
        null_compensation: false,
        wedged_after: 3,
        namespace: vec![WildMatch::new("*")],
        keyed: StepSet::EMPTY,
        must_have_key: StepSet::EMPTY,
    };
    close(&mut saga);
    saga
}

fn plain_step(step: usize) -> Step {
    Step {
        name: format!("s{step}").into(),
        place: place(),
        pivot: false,
        retriable: false,
        optional: false,
        after: step.checked_sub(1).into_iter().collect(),
        before: StepSet::EMPTY,
        requires: StepSet::EMPTY,
        begins: patterns(true, Meaning::Begin(step)),
        succeeds: patterns(true, Meaning::Success(step)),
        fails: patterns(true, Meaning::Failure(step)),
        rejects: patterns(true, Meaning::Rejection(step)),
        timeout: None,
        retries: None,
        action: None,
        compensation: Some(Compensation {
            begins: patterns(true, Meaning::UndoBegin(step)),
            succeeds: patterns(true, Meaning::UndoSuccess(step)),
            fails: patterns(true, Meaning::UndoFailure(step)),
            timeout: None,
            retries: None,
            action: None,
        }),
    }
}

/// Derives `before` and `requires` from `after`, step by step in declared order.
pub(crate) fn close(saga: &mut Saga) {
    for step in 0..saga.steps.len() {
        let (done, rest) = saga.steps.split_at_mut(step);
        let current = &mut rest[0];
        current.before = current
            .after
            .iter()
            .fold(current.after, |all, other| all.union(done[other].before));
        current.requires =
            current
                .after
                .iter()
                .fold(StepSet::EMPTY, |all, other| match done[other].optional {
                    true => all.union(done[other].requires),
                    false => all.union([other].into_iter().collect()),
                });
    }
}

/// Every meaning that an event can have in `saga`.
pub(crate) fn meanings(saga: &Saga) -> Vec<Meaning> {
    let mut all = vec![Meaning::Start];
    let mut add =
        |declared: &[EventPattern], meaning| all.extend((!declared.is_empty()).then_some(meaning));
    add(&saga.completes, Meaning::Completes);
    add(&saga.aborts, Meaning::Aborts);
    add(&saga.compensated, Meaning::Compensated);
    add(&saga.abandons, Meaning::Abandons);
    for (index, step) in saga.steps.iter().enumerate() {
        add(&step.begins, Meaning::Begin(index));
        add(&step.succeeds, Meaning::Success(index));
        add(&step.fails, Meaning::Failure(index));
        add(&step.rejects, Meaning::Rejection(index));
        if let Some(undo) = &step.compensation {
            add(&undo.begins, Meaning::UndoBegin(index));
            add(&undo.succeeds, Meaning::UndoSuccess(index));
            add(&undo.fails, Meaning::UndoFailure(index));
        }
    }
    if !saga.namespace.is_empty() {
        all.push(Meaning::Unknown);
    }
    all
}

fn limit() -> impl Strategy<Value = Option<Span>> {
    select(vec![None, Some(2), Some(5), Some(10)]).prop_map(|seconds| seconds.map(Span::from_secs))
}

type Drawn = (
    (u8, [bool; 6]),
    (Option<Span>, Option<u32>),
    ([bool; 3], Option<Span>, Option<u32>),
);

fn drawn_step() -> impl Strategy<Value = Drawn> {
    let even = prop::bool::weighted(0.5);
    let often = prop::bool::weighted(0.8);
    let shape = (
        any::<u8>(),
        [even, often, even, even, even, prop::bool::weighted(0.2)],
    );
    let limits = (limit(), select(vec![None, Some(0), Some(1), Some(2)]));
    let undo = (
        [prop::bool::weighted(0.95), even, even],
        limit(),
        select(vec![None, Some(0), Some(1)]),
    );
    (shape, limits, undo)
}

fn checked_step(index: usize, drawn: Drawn, beyond_return: bool, pivot: bool) -> Step {
    let (
        (after, [begins, fails, rejects, in_a_row, retriable, optional]),
        (timeout, retries),
        undo,
    ) = drawn;
    let ([compensable, undo_begins, undo_fails], undo_timeout, undo_retries) = undo;
    let picked: StepSet = (0..index).filter(|other| after >> other & 1 == 1).collect();
    let plain = plain_step(index);
    let after = match in_a_row {
        true => plain.after,
        false => picked,
    };
    let compensation = plain
        .compensation
        .filter(|_| compensable && !beyond_return && !pivot)
        .map(|undo| Compensation {
            begins: undo.begins.into_iter().filter(|_| undo_begins).collect(),
            fails: undo.fails.into_iter().filter(|_| undo_fails).collect(),
            timeout: undo_timeout,
            retries: undo_retries.filter(|_| undo_fails),
            ..undo
        });
    Step {
        pivot,
        retriable: retriable && beyond_return,
        optional: optional && !pivot,
        after,
        begins: plain.begins.into_iter().filter(|_| begins).collect(),
        fails: plain.fails.into_iter().filter(|_| fails).collect(),
        rejects: plain.rejects.into_iter().filter(|_| rejects).collect(),
        timeout,
        retries: retries.filter(|_| fails),
        compensation,
        ..plain
    }
}

/// A small saga that `validate` could have made: steps come after steps declared before them, at
/// most one pivot, nothing that could be undone after it, at least one required step.
pub(crate) fn saga() -> impl Strategy<Value = Saga> {
    let flags: [proptest::bool::Weighted; 9] = [
        prop::bool::weighted(0.5),
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.6),
        prop::bool::weighted(0.5),
        prop::bool::weighted(0.7),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.5),
    ];
    let deadline = select(vec![None, Some(6), Some(15), Some(60)])
        .prop_map(|seconds| seconds.map(Span::from_secs));
    (
        vec(drawn_step(), 1..=5),
        1..9_usize,
        flags,
        deadline,
        1..=3_u32,
    )
        .prop_map(|(drawn, pivot, flags, deadline, wedged_after)| {
            let [
                completes,
                aborts,
                compensated,
                abandons,
                ambiguous,
                failed,
                strict,
                null,
                namespace,
            ] = flags;
            let mut saga = plain_saga(1);
            let mut beyond = StepSet::EMPTY;
            saga.steps.clear();
            for (index, drawn) in drawn.into_iter().enumerate() {
                let is_pivot = index == pivot;
                let free = checked_step(index, drawn, false, is_pivot);
                let after_pivot = !free.after.intersection(beyond).is_empty();
                if is_pivot || after_pivot {
                    beyond.insert(index);
                }
                saga.steps
                    .push(checked_step(index, drawn, after_pivot, is_pivot));
            }
            if saga.steps.iter().all(|step| step.optional) {
                saga.steps[0].optional = false;
            }
            saga.completes = patterns(completes, Meaning::Completes);
            saga.aborts = patterns(aborts, Meaning::Aborts);
            saga.compensated = patterns(compensated, Meaning::Compensated);
            saga.abandons = patterns(abandons, Meaning::Abandons);
            saga.undo_ambiguous = ambiguous;
            saga.undo_failed = failed;
            saga.strict_reverse = strict;
            saga.null_compensation = null;
            saga.namespace.retain(|_| namespace);
            saga.deadline = deadline;
            saga.wedged_after = wedged_after;
            close(&mut saga);
            saga
        })
}
