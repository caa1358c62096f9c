//! Why rules about going back, and about keys, have nothing to look at in a saga, where what is declared
//! does not go far enough.

use crate::definition::log::LogDefinition;
use crate::definition::saga::{Compensation, Saga};
use crate::rules::{
    idempotency, unless, without_compensations, without_pivot, without_undo_timeouts,
};

fn any_undo(saga: &Saga, is_one: impl FnMut(&Compensation) -> bool) -> bool {
    let undos = saga.steps.iter();
    let mut undos = undos.filter_map(|step| step.compensation.as_ref());
    undos.any(is_one)
}

/// For what finds a compensation that stands still.
pub(super) fn without_standstill(saga: &Saga, log: &LogDefinition) -> Option<&'static str> {
    let may_wait = |undo: &Compensation| !(undo.begins.is_empty() && undo.fails.is_empty());
    without_undo_timeouts(saga, log).or_else(|| {
        unless(
            any_undo(saga, |undo| undo.timeout.is_some() && may_wait(undo)),
            "no compensation with a timeout declares `begins` or `fails`",
        )
    })
}

/// For what finds a compensation that has no attempts left.
pub(super) fn without_last_undo(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    if !any_undo(saga, |undo| undo.retries.is_some()) {
        return Some("no compensation declares `retries`");
    }
    let may_fail = |undo: &Compensation| undo.retries.is_some() && !undo.fails.is_empty();
    unless(
        any_undo(saga, may_fail),
        "no compensation with `retries` declares `fails`",
    )
}

/// For what finds steps that are undone in another order than they build on each other.
pub(super) fn without_order(saga: &Saga, log: &LogDefinition) -> Option<&'static str> {
    let undone = || {
        let steps = saga.steps.iter().enumerate();
        steps.filter(|(_, step)| step.compensation.is_some())
    };
    let is_after = |one: usize| {
        let mut others = undone();
        others
            .any(|(other, step)| other != one && (saga.strict_reverse || step.before.contains(one)))
    };
    without_compensations(saga, log).or_else(|| {
        unless(
            undone().any(|(one, _)| is_after(one)),
            "no step with a compensation comes after another",
        )
    })
}

/// For what finds a compensation that comes too late.
pub(super) fn without_way_back(saga: &Saga, log: &LogDefinition) -> Option<&'static str> {
    without_pivot(saga, log).or_else(|| without_compensations(saga, log))
}

/// For what compares the keys of attempts.
pub(super) fn without_keys(saga: &Saga, log: &LogDefinition) -> Option<&'static str> {
    let keyed = unless(
        !saga.keyed.is_empty(),
        "no idempotency rule without a condition speaks of a step's events by the log's own key",
    );
    keyed.or_else(|| unless(!log.names_no_key, idempotency::NO_KEY))
}
