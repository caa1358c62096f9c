//! A step that fails again and again with the same error.

use crate::event::Position;
use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{Forward, Meaning, StepEvent};

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
        let failures = || {
            case.moments[since..]
                .iter()
                .filter(|moment| moment.meaning == Meaning::Step(step as u8, StepEvent::Failure))
        };
        let most = failures()
            .map(|moment| moment.detail)
            .max_by_key(|error| failures().filter(|moment| moment.detail == *error).count());
        let Some(error) = most else { continue };
        let same: Vec<_> = failures().filter(|moment| moment.detail == error).collect();
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
