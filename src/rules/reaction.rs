//! What should have followed from something, and what followed from nothing.

use crate::definition::reaction::{Count, Reaction};
use crate::event::{Span, Timestamp};
use crate::finding::{Finding, Next, Severity, SubjectKind};
use crate::reaction::{Fault, Wrong};
use crate::rules::Info;

/// `reaction/missing`
pub const MISSING: Info = Info {
    name: "reaction/missing",
    severity: Severity::Error,
    summary: "what has to follow from an event did not, and its time is over",
    explanation: "\
Finds triggers of a `reaction` that nothing, or too little, answered `within` its time, up to the \
horizon. A trigger whose time is not over yet is pending and no fault. An effect that arrived in the \
log before its trigger counts, as long as it did not happen before it, or names it as its cause. A trigger that does \
not tell its match value is counted as unknown (with `match: causation` each, where the log's mapping \
names no `id` or no `causation`), and so are those with the match value of an effect that \
cannot be read, and those that an effect may answer of which a condition cannot tell whether it counts: \
what would be missing even if it did is reported. A row that cannot be read and does not tell its match value may account for what is wrong with one: \
with more than there are such rows, all are reported and say so. Where clocks run backwards in a log ordered by \
position, a match value with very many events may take too long to judge; then it is unknown, and the report says so.

Between aggregates nobody guarantees that a reaction happens: the handler failed, its message was \
lost, or nobody had subscribed.

Look for the trigger\'s message in the handler\'s dead letters, mend the handler, and deliver the \
message again.

Example: `when: PaymentCaptured`, `then: ShipmentRequested`, `within: 5m`; order-7 was paid at 10:00 \
and nothing was requested by 10:05.",
};

/// `reaction/late`
pub const LATE: Info = Info {
    name: "reaction/late",
    severity: Severity::Warning,
    summary: "what has to follow from an event did, but after its time",
    explanation: "\
Finds triggers of a `reaction` of whose effects one or more came more than `within` after them.

Nothing is lost, but whoever relied on the time was let down, and a handler that falls behind will be \
late again.

Look at the lag of the handler. If the time is too short for a healthy system, allow more.

Example: `within: 5m`; order-7 was paid at 10:00 and its shipment requested at 10:20.",
};

/// `reaction/double`
pub const DOUBLE: Info = Info {
    name: "reaction/double",
    severity: Severity::Error,
    summary: "more followed from an event than it calls for",
    explanation: "\
Finds effects of a `reaction` with `count: once`, or so many `per` something, beyond those that the \
triggers with the same match value call for. An event with the id of an earlier one is the same event, \
delivered twice. Where a condition cannot tell whether a trigger counts, or the beginning of the log was \
cut off, and with it perhaps what called for them, nothing is reported, and the effects are counted as \
unknown.

The handler is not idempotent: it took one message for two.

See what was done twice and take one back; then let the handler remember what it has handled.

Example: `count: once`; order-7 was paid once, and two shipments were requested.",
};

/// `reaction/orphan`
pub const ORPHAN: Info = Info {
    name: "reaction/orphan",
    severity: Severity::Warning,
    summary: "a reaction to nothing",
    explanation: "\
Finds effects of a `reaction` with no trigger of the same match value before them, in the log's order, \
nor one that arrived after them and happened before.

Somebody did by hand what the handler does, the trigger was lost, or the two no longer name the same \
thing.

In a log whose beginning was cut off the trigger may be hidden, and so it may where a row that cannot \
be judged may be that trigger: then nothing is reported, and the effects are counted as unknown.

Example: `when: PaymentCaptured`, `then: ShipmentRequested`; a shipment was requested for order-9, \
which was never paid.",
};

/// All rules about reactions.
pub const ALL: [&Info; 4] = [&MISSING, &LATE, &DOUBLE, &ORPHAN];

/// The finding of a trigger or an effect with something wrong about it; `is_instance` is whether its
/// match value is the id of a saga instance, which can be shown.
pub fn finding(
    reaction: &Reaction,
    fault: &Fault,
    is_instance: bool,
    horizon: Timestamp,
) -> Finding {
    let list = |patterns: &[crate::definition::saga::EventPattern]| {
        let kinds: Vec<&str> = patterns.iter().map(|pattern| &*pattern.kind).collect();
        kinds.join(" or ")
    };
    let (trigger, effect) = (list(&reaction.triggers), list(&reaction.effects));
    let (value, within) = (&fault.value, reaction.within);
    let took = |by: Span| within.and(by).beyond(within);
    let (info, message) = match fault.wrong {
        Wrong::Missing { missing: 1, of: 1 } => (
            &MISSING,
            format!("no {effect} for `{value}` within {within}"),
        ),
        Wrong::Missing { missing, of } => (
            &MISSING,
            format!("{missing} of {of} {effect} for `{value}` are missing after {within}"),
        ),
        Wrong::Late { of: 1, by, .. } => (
            &LATE,
            format!(
                "{effect} for `{value}` came after {}; {within} is allowed",
                took(by)
            ),
        ),
        Wrong::Late { late, of, by } => (
            &LATE,
            format!(
                "{late} of {of} {effect} for `{value}` came late, up to {} after it; {within} is allowed",
                took(by)
            ),
        ),
        Wrong::Double => (
            &DOUBLE,
            format!("one {effect} more for `{value}` than {trigger} calls for"),
        ),
        Wrong::Orphan => (&ORPHAN, format!("no {trigger} for `{value}` before it")),
    };
    // Another one that is late is another fault.
    let facet = match fault.wrong {
        Wrong::Late { late, of: 2.., .. } => Some(late.to_string()),
        _ => None,
    };
    Finding {
        facet,
        key: Some(value.clone()),
        next: is_instance.then(|| Next::command(["show", value.as_str()])),
        ..info
            .finding(
                SubjectKind::Event,
                &reaction.name,
                fault.at.to_string(),
                message,
            )
            .shown_by(fault.evidence.iter().copied())
            .since(fault.since, horizon)
    }
}

/// Whether a reaction can have an effect too many.
pub fn counts(reaction: &Reaction) -> bool {
    !matches!(reaction.count, Count::AtLeastOnce)
}
