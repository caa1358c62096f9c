//! What has to hold across aggregates and does not.

use crate::definition::invariant::Invariant;
use crate::event::Timestamp;
use crate::finding::{Finding, Severity, Subject, SubjectKind};
use crate::invariant::Breach;
use crate::rules::Info;

/// `invariant/violated`
pub const VIOLATED: Info = Info {
    name: "invariant/violated",
    severity: Severity::Error,
    summary: "what has to hold across aggregates does not",
    explanation: "\
Finds groups of events whose total is not what the invariant says: with a `grace`, once the group has \
been quiet for that long, at the horizon or at any time before; without one, after any event. The \
event that left it so is the evidence. A total that became right again later is reported too, and the \
message says so.

Aggregates are each consistent by themselves; what holds between them is held by nobody. Money left \
one account and never arrived at the other, or arrived twice.

`sagactl show` the saga that drives the group, if there is one. Otherwise look for the event that is \
missing or doubled beside the one named here.

An amount or group that an event does not give makes the verdict of its group unknown.

Example: `total: { of: { Debited: =-data.amount, Credited: =data.amount }, per: data.transfer }`, \
`grace: 1m`; transfer t-7 was debited 30 at 10:00 and never credited, horizon 10:05.",
};

/// The finding of a breach.
pub fn violated(invariant: &Invariant, breach: &Breach, horizon: Timestamp) -> Finding {
    let (position, since) = breach.at;
    let total = breach.total.normalize();
    let equals = invariant.equals.normalize();
    let message = match (breach.healed, invariant.grace) {
        (false, _) => format!("the total is {total} instead of {equals}"),
        (true, None) => format!("the total was {total} instead of {equals}; it is right again"),
        (true, Some(grace)) => format!(
            "the total was {total} instead of {equals} for more than {grace}; it is right again"
        ),
    };
    Finding {
        rule: VIOLATED.name,
        severity: VIOLATED.severity,
        subject: Subject {
            kind: SubjectKind::Group,
            definition: invariant.name.clone(),
            id: breach.group.clone(),
        },
        step: None,
        facet: None,
        evidence: vec![position],
        since: Some(since),
        age: Some(horizon.since(since)),
        message,
        next: None,
    }
}
