//! What sagas do to states that others see.

use std::sync::Arc;

use crate::definition::saga::Saga;
use crate::event::Timestamp;
use crate::finding::{Finding, Next, Severity, SubjectKind};
use crate::isolation::{DirtyTouch, Residue};
use crate::rules::Info;

/// `isolation/dirty-touch`
pub const DIRTY_TOUCH: Info = Info {
    name: "isolation/dirty-touch",
    severity: Severity::Warning,
    summary: "a saga wrote over an effect of another one that was not certain yet; an error once that was undone",
    explanation: "\
Finds a key of a projection on which a step had an effect, and to which another instance wrote before \
the first one had passed its pivot, completed, or undone the effect; to say that it is complete while a \
step is missing is not to be. Every event that has a place in its saga is a write of the other: its \
start, a step, a compensation, a refusal, its end. Only writes that do not commute count: two additions \
may come in any order, but of two `set`s the last one wins.

Sagas have no isolation. Whoever builds on an effect that is undone later has built on nothing, and \
the compensation may put back a value that is not the last one any more. Once the first saga did \
compensate, that is no risk but a fact, and the finding is an error, whatever it did once more after \
that. If it completed without, nothing happened, and nothing is reported.

Look at both sagas, and at the key with `sagactl diff`. To prevent it, make the writes commute, or let \
the first step mark the key as taken, so that other sagas wait or refuse (a semantic lock).

Example: order-7 set the driver of van-2 to Ann; order-9 set it to Bob; then order-7 was compensated \
and set it back to nobody.",
};

/// `compensation/residue`
pub const RESIDUE: Info = Info {
    name: "compensation/residue",
    severity: Severity::Warning,
    summary: "a compensation left behind something of what its step did",
    explanation: "\
Finds a compensated step after which a key of a projection is not what it would be without the step \
and its compensation: what the two add up to is not nothing, an appended item is still there, or a \
field that the step set was never written by the compensation. Every key counts that the step or the \
compensation touched, and every event of the two: pieces may be given back one by one, and what is \
given to another key than it was taken from is left behind on both.

To which value a compensation sets a field that its step has set is its author's affair: `cancelled` \
need not be what was there before. But a compensation that sets a field to which its step has added, \
or which its step did not write, or which another has set anew meanwhile, has to set it to what it \
would be without both. What every event does to a key (`\"*\"`) counts for nothing, and a residue that \
something else sets anew later is gone. A field over which another saga wrote is left out where \
isolation/dirty-touch names it.

The saga believes itself undone, and a bit of it stays in force: two pieces were reserved and one was \
released.

See what both events say with `sagactl show`, mend the state by hand, then the compensation.

Example: StockReserved took 2 from `available` of A-17; StockReleased gave 1 back.",
};

/// How many keys one message names.
const NAMED: usize = 3;

/// The finding of what one compensation left behind, on one key or on several.
pub fn residue(
    saga: &Saga,
    id: &str,
    residues: &[(&Residue, String)],
    horizon: Timestamp,
) -> Option<Finding> {
    let (first, _) = residues.first()?;
    let parts = residues
        .iter()
        .map(|(residue, key)| format!("{key}: {}", residue.left.join(", ")));
    let mut evidence = Vec::new();
    residues
        .iter()
        .for_each(|(residue, _)| evidence.extend_from_slice(&residue.evidence));
    let message = format!(
        "its compensation left behind on {}",
        listed(parts.collect())
    );
    let finding = of_step(&RESIDUE, saga, first.step, id, message);
    Some(finding.shown_by(evidence).since(first.since, horizon))
}

/// The finding of writes of others to keys on which one step had an uncommitted effect. The keys
/// come with the instances that wrote to them.
pub fn dirty_touch(
    saga: &Saga,
    id: &str,
    touches: &[(&DirtyTouch, String, &str)],
    horizon: Timestamp,
) -> Option<Finding> {
    let (first, ..) = touches.first()?;
    let is_definite = touches.iter().any(|(touch, ..)| touch.is_definite);
    let parts = touches
        .iter()
        .map(|(touch, key, other)| format!("{other} wrote `{}` of {key}", touch.field));
    let mut evidence = Vec::new();
    touches
        .iter()
        .for_each(|(touch, ..)| evidence.extend_from_slice(&touch.evidence));
    let then = if is_definite {
        "before this effect was undone"
    } else {
        "while this effect is not certain"
    };
    let message = format!("{} {then}", listed(parts.collect()));
    let finding = of_step(&DIRTY_TOUCH, saga, first.step, id, message);
    Some(Finding {
        severity: if is_definite {
            Severity::Error
        } else {
            DIRTY_TOUCH.severity
        },
        ..finding.shown_by(evidence).since(first.since, horizon)
    })
}

fn of_step(info: &Info, saga: &Saga, step: usize, id: &str, message: String) -> Finding {
    Finding {
        step: saga.steps.get(step).map(|step| Arc::clone(&step.name)),
        next: Some(Next::command(["show", id])),
        ..info.finding(SubjectKind::Instance, &saga.name, id, message)
    }
}

/// The first of some parts, and how many more there are.
fn listed(parts: Vec<String>) -> String {
    let more = parts.len().saturating_sub(NAMED);
    let shown = parts[..parts.len() - more].join("; ");
    match more {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}
