//! Steps that happen when it is not their turn.

use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{Anomaly, At, Irregularity};

/// `saga/out-of-order`
pub const OUT_OF_ORDER: Info = Info {
    name: "saga/out-of-order",
    severity: Severity::Error,
    summary: "a step began or succeeded before a step it comes after",
    explanation: "\
Finds a step whose first begin or success stands before the success of a step that it comes after \
(the step above it, or those in `after`), or without such a success at all. The latter is how a \
swallowed failure looks: the payment was declined, the parcel left anyway.

Whatever the later step relied on was not there. If the earlier step never succeeds, the saga cannot \
be made whole by going on.

If the order does not matter, say so with `after:`. If the log was written by several services, \
declare `order: { time: … }`. Otherwise look at the coordinator: it did not wait.

Example: `ship` is after `charge-card`; CardDeclined at position 8, OrderShipped at position 9.",
};

/// `saga/step-after-end`
pub const AFTER_END: Info = Info {
    name: "saga/step-after-end",
    severity: Severity::Error,
    summary: "a step began or succeeded after the saga had ended or was aborted",
    explanation: "\
Finds a step that began or succeeded after the terminal event or after the decision to abort. A step \
that was in flight at the abort may still succeed: that is legal, and it is then owed a compensation.

Nobody waits for this effect any more, so nobody will use or undo it.

Check whether two coordinators drive the saga, or whether a message was delivered long after its \
time. Undo the effect if it stands.

Example: OrderCancelled at position 20, StockReserved at position 21.",
};

/// Judges `saga/out-of-order`.
pub fn out_of_order(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for anomaly in &case.instance.anomalies {
        let (Irregularity::OutOfOrder(missing), Anomaly { step, at, .. }) = (anomaly.what, anomaly)
        else {
            continue;
        };
        let later: Vec<At> = missing
            .iter()
            .filter_map(|required| case.instance.steps[required].success)
            .collect();
        let verb = if later.len() == missing.len() {
            "before"
        } else {
            "without"
        };
        let message = format!(
            "{} went ahead {verb} {}",
            case.name(*step),
            case.list(missing.iter())
        );
        let evidence: Vec<At> = std::iter::once(*at).chain(later).collect();
        drafts.push(Draft::new(
            &OUT_OF_ORDER,
            Some(*step),
            &evidence,
            at.time,
            message,
        ));
    }
}

/// Judges `saga/step-after-end`.
pub fn after_end(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let mut told = crate::definition::saga::StepSet::EMPTY;
    for anomaly in &case.instance.anomalies {
        let (Irregularity::AfterEnd { lands }, Anomaly { step, at, .. }) = (anomaly.what, anomaly)
        else {
            continue;
        };
        if told.contains(*step) {
            continue;
        }
        let Some(end) = case.instance.ended_before(case.saga, *step, *at, lands) else {
            continue;
        };
        told.insert(*step);
        let what = if case
            .instance
            .terminal()
            .is_some_and(|terminal| terminal == end)
        {
            "had ended"
        } else {
            "was aborted"
        };
        let message = format!(
            "{} happened {} after the saga {what} (position {})",
            case.name(*step),
            at.time.since(end.time),
            end.position
        );
        drafts.push(Draft::new(
            &AFTER_END,
            Some(*step),
            &[end, *at],
            at.time,
            message,
        ));
    }
}
