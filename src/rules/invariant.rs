//! What has to hold across aggregates and does not.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::definition::invariant::Invariant;
use crate::definition::requirement::Requirement;
use crate::event::{Span, Timestamp};
use crate::finding::{Finding, Next, Severity, SubjectKind};
use crate::invariant::Breach;
use crate::lapse::{Lapsed, Now};
use crate::requirement::{self, MOST, Untold};
use crate::rules::Info;

/// `invariant/violated`
pub const VIOLATED: Info = Info {
    name: "invariant/violated",
    severity: Severity::Error,
    summary: "what has to hold across aggregates does not",
    explanation: "\
Finds groups, of events or of keys of a projection, whose total is not what the invariant says, and \
keys for whose state it does not hold: with a `grace`, once everything that it looks at has been quiet \
for that long, at the horizon or at any time before; without one, after any event. The event that left \
it so is the evidence. What became right again later is reported too, and the message says so. An event whose time \
lies beyond the horizon does not make anything less quiet.

Aggregates are each consistent by themselves; what holds between them is held by nobody. Money left \
one account and never arrived at the other, or arrived twice.

`sagactl show` the saga that drives the group, if there is one. Otherwise look for the event that is \
missing or doubled beside the one named here.

A total over states (`states-of`) adds up the keys that there are: one whose state changes moves its \
amount, and one that is deleted takes it along. What changes neither an amount nor a group is no event of \
a group. Without `per` all keys are the group `all`; with it, a group that its last key has left is none, \
and a key that tells no group counts nowhere. `where: state.balance is defined` leaves out keys to which \
nothing was added yet.

An amount that an event or a state does not give makes the verdict of its group unknown; a key or a \
field that an invariant `for-each` key looks at and that is missing makes it `invariant/unknown`. So does \
a row that cannot be judged and is of the group or key; of a key, what the events before that row show \
is told all the same, and what only later ones show is unknown, though the key is gone by then or looks \
at something else. A row that may be of any can account for one fault, \
or for one in each group that a key may have been in: where more are found, all of them are reported and \
say so, else none.

A key that more than 1,000 keys look at is not followed event by event: those are held against it \
when they change themselves, and at the horizon. What may have been wrong in between is unknown.

Amounts are added with all their digits; what an expression calculates with floating point counts by \
its first 15. States are compared as expressions compare numbers, so that `0.1 + 0.2 == 0.3` does not \
hold: round, or keep cents.

Example: `total: { of: { Debited: =-data.amount, Credited: =data.amount }, per: data.transfer }`, \
`grace: 1m`; transfer t-7 was debited 30 at 10:00 and never credited, horizon 10:05. Or `total: { \
of: =state.balance, states-of: account-view, per: state.currency }`, `grace: 1m`; an account was closed with 30 \
euros on it. Or `for-each: order-view`, `let: { payment: =projection('payment-view', state.payment) }`, \
`require: state.status != 'paid' or payment.status == 'captured'`; the payment of order o-4 was voided \
after the order was paid.",
};

/// `invariant/unknown`
pub const UNKNOWN: Info = Info {
    name: "invariant/unknown",
    severity: Severity::Note,
    summary: "it cannot be told whether what has to hold does",
    explanation: "\
Finds keys for which an invariant over states cannot be told: it looks at the state of a key that does \
not exist, or at a field that no event has set yet, or one that an event left unreadable; or it asks \
whether something that is no number is more or less than one. With a `grace`, that counts once everything \
that it looks at has been quiet for that long.

That is not a breach, and it is not fine either: nobody knows. What is not needed may be missing: in \
`state.status != 'paid' or payment.status == 'captured'` the payment counts only once the order is \
paid.

Decimal text beside a number counts as that number; other text, true and false, lists and mappings have \
no order with one, so that `state.balance >= 0` cannot be told of a balance of `n/a`. Where such values \
are meant, ask for them first: `state.balance == 'n/a' or state.balance >= 0`.

Find out why the other key is not there. Where its absence is itself a breach, say so in the \
invariant: `state.status != 'paid' or payment is defined and payment.status == 'captured'`.

Example: order o-4 is paid and names payment p-9, of which the log holds no event.",
};

/// The finding of a breach.
pub fn violated(invariant: &Invariant, breach: &Breach, horizon: Timestamp) -> Finding {
    let equals = invariant.equals.normalize();
    let shown = |total: &Decimal| total.normalize().to_string();
    let told = Told {
        is: |total: &Decimal| format!("the total is {} instead of {equals}", shown(total)),
        was: |total: &Decimal, lasted: &str| {
            format!("the total was {} instead of {equals}{lasted}", shown(total))
        },
        over: "it is right again",
        value: shown,
    };
    let message = message(&breach.lapsed, invariant.grace, &told);
    let finding = VIOLATED.finding(SubjectKind::Group, &invariant.name, &breach.group, message);
    lapsed(finding, &breach.lapsed, horizon)
}

/// The finding of a key for which an invariant over states does not hold.
pub fn broken(
    requirement: &Requirement,
    breach: &requirement::Breach,
    horizon: Timestamp,
) -> Finding {
    let require = requirement.require.source();
    let told = Told {
        is: |values: &Arc<str>| format!("`{require}` does not hold: {values}"),
        was: |values: &Arc<str>, lasted: &str| {
            format!("`{require}` did not hold{lasted}: {values}")
        },
        over: "that is over",
        value: |values: &Arc<str>| values.to_string(),
    };
    let mut message = message(&breach.lapsed, requirement.grace, &told);
    if breach.is_unwatched {
        message += &format!(
            "; since a key that more than {MOST} look at is not followed, it may have begun earlier, or \
             been right in between"
        );
    }
    let finding = of_key(&VIOLATED, requirement, &breach.key, message);
    lapsed(finding, &breach.lapsed, horizon)
}

/// How a breach is worded.
struct Told<I, W, V> {
    /// What it is, where it goes on.
    is: I,
    /// What it was, and for how long.
    was: W,
    /// That it is over.
    over: &'static str,
    /// The value alone.
    value: V,
}

fn message<V: PartialEq>(
    lapsed: &Lapsed<V>,
    grace: Option<Span>,
    told: &Told<impl Fn(&V) -> String, impl Fn(&V, &str) -> String, impl Fn(&V) -> String>,
) -> String {
    let Lapsed { first, now } = lapsed;
    let (value, (position, _)) = first;
    let lasted = grace.map_or_else(String::new, |grace| format!(" for more than {grace}"));
    let was = (told.was)(value, &lasted);
    match now {
        Now::Wrong(now, (since, _)) if since == position && now == value => (told.is)(now),
        Now::Wrong(now, (since, _)) if since == position => {
            format!(
                "{}; it was {} at first",
                (told.is)(now),
                (told.value)(value)
            )
        }
        Now::Wrong(now, _) => format!(
            "{}; it was {} at position {position}, and right in between",
            (told.is)(now),
            (told.value)(value)
        ),
        Now::Right => format!("{was}; {}", told.over),
        Now::Pending(now) => format!(
            "{was}; it is {} now, which is tolerated still",
            (told.value)(now)
        ),
        Now::Unknown => format!("{was}; how it stands now cannot be told"),
    }
}

/// A finding with the first event that left something so, and the one since which it is.
fn lapsed<V>(finding: Finding, lapsed: &Lapsed<V>, horizon: Timestamp) -> Finding {
    let (_, first) = lapsed.first;
    let since = match lapsed.now {
        Now::Wrong(_, since) => since,
        Now::Right | Now::Pending(_) | Now::Unknown => first,
    };
    let mut evidence = vec![first.0, since.0];
    evidence.dedup();
    // What went wrong anew is another fault than what was put right.
    let facet = (first != since).then(|| since.0.to_string());
    Finding {
        facet,
        ..finding.shown_by(evidence).since(since.1, horizon)
    }
}

/// The finding of a key of which it cannot be told whether an invariant over states holds.
pub fn unknown(requirement: &Requirement, untold: &Untold, horizon: Timestamp) -> Finding {
    let message = format!("it cannot be told whether it holds: {}", untold.reason);
    let (position, since) = untold.at;
    of_key(&UNKNOWN, requirement, &untold.key, message)
        .shown_by([position])
        .since(since, horizon)
}

fn of_key(info: &Info, requirement: &Requirement, key: &str, message: String) -> Finding {
    Finding {
        next: Some(Next::command(["state", &requirement.each, key])),
        ..info.finding(SubjectKind::Key, &requirement.name, key, message)
    }
}
