//! Attempts are used up and nobody decided what happens now.

use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{Exhaustion, Forward};

/// `saga/retries-exhausted`
pub const INFO: Info = Info {
    name: "saga/retries-exhausted",
    severity: Severity::Error,
    summary: "attempts are used up and neither compensation nor an abort followed",
    explanation: "\
Finds a required step that used up its attempts (`retries` after the first), where no compensation, \
abort or terminal event followed within the step's timeout. Past the pivot, where going back is no \
way out, a rejection counts too, and giving up (`abandons`) answers nothing.

The coordinator stopped in the middle: it neither went on nor back, and what succeeded is in force.

Before the pivot, compensate. After it, repair the cause and retry by hand: the saga must end forward.

Example: `retries: 2`; StockTimedOut three times, then nothing.",
};

/// Judges `saga/retries-exhausted`.
pub fn check(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let instance = case.instance;
    if instance.abort.is_some_and(|abort| abort.confirmed) || case.is_left() {
        return;
    }
    let could_end = [
        &case.saga.aborts,
        &case.saga.compensated,
        &case.saga.abandons,
    ]
    .into_iter()
    .any(|terminal| !terminal.is_empty());
    if !could_end && instance.pivot.is_none() && instance.in_force(case.saga).is_empty() {
        return;
    }
    for (step, record) in instance.steps.iter().enumerate() {
        let definition = &case.saga.steps[step];
        let counts = match record.forward {
            Forward::Exhausted(_, Exhaustion::Failures) => true,
            Forward::Exhausted(_, Exhaustion::Rejection) => instance
                .pivot
                .zip(record.since)
                .is_some_and(|(pivot, failed)| pivot.index < failed.index),
            _ => false,
        };
        let (true, false, Some(failed)) = (counts, definition.optional, record.since) else {
            continue;
        };
        let limit = definition.timeout.map(|timeout| (failed.time, timeout));
        let deadline = case.begin().map(|begin| begin.time).zip(case.saga.deadline);
        let Some((from, limit)) = limit.or(deadline) else {
            continue;
        };
        if !case.is_past(from, limit) {
            continue;
        }
        let message = match record.forward {
            Forward::Exhausted(_, Exhaustion::Rejection) => format!(
                "{} was rejected past the pivot and the saga did not go on; only forward recovery is possible",
                definition.name
            ),
            _ => {
                let attempts = record.forward.attempt();
                let noun = if attempts == 1 {
                    "its only attempt"
                } else {
                    "all its attempts"
                };
                let standing = instance.in_force(case.saga);
                let rest = if instance.pivot.is_some() {
                    "; past the pivot only forward recovery is possible".to_owned()
                } else if standing.is_empty() {
                    String::new()
                } else {
                    format!(
                        "; in force: {}",
                        case.list(instance.undo_order(case.saga, standing))
                    )
                };
                format!(
                    "{} failed {noun} ({attempts}) and neither compensation nor an abort followed{rest}",
                    definition.name
                )
            }
        };
        drafts.push(Draft::new(
            &INFO,
            Some(step),
            &[failed],
            failed.time,
            message,
        ));
    }
}
