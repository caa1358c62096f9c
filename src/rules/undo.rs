//! Compensations that happened, but wrongly.

use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{Anomaly, At, Irregularity};

/// `compensation/out-of-order`
pub const ORDER: Info = Info {
    name: "compensation/out-of-order",
    severity: Severity::Error,
    summary: "a step was undone before one that had built on it",
    explanation: "\
Finds a step that was undone before another one that comes after it in the declared partial order, \
both having succeeded. Parallel steps may be undone in any order, unless `strict-reverse: true`.

In between, the later effect stood on ground that was gone: a payment for stock already released.

If the order does not matter, declare the steps parallel with `after:`. Otherwise mend the \
coordinator.

Example: reserve-stock comes before charge-card; StockReleased at 14, CardRefunded at 15.",
};

/// `compensation/empty`
pub const EMPTY: Info = Info {
    name: "compensation/empty",
    severity: Severity::Warning,
    summary: "a step was undone that had nothing to undo",
    explanation: "\
Finds a compensation that succeeded for a step that never began (an empty rollback), or that failed, \
where `undo-failed` does not say that a failure may leave an effect.

If the compensation is not built for it, it takes away what was never there: a refund without a \
payment. And if the step's request is still on its way, it will take effect after its undo.

If the system compensates blindly and safely, say `null-compensation: true` or `undo-failed: true`.

Example: PaymentRefunded, but CardCharged never came.",
};

/// `compensation/dangling-step`
pub const DANGLING: Info = Info {
    name: "compensation/dangling-step",
    severity: Severity::Error,
    summary: "a step succeeded after its compensation: nobody will undo it",
    explanation: "\
Finds a step that took effect after it had been undone, and was not undone again.

The compensation overtook the request. The saga believes the step undone, so what it holds now is \
held for ever.

Undo it by hand, again. Then let the participant refuse a request whose compensation it has seen.

Example: StockReleased at 20, StockReserved at 21.",
};

/// `compensation/past-pivot`
pub const PAST_PIVOT: Info = Info {
    name: "compensation/past-pivot",
    severity: Severity::Error,
    summary: "a compensation although the pivot had succeeded",
    explanation: "\
Finds a compensation that began, succeeded or failed after a pivot had succeeded. From the pivot on \
there is no way back: the saga must be driven forward.

What the pivot did stands, and what it relied on is being taken away.

Stop the compensation. Find out who decided to go back; then drive the missing steps forward, and \
repeat what was undone.

Example: CardCharged (the pivot) at 9, StockReleased at 12.",
};

/// Judges `compensation/out-of-order`.
pub fn order(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let steps = &case.instance.steps;
    let undone: Vec<(usize, At, At)> = (0..steps.len())
        .filter_map(|step| Some((step, steps[step].success?, steps[step].undone?)))
        .collect();
    if undone.len() < 2 {
        return;
    }
    let mut involved: Vec<(usize, At)> = Vec::new();
    for (x, x_success, x_undone) in &undone {
        for (y, y_success, y_undone) in &undone {
            let in_order = if case.saga.strict_reverse {
                x_success.index < y_success.index
            } else {
                case.saga.steps[*y].before.contains(*x)
            };
            let builds_on = in_order && y_success.index < x_undone.index;
            if x != y && builds_on && x_undone.index < y_undone.index {
                involved.push((*x, *x_undone));
                involved.push((*y, *y_undone));
            }
        }
    }
    involved.sort_by_key(|(_, at)| at.index);
    involved.dedup();
    let Some((first, at)) = involved.first().copied() else {
        return;
    };
    let message = format!(
        "undone in the order {}; {} was undone before what had built on it",
        case.list(involved.iter().map(|(step, _)| *step))
            .replace(" and ", ", "),
        case.name(first)
    );
    let evidence: Vec<At> = involved.iter().map(|(_, at)| *at).collect();
    drafts.push(Draft::new(&ORDER, Some(first), &evidence, at.time, message));
}

/// Judges `compensation/empty`.
pub fn empty(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for anomaly in &case.instance.anomalies {
        let (Irregularity::EmptyUndo, Anomaly { step, at, .. }) = (anomaly.what, anomaly) else {
            continue;
        };
        let name = case.name(*step);
        let message = match case.instance.steps[*step].forward.attempt() {
            0 => format!("{name} was undone although it never began"),
            _ => format!("{name} was undone although it had not taken effect"),
        };
        drafts.push(Draft::new(&EMPTY, Some(*step), &[*at], at.time, message));
    }
}

/// Judges `compensation/dangling-step`.
pub fn dangling(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for (step, record) in case.instance.steps.iter().enumerate() {
        let Some((undone, success)) = record.dangling else {
            continue;
        };
        let message = format!(
            "{} took effect {} after it had been undone",
            case.name(step),
            success.time.since(undone.time)
        );
        drafts.push(Draft::new(
            &DANGLING,
            Some(step),
            &[undone, success],
            success.time,
            message,
        ));
    }
}

/// Judges `compensation/past-pivot`.
pub fn past_pivot(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let first = case
        .instance
        .anomalies
        .iter()
        .find_map(|anomaly| match anomaly.what {
            Irregularity::PastPivot(pivot) => Some((anomaly.step, pivot, anomaly.at)),
            _ => None,
        });
    let Some((step, pivot, at)) = first else {
        return;
    };
    let message = format!(
        "{} is being undone (position {}) although the pivot had succeeded (position {})",
        case.name(step),
        at.position,
        pivot.position
    );
    drafts.push(Draft::new(
        &PAST_PIVOT,
        Some(step),
        &[pivot, at],
        at.time,
        message,
    ));
}
