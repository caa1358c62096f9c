//! Why rules about instances have nothing to look at in a saga: what is declared does not go far enough.

use crate::definition::log::LogDefinition;
use crate::definition::saga::{Compensation, Saga, Step};
use crate::rules::idempotency;

pub(super) fn always(_: &Saga, _: &LogDefinition) -> Option<&'static str> {
    None
}

fn unless(applies: bool, reason: &'static str) -> Option<&'static str> {
    (!applies).then_some(reason)
}

pub(super) fn without_timeouts(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    unless(
        saga.steps.iter().any(|step| step.timeout.is_some()),
        "no step declares a timeout",
    )
}

pub(super) fn without_deadline(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    unless(saga.deadline.is_some(), "no saga declares a deadline")
}

pub(super) fn without_failures(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    unless(
        saga.steps.iter().any(|step| !step.fails.is_empty()),
        "no step declares `fails`",
    )
}

pub(super) fn without_retries(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    unless(
        saga.steps.iter().any(|step| step.retries.is_some()),
        "no step declares `retries`",
    )
}

pub(super) fn without_a_last_attempt(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    let has_limit = saga.steps.iter().any(|step| step.retries.is_some());
    let pivots = saga.steps.iter().filter(|step| step.pivot).count();
    let is_rejected = |step: &&Step| !step.rejects.is_empty() && !step.optional;
    let mut rejected = saga.steps.iter().filter(is_rejected);
    let may_be_past_pivot = rejected.any(|step| pivots > usize::from(step.pivot));
    unless(
        has_limit || may_be_past_pivot,
        "no step declares `retries`, and none that is required can be rejected past a pivot",
    )
}

pub(super) fn without_namespace(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    unless(!saga.namespace.is_empty(), "no saga declares a namespace")
}

pub(super) fn when_cut(_: &Saga, log: &LogDefinition) -> Option<&'static str> {
    unless(!log.cut, "the log was cut at its beginning")
}

pub(super) fn without_claims(saga: &Saga, log: &LogDefinition) -> Option<&'static str> {
    unless(
        !saga.completes.is_empty()
            || !saga.compensated.is_empty()
            || log.claims.iter().any(|claims| claims.saga == saga.name),
        "no saga declares a terminal event or a status column",
    )
}

pub(super) fn without_compensations(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    unless(
        saga.steps.iter().any(|step| step.compensation.is_some()),
        "no step declares a compensation",
    )
}

pub(super) fn without_effects_to_undo(saga: &Saga, log: &LogDefinition) -> Option<&'static str> {
    let neither = without_compensations(saga, log).and(without_pivot(saga, log));
    neither.map(|_| "no step declares a compensation, and there is no pivot")
}

pub(super) fn without_undo_timeouts(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    let any = saga
        .steps
        .iter()
        .filter_map(|step| step.compensation.as_ref())
        .any(|undo| undo.timeout.is_some());
    unless(any, "no compensation declares a timeout")
}

pub(super) fn without_pivot(saga: &Saga, _: &LogDefinition) -> Option<&'static str> {
    unless(
        saga.steps.iter().any(|step| step.pivot),
        "no saga declares a pivot",
    )
}

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
