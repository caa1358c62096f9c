//! Causes that are not there, come too late, go in circles or belong elsewhere.

use std::sync::Arc;

use crate::brief;
use crate::causation::{Fault, What};
use crate::event::Timestamp;
use crate::finding::{Finding, Severity, SubjectKind};
use crate::rules::Info;

/// `causation/dangling`
pub const DANGLING: Info = Info {
    name: "causation/dangling",
    severity: Severity::Error,
    summary: "an event names a cause that is not in the log",
    explanation: "\
Finds events whose causation id is the id of no event in the log. With `cut: true` that cannot be told, \
since the cause may have been removed.

The cause was never written, was deleted, or stands in another log: nobody can say why this event \
happened.

Look for the cause where it should have been written. If causes are ids of commands and not of events, \
do not map `causation:`.

Example: position 14 names the cause e-4711, which no event is.",
};

/// `causation/cycle`
pub const CYCLE: Info = Info {
    name: "causation/cycle",
    severity: Severity::Error,
    summary: "an event is its own cause, by way of others or at once",
    explanation: "\
Finds events whose chain of causes leads back to them; of each circle the event that stands first in \
the log tells.

No order of events can have come about so: ids were given twice, or the writer names itself.

See how the writer fills the causation id.

Example: e-1 is caused by e-3, which is caused by e-2, which is caused by e-1.",
};

/// `causation/later-than-effect`
pub const LATER: Info = Info {
    name: "causation/later-than-effect",
    severity: Severity::Error,
    summary: "an event stands before its cause",
    explanation: "\
Finds events whose cause stands after them in a log that is ordered by position. In one with \
`order: { time: … }` a cause may arrive after its effect.

A consumer that reads by position sees the effect before the cause, and may act on what it does not \
know of yet.

If several services write on their own and arrival is not the order, declare that. Otherwise the two \
were not written in one transaction, or a clock is wrong.

Example: position 20 is caused by the event at position 31.",
};

/// `causation/correlation-mismatch`
pub const OTHER_CORRELATION: Info = Info {
    name: "causation/correlation-mismatch",
    severity: Severity::Error,
    summary: "an event and its cause belong to different correlations",
    explanation: "\
Finds events whose correlation value is another than that of their cause. Where the log's mapping names \
no correlation, nothing is looked at.

A correlation id is handed on from cause to effect. Where it changes, the effect is judged with another \
saga's instance than the one that asked for it.

See where the id is lost. If an event starts a new saga on purpose, give it no cause, or allow it.

Example: StockReserved of order-7 is caused by OrderPlaced of order-9.",
};

/// All rules about causes.
pub const ALL: [&Info; 4] = [&DANGLING, &CYCLE, &LATER, &OTHER_CORRELATION];

/// The rule of something that is wrong.
pub const fn info(what: What) -> &'static Info {
    match what {
        What::Dangling => &DANGLING,
        What::Cycle(_) => &CYCLE,
        What::Later => &LATER,
        What::OtherCorrelation => &OTHER_CORRELATION,
    }
}

/// The finding of an event whose cause is wrong.
pub fn finding(log: &Arc<str>, fault: &Fault, cause: Option<&str>, horizon: Timestamp) -> Finding {
    let at = fault
        .cause
        .map_or_else(String::new, |cause| format!("position {cause}"));
    let message = match fault.what {
        What::Dangling => {
            let cause = cause.unwrap_or("its cause");
            format!("no event of the log has the id `{cause}`")
        }
        What::Cycle(0) => "names itself as its cause".to_owned(),
        What::Cycle(others) => {
            let others = brief::count(others.into(), "other", "others");
            format!("causes itself by way of {others}, from {at}")
        }
        What::Later => format!("its cause comes after it, at {at}"),
        What::OtherCorrelation => format!("its cause at {at} belongs to another correlation"),
    };
    info(fault.what)
        .finding(SubjectKind::Event, log, fault.effect.to_string(), message)
        .shown_by(fault.cause.into_iter().chain([fault.effect]))
        .since(fault.since, horizon)
}
