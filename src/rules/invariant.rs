//! What has to hold across aggregates and does not.

use crate::definition::invariant::Invariant;
use crate::definition::requirement::Requirement;
use crate::event::{Position, Timestamp};
use crate::finding::{Finding, Next, Severity, SubjectKind};
use crate::invariant::Breach;
use crate::requirement::{self, Untold};
use crate::rules::Info;

/// `invariant/violated`
pub const VIOLATED: Info = Info {
    name: "invariant/violated",
    severity: Severity::Error,
    summary: "what has to hold across aggregates does not",
    explanation: "\
Finds groups of events whose total is not what the invariant says, and keys of a projection for whose \
state it does not hold: with a `grace`, once everything that it looks at has been quiet for that long, \
at the horizon or at any time before; without one, after any event. The event that left it so is the \
evidence. What became right again later is reported too, and the message says so.

Aggregates are each consistent by themselves; what holds between them is held by nobody. Money left \
one account and never arrived at the other, or arrived twice.

`sagactl show` the saga that drives the group, if there is one. Otherwise look for the event that is \
missing or doubled beside the one named here.

An amount or group that an event does not give makes the verdict of its group unknown; a key or a \
field that an invariant over states looks at and that is missing makes it `invariant/unknown`.

Example: `total: { of: { Debited: =-data.amount, Credited: =data.amount }, per: data.transfer }`, \
`grace: 1m`; transfer t-7 was debited 30 at 10:00 and never credited, horizon 10:05. Or `for-each: \
order-view`, `let: { payment: =projection('payment-view', state.payment) }`, `require: state.status != \
'paid' or payment.status == 'captured'`; the payment of order o-4 was voided after the order was paid.",
};

/// `invariant/unknown`
pub const UNKNOWN: Info = Info {
    name: "invariant/unknown",
    severity: Severity::Note,
    summary: "it cannot be told whether what has to hold does",
    explanation: "\
Finds keys for which an invariant over states cannot be told: it looks at the state of a key that does \
not exist, or at a field that no event has set yet, or one that an event left unreadable.

That is not a breach, and it is not fine either: nobody knows. What is not needed may be missing: in \
`state.status != 'paid' or payment.status == 'captured'` the payment counts only once the order is \
paid.

Find out why the other key is not there. Where its absence is itself a breach, say so in the \
invariant: `state.status != 'paid' or payment is defined and payment.status == 'captured'`.

Example: order o-4 is paid and names payment p-9, of which the log holds no event.",
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
    VIOLATED
        .finding(SubjectKind::Group, &invariant.name, &breach.group, message)
        .shown_by([position])
        .since(since, horizon)
}

/// The finding of a key for which an invariant over states does not hold.
pub fn broken(
    requirement: &Requirement,
    breach: &requirement::Breach,
    horizon: Timestamp,
) -> Finding {
    let require = requirement.require.source();
    let values = &breach.values;
    let message = match (breach.healed, requirement.grace) {
        (false, _) => format!("`{require}` does not hold: {values}"),
        (true, None) => format!("`{require}` did not hold: {values}; that is over"),
        (true, Some(grace)) => {
            format!("`{require}` did not hold for more than {grace}: {values}; that is over")
        }
    };
    of_key(
        &VIOLATED,
        requirement,
        &breach.key,
        breach.at,
        horizon,
        message,
    )
}

/// The finding of a key of which it cannot be told whether an invariant over states holds.
pub fn unknown(requirement: &Requirement, untold: &Untold, horizon: Timestamp) -> Finding {
    let message = format!("it cannot be told whether it holds: {}", untold.reason);
    of_key(
        &UNKNOWN,
        requirement,
        &untold.key,
        untold.at,
        horizon,
        message,
    )
}

fn of_key(
    info: &Info,
    requirement: &Requirement,
    key: &str,
    (position, since): (Position, Timestamp),
    horizon: Timestamp,
    message: String,
) -> Finding {
    let finding = info
        .finding(SubjectKind::Key, &requirement.name, key, message)
        .shown_by([position])
        .since(since, horizon);
    Finding {
        next: Some(Next::command(["state", &requirement.each, key])),
        ..finding
    }
}
