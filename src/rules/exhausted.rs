//! Attempts are used up and nobody decided what happens now.

use crate::event::{Span, Timestamp};
use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{At, Exhaustion, Forward};

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

/// The steps that used up their attempts where nobody decided what happens then, and when they did.
fn used_up<'c>(case: &'c Case<'_>) -> impl Iterator<Item = (usize, At)> + 'c {
    let instance = case.instance;
    let saga = case.saga;
    let is_answered = instance.abort.is_some_and(|abort| abort.confirmed) || case.is_left();
    let could_end = [&saga.aborts, &saga.compensated, &saga.abandons]
        .into_iter()
        .any(|terminal| !terminal.is_empty());
    let is_asked = || could_end || instance.pivot.is_some() || !instance.in_force(saga).is_empty();
    let counts = move |step: usize| {
        let record = &instance.steps[step];
        let failed = record.since.filter(|_| !saga.steps[step].optional)?;
        let counts = match record.forward {
            Forward::Exhausted(_, Exhaustion::Failures) => true,
            Forward::Exhausted(_, Exhaustion::Rejection) => instance
                .pivot
                .is_some_and(|pivot| pivot.index < failed.index),
            _ => false,
        };
        counts.then_some((step, failed))
    };
    let steps = match !is_answered && is_asked() {
        true => 0..instance.steps.len(),
        false => 0..0,
    };
    steps.filter_map(counts)
}

/// From when and for how long such a step may stay so, if anything declares that.
fn limit(case: &Case<'_>, step: usize, failed: At) -> Option<(Timestamp, Span)> {
    let own = case.saga.steps[step].timeout;
    let own = own.map(|timeout| (failed.time, timeout));
    own.or_else(|| Some((case.begin()?.time, case.saga.deadline?)))
}

/// Judges `saga/retries-exhausted`.
pub fn check(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let instance = case.instance;
    for (step, failed) in used_up(case) {
        let Some((from, limit)) = limit(case, step, failed) else {
            continue;
        };
        let (definition, record) = (&case.saga.steps[step], &instance.steps[step]);
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
