//! What a saga can be used with but should not be left as it is.

use crate::definition::action::Action;
use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::saga::{Saga, Step, StepSet};
use crate::event::Span;
use crate::finding::Severity;

/// Everything questionable about a saga; `at` is its document.
pub(crate) fn check(saga: &Saga, at: At<'_>, faults: &mut Vec<Fault>) {
    let pivots: StepSet = saga
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.pivot)
        .map(|(index, _)| index)
        .collect();
    for (index, step) in saga.steps.iter().enumerate() {
        let at = at.key("steps").item(index);
        let after_pivot = !step.before.intersection(pivots).is_empty();
        compensation(step, after_pivot, at, faults);
        timeout(step.timeout, saga.deadline, at, faults);
        retry(step.action.as_ref(), step.retries, at, faults);
        if let Some(compensation) = &step.compensation {
            let at = at.key("compensation");
            timeout(compensation.timeout, saga.deadline, at, faults);
            retry(
                compensation.action.as_ref(),
                compensation.retries,
                at,
                faults,
            );
        }
    }
    if saga.deadline.is_none() {
        no_timeout(saga, at, faults);
    }
}

fn compensation(step: &Step, after_pivot: bool, at: At<'_>, faults: &mut Vec<Fault>) {
    let compensatable = !(step.pivot || step.retriable || step.optional || after_pivot);
    if compensatable && step.compensation.is_none() {
        let message = format!(
            "step `{}` cannot be undone: it has no compensation",
            step.name
        );
        faults.push(
            Fault::lint(
                fault::NO_COMPENSATION,
                Severity::Warning,
                step.place.clone(),
                message,
            )
            .label("in force for good once it succeeded")
            .help(
                "declare `compensation`, or that it is a `pivot`, `retriable` or `optional`"
                    .to_owned(),
            ),
        );
    }
    if after_pivot && step.compensation.is_some() {
        let message = format!(
            "step `{}` comes after the pivot: nothing may undo it",
            step.name
        );
        let place = at.name_of("compensation").place();
        faults.push(
            Fault::lint(
                fault::COMPENSATION_AFTER_PIVOT,
                Severity::Warning,
                place,
                message,
            )
            .label("never called for")
            .help("remove it, or move the pivot".to_owned()),
        );
    }
}

fn timeout(timeout: Option<Span>, deadline: Option<Span>, at: At<'_>, faults: &mut Vec<Fault>) {
    if let (Some(timeout), Some(deadline)) = (timeout, deadline)
        && timeout > deadline
    {
        let message = format!("a timeout of {timeout} is longer than the saga's deadline");
        let place = at.key("timeout").place();
        faults.push(
            Fault::lint(
                fault::TIMEOUT_BEYOND_DEADLINE,
                Severity::Warning,
                place,
                message,
            )
            .label(format!("the deadline is {deadline}"))
            .help("shorten it, or give the saga more time".to_owned()),
        );
    }
}

fn retry(action: Option<&Action>, retries: Option<u32>, at: At<'_>, faults: &mut Vec<Fault>) {
    let retried = retries.is_some_and(|retries| retries > 0);
    if retried && action.is_some_and(|action| !action.idempotent) {
        let place = at.name_of("action").place();
        let message = "the action is retried though nothing says that it is idempotent";
        faults.push(
            Fault::lint(fault::UNSAFE_RETRY, Severity::Error, place, message)
                .label("a second attempt may have a second effect")
                .help("make it so and write `idempotent: true`, or write `retries: 0`".to_owned()),
        );
    }
}

/// For a saga without a deadline: what can then never be found stuck.
fn no_timeout(saga: &Saga, at: At<'_>, faults: &mut Vec<Fault>) {
    let compensations = saga
        .steps
        .iter()
        .filter_map(|step| step.compensation.as_ref());
    let mut spans = saga.steps.iter().map(|step| step.timeout);
    if spans.all(|span| span.is_none()) && compensations.clone().all(|it| it.timeout.is_none()) {
        let message = format!(
            "`{}` can never be found stuck: it has no timeout at all",
            saga.name
        );
        faults.push(
            Fault::lint(
                fault::NO_TIMEOUT,
                Severity::Warning,
                saga.place.clone(),
                message,
            )
            .label("neither a deadline nor any timeout")
            .help("give it a `deadline`, or its steps a `timeout`".to_owned()),
        );
        return;
    }
    for (index, step) in saga.steps.iter().enumerate() {
        if step.timeout.is_none() && !step.optional {
            let message = format!(
                "step `{}` can never be found stuck: it has no timeout",
                step.name
            );
            faults.push(
                Fault::lint(
                    fault::NO_TIMEOUT,
                    Severity::Warning,
                    step.place.clone(),
                    message,
                )
                .label("and the saga has no deadline")
                .help("give it a `timeout`, or the saga a `deadline`".to_owned()),
            );
        }
        if step
            .compensation
            .as_ref()
            .is_some_and(|it| it.timeout.is_none())
        {
            let message = format!(
                "the compensation of `{}` can never be found stuck: it has no timeout",
                step.name
            );
            let place = at.key("steps").item(index).name_of("compensation").place();
            faults.push(
                Fault::lint(fault::NO_TIMEOUT, Severity::Warning, place, message)
                    .label("and the saga has no deadline")
                    .help("give it a `timeout`, or the saga a `deadline`".to_owned()),
            );
        }
    }
}
