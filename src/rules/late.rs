//! What finished, but after its time.

use crate::event::Timestamp;
use crate::finding::Severity;
use crate::rules::Info;
use crate::rules::case::{Case, Draft};
use crate::saga::{Anomaly, Irregularity};

/// `saga/late-step`
pub const STEP: Info = Info {
    name: "saga/late-step",
    severity: Severity::Warning,
    summary: "a step succeeded, but after its timeout",
    explanation: "\
Finds a step whose first success came later than its `timeout` after its last begin or failure, or \
after it could begin where begins are not recorded.

Nothing has to be repaired in this instance. But whoever acts on the timeout, a coordinator that \
compensates for example, will have acted on a step that took effect after all.

Many of these: raise the timeout, or find out what slowed the participant down.

Example: `charge-card` has `timeout: 1m`; enabled at 10:00:00, CardCharged at 10:03:20.",
};

/// `saga/late`
pub const SAGA: Info = Info {
    name: "saga/late",
    severity: Severity::Warning,
    summary: "the saga ended, but after its deadline",
    explanation: "\
Finds an instance that ended after its `deadline`, and of which no single step was late.

Nothing has to be repaired. The time went by between the steps, or in steps without a timeout.

`sagactl show` prints the gap before each event: the longest ones tell where the time went.

Example: `deadline: 30m`; OrderPlaced at 10:00, OrderFulfilled at 11:10.",
};

/// Takes out what rests on a clock that is ahead of the horizon, which does not tell how long
/// anything took; answers what is unknown for it.
pub fn take_untold(drafts: &mut Vec<Draft>, horizon: Timestamp) -> Vec<&'static str> {
    let is_late = |draft: &Draft| [STEP.name, SAGA.name].contains(&draft.rule);
    let is_untold = |draft: &Draft| is_late(draft) && draft.since > Some(horizon);
    let untold = drafts.extract_if(.., |draft| is_untold(draft));
    let mut unknown: Vec<&'static str> = untold.map(|draft| draft.rule).collect();
    // No step that was late explains any more that the saga was.
    if unknown.contains(&STEP.name) {
        unknown.push(SAGA.name);
    }
    unknown
}

/// Judges `saga/late-step`.
pub fn step(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    for anomaly in &case.instance.anomalies {
        if let (Irregularity::LateStep(from), Anomaly { step, at, .. }) = (anomaly.what, anomaly) {
            let timeout = case.saga.steps[*step]
                .timeout
                .unwrap_or(crate::event::Span::ZERO);
            let message = format!(
                "{} took {}; its timeout is {timeout}",
                case.name(*step),
                at.time.since(from.time)
            );
            drafts.push(Draft::new(
                &STEP,
                Some(*step),
                &[from, *at],
                at.time,
                message,
            ));
        }
    }
}

/// Judges `saga/late`.
pub fn saga(case: &Case<'_>, drafts: &mut Vec<Draft>) {
    let instance = case.instance;
    let (Some(deadline), Some(begin)) = (case.saga.deadline, case.begin()) else {
        return;
    };
    if !instance.outcome(case.saga).is_over() {
        return;
    }
    let end = instance
        .end(case.saga)
        .filter(|end| end.time > begin.time.after(deadline));
    let Some(end) = end else { return };
    let message = format!(
        "ended {} after its start; its deadline is {deadline}",
        end.time.since(begin.time)
    );
    drafts.push(Draft::new(&SAGA, None, &[begin, end], end.time, message));
}
