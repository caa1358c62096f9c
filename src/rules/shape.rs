//! Instances that do not have the shape of their saga: no start, events without a place, two ends.

use crate::event::Position;
use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::Meaning;

/// `saga/unknown-event`
pub const UNKNOWN_EVENT: Info = Info {
    name: "saga/unknown-event",
    severity: Severity::Warning,
    summary: "an event of the saga's namespace has no place in it",
    explanation: "\
Finds events of an instance whose type matches the saga's `namespace` and which no step, compensation \
or terminal of it names. Without a namespace the rule does not run.

The system does something that the definition does not know: a new step, a renamed event. What is \
not known is not judged.

Add the event to the definition, or narrow the namespace.

Example: `namespace: [Stock*]` and an event StockRecounted.",
};

/// `saga/no-start`
pub const NO_START: Info = Info {
    name: "saga/no-start",
    severity: Severity::Warning,
    summary: "events of an instance whose start is not in the log",
    explanation: "\
Finds instances that have events but no start event, in a log whose beginning was not removed.

The start was lost, or the events carry a wrong correlation value. Deadlines are counted from the \
first event instead.

Search for the start under another correlation. If old events were removed on purpose, say `cut: \
true` in the log document.

Example: StockReserved for order-0815, no OrderPlaced.",
};

/// `saga/mixed-outcome`
pub const MIXED_OUTCOME: Info = Info {
    name: "saga/mixed-outcome",
    severity: Severity::Error,
    summary: "both completed and compensated",
    explanation: "\
Finds instances with both a `completes` and a `compensated` event, and instances of which something \
was undone after they had completed.

Two decisions were taken for one saga, so some aggregates believe the one and some the other.

Look for two coordinators, or a timeout that fired while the last step succeeded. Decide which \
outcome holds and repair the other side by hand.

Example: OrderFulfilled at position 30, OrderCancelled at position 32.",
};

/// Judges `saga/unknown-event`.
pub fn unknown_event(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    if !case.instance.strays {
        return;
    }
    let strays = || {
        case.moments
            .iter()
            .filter(|moment| moment.meaning == Meaning::Stray)
    };
    let mut types: Vec<u32> = Vec::new();
    for moment in strays() {
        if !types.contains(&moment.detail) {
            types.push(moment.detail);
            let same: Vec<Position> = strays()
                .filter(|other| other.detail == moment.detail)
                .map(|other| other.position)
                .collect();
            let times = if same.len() == 1 {
                String::new()
            } else {
                format!(" ({} times)", same.len())
            };
            drafts.push(Draft {
                rule: UNKNOWN_EVENT.name,
                severity: UNKNOWN_EVENT.severity,
                step: None,
                facet: Some(case.names.text(moment.detail).to_owned()),
                evidence: same,
                since: Some(moment.time),
                message: format!(
                    "{} has no place in this saga{times}",
                    case.names.text(moment.detail)
                ),
            });
        }
    }
}

/// Judges `saga/no-start`.
pub fn no_start(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let (None, false, Some(first)) = (case.instance.start, case.cut, case.instance.first) else {
        return;
    };
    let message = format!("events from position {} on, but no start", first.position);
    drafts.push(Draft::new(&NO_START, None, &[first], first.time, message));
}

/// Judges `saga/mixed-outcome`.
pub fn mixed_outcome(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let Some([one, other]) = case.instance.mixed() else {
        return;
    };
    let message = if case.instance.compensated.is_some_and(|at| at == other) {
        "says both completed and compensated".to_owned()
    } else {
        format!(
            "completed (position {}), then something was undone",
            one.position
        )
    };
    let since = if one.index < other.index {
        other.time
    } else {
        one.time
    };
    drafts.push(Draft::new(
        &MIXED_OUTCOME,
        None,
        &[one, other],
        since,
        message,
    ));
}
