//! What happened more often than it should: attempts, effects, undos.

use crate::event::Position;
use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{Anomaly, Irregularity, Meaning, Moment, StepEvent};

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
    repeated(case, drafts, &EFFECT, |anomaly| match anomaly.what {
        Irregularity::DoubleEffect => Some((
            anomaly.step,
            Meaning::Step(anomaly.step as u8, StepEvent::Success),
        )),
        _ => None,
    });
}

/// Judges `compensation/double`.
pub fn undo(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    repeated(case, drafts, &UNDO, |anomaly| match anomaly.what {
        Irregularity::DoubleUndo => Some((
            anomaly.step,
            Meaning::Undo(anomaly.step as u8, StepEvent::Success),
        )),
        _ => None,
    });
}

fn repeated(
    case: &Case<'_>,
    drafts: &mut Vec<Draft>,
    info: &Info,
    of: impl Fn(&Anomaly) -> Option<(usize, Meaning)>,
) {
    let mut told = crate::definition::saga::StepSet::EMPTY;
    for (step, meaning) in case.instance.anomalies.iter().filter_map(of) {
        if told.contains(step) {
            continue;
        }
        told.insert(step);
        let events: Vec<&Moment> = case
            .moments
            .iter()
            .filter(|moment| moment.meaning == meaning)
            .collect();
        let [first, second, ..] = events.as_slice() else {
            continue;
        };
        let one_key = first.key != 0 && events.iter().all(|moment| moment.key == first.key);
        let verb = if matches!(meaning, Meaning::Undo(..)) {
            "was undone"
        } else {
            "took effect"
        };
        let name = case.name(step);
        drafts.push(Draft {
            rule: info.name,
            severity: if one_key {
                Severity::Note
            } else {
                info.severity
            },
            step: Some(step),
            facet: None,
            evidence: events
                .iter()
                .map(|moment| moment.position)
                .collect::<Vec<Position>>(),
            since: Some(second.time),
            message: if one_key {
                format!(
                    "{name} {verb} {} times under one idempotency key: a duplicate delivery",
                    events.len()
                )
            } else {
                format!("{name} {verb} {} times", events.len())
            },
        });
    }
}
