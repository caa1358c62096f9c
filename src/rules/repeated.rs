//! What happened more often than it should: attempts, effects, undos.

use crate::definition::saga::StepSet;
use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{Irregularity, Meaning, Moment, StepEvent};

/// `saga/too-many-attempts`
pub const ATTEMPTS: Info = Info {
    name: "saga/too-many-attempts",
    severity: Severity::Warning,
    summary: "a step was attempted more often than its retries allow",
    explanation: "\
Finds a step with more attempts than `retries` allows (the first is not a retry). A begin under the \
same idempotency key while the attempt is running is a repeated delivery, not an attempt.

Either the definition and the coordinator disagree about the limit, or something else retries as \
well: a queue's redelivery, a second coordinator.

Set `retries` to what the system really does, or find the second driver.

Example: `retries: 1`; StockRequested three times.",
};

/// `saga/double-effect`
pub const EFFECT: Info = Info {
    name: "saga/double-effect",
    severity: Severity::Error,
    summary: "a step succeeded twice without being undone in between",
    explanation: "\
Finds a step that succeeded more than once without an undo in between. Where all successes carry the \
same idempotency key it is a duplicate delivery of one effect, and only a note.

The card was charged twice, the stock reserved twice; a compensation will give only one of them back.

Compare the payloads with `sagactl show`. If both effects are real, undo one by hand; then give the \
action an idempotency key.

Example: CardCharged at positions 7 and 9 with different keys.",
};

/// `compensation/double`
pub const UNDO: Info = Info {
    name: "compensation/double",
    severity: Severity::Error,
    summary: "a step was undone more often than it succeeded",
    explanation: "\
Finds a compensation that succeeded again although there was nothing left to undo. Where all undos \
carry the same idempotency key it is a duplicate delivery, and only a note.

The customer got the refund twice; the stock count is too high.

Take the surplus back by hand, and make the compensation idempotent.

Example: PaymentRefunded at positions 12 and 13, one CardCharged.",
};

/// Judges `saga/too-many-attempts`.
pub fn attempts(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for (step, definition) in case.saga.steps.iter().enumerate() {
        let beyond: Vec<_> = case
            .instance
            .anomalies
            .iter()
            .filter_map(|anomaly| match anomaly.what {
                Irregularity::TooManyAttempts if anomaly.step == step => Some(anomaly.at),
                _ => None,
            })
            .collect();
        let Some(first) = beyond.first() else {
            continue;
        };
        let allowed = definition.retries.map_or(0, |retries| retries + 1);
        let message = format!(
            "{} was attempted {} times; {allowed} are allowed (retries: {})",
            definition.name,
            case.instance.steps[step].forward.attempt().max(allowed + 1),
            allowed.saturating_sub(1)
        );
        drafts.push(Draft::new(
            &ATTEMPTS,
            Some(step),
            &beyond,
            first.time,
            message,
        ));
    }
}

/// Judges `saga/double-effect`.
pub fn effect(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for step in irregular(case, Irregularity::DoubleEffect).iter() {
        let mut runs: Vec<Vec<&Moment>> = vec![Vec::new()];
        for moment in case.moments {
            match moment.meaning {
                Meaning::Step(of, StepEvent::Success) if usize::from(of) == step => {
                    if let Some(run) = runs.last_mut() {
                        run.push(moment);
                    }
                }
                Meaning::Undo(of, StepEvent::Success) if usize::from(of) == step => {
                    runs.push(Vec::new());
                }
                _ => {}
            }
        }
        runs.retain(|run| run.len() > 1);
        let is_one = runs.iter().all(|run| share_a_key(run));
        drafts.push(repeated(
            case,
            &EFFECT,
            step,
            &runs.concat(),
            "took effect",
            is_one,
        ));
    }
}

/// Judges `compensation/double`.
pub fn undo(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for step in irregular(case, Irregularity::DoubleUndo).iter() {
        let meaning = Meaning::Undo(step as u8, StepEvent::Success);
        let undos: Vec<&Moment> = case
            .moments
            .iter()
            .filter(|moment| moment.meaning == meaning)
            .collect();
        let is_one = share_a_key(&undos);
        drafts.push(repeated(case, &UNDO, step, &undos, "was undone", is_one));
    }
}

fn irregular(case: &Case<'_>, what: Irregularity) -> StepSet {
    case.instance
        .anomalies
        .iter()
        .filter(|anomaly| anomaly.what == what)
        .map(|anomaly| anomaly.step)
        .collect()
}

fn share_a_key(events: &[&Moment]) -> bool {
    events
        .iter()
        .all(|moment| moment.key != 0 && moment.key == events[0].key)
}

/// A finding about events of which one would have been enough; if they are `one` event delivered
/// again, it is only a note.
fn repeated(
    case: &Case<'_>,
    info: &Info,
    step: usize,
    events: &[&Moment],
    verb: &str,
    one: bool,
) -> Draft {
    let (name, times) = (case.name(step), events.len());
    Draft {
        rule: info.name,
        severity: if one { Severity::Note } else { info.severity },
        step: Some(step),
        facet: None,
        evidence: events.iter().map(|moment| moment.position).collect(),
        since: events.get(1).map(|second| second.time),
        message: if one {
            format!("{name} {verb} {times} times under one idempotency key: a duplicate delivery")
        } else {
            format!("{name} {verb} {times} times")
        },
    }
}
