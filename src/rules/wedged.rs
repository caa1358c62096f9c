//! A step that fails again and again with the same error.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::definition::saga::Step;
use crate::event::Position;
use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{Forward, Meaning, Moment, StepEvent};

/// `saga/wedged`
pub const INFO: Info = Info {
    name: "saga/wedged",
    severity: Severity::Error,
    summary: "a step keeps failing with the same error and is still being retried",
    explanation: "\
Finds a step that failed at least `wedged-after` times (default 3) with the same error since its \
last success, and that still has attempts left. The error is what `fails: { event: …, error: EXPR }` \
names; without it, the failure's event type.

More of the same will not help: the request is wrong, or what it needs is gone. Meanwhile the saga \
holds what it has, and the retries cost.

Repair the cause the error names, then retry; or give up and compensate, if the pivot is not passed.

Example: ShipmentFailed three times, each with `reason: address unknown`.",
};

/// The failures that ended an attempt; where begins are recorded, a second one in a row is a repeat.
fn ending_attempts(moments: &[Moment], step: usize, definition: &Step) -> Vec<Moment> {
    let mut is_open = true;
    let mut is_rejected = false;
    let mut failures = Vec::new();
    for moment in moments
        .iter()
        .filter(|moment| moment.meaning.step() == Some(step))
    {
        match moment.meaning {
            Meaning::Step(_, StepEvent::Begin) => (is_open, is_rejected) = (true, false),
            Meaning::Step(_, StepEvent::Rejection) => is_rejected = true,
            Meaning::Step(_, StepEvent::Failure)
                if !is_rejected && (is_open || definition.begins.is_empty()) =>
            {
                is_open = false;
                failures.push(*moment);
            }
            _ => {}
        }
    }
    failures
}

/// Judges `saga/wedged`.
pub fn check(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    if case.instance.abort.is_some() || case.claims_over() {
        return;
    }
    for (step, record) in case.instance.steps.iter().enumerate() {
        if !matches!(record.forward, Forward::Running(_) | Forward::Failed(_))
            || record.forward.attempt() < case.saga.wedged_after
        {
            continue;
        }
        let since = record
            .latest_success
            .map_or(0, |success| success.index as usize + 1);
        let failures = ending_attempts(&case.moments[since..], step, &case.saga.steps[step]);
        let mut times: HashMap<u32, usize, FixedState> = HashMap::default();
        for moment in &failures {
            *times.entry(moment.detail).or_default() += 1;
        }
        let details = failures.iter().map(|moment| moment.detail);
        let Some(error) = details.max_by_key(|error| times.get(error)) else {
            continue;
        };
        let failures = failures.iter();
        let same: Vec<_> = failures.filter(|moment| moment.detail == error).collect();
        let (Some(first), true) = (same.first(), same.len() >= case.saga.wedged_after as usize)
        else {
            continue;
        };
        drafts.push(Draft {
            rule: INFO.name,
            severity: INFO.severity,
            step: Some(step),
            facet: None,
            evidence: same
                .iter()
                .map(|moment| moment.position)
                .collect::<Vec<Position>>(),
            since: Some(first.time),
            message: format!(
                "{} failed {} times with the same error `{}` and is still being retried",
                case.name(step),
                same.len(),
                case.names.text(error)
            ),
        });
    }
}
