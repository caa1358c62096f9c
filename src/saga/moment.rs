//! An event reduced to what it means for one saga instance.

use crate::event::{Position, Timestamp};

/// What happened to an action, forward or undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepEvent {
    /// An attempt started.
    Begin,
    /// It took effect.
    Success,
    /// The attempt failed.
    Failure,
    /// It failed for good. Compensations have no such event.
    Rejection,
}

/// What an event means in its saga; steps are indices into the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// The instance starts.
    Start,
    /// Something about a step.
    Step(u8, StepEvent),
    /// Something about a step's compensation.
    Undo(u8, StepEvent),
    /// The saga says: all done.
    Completes,
    /// The decision to go back.
    Aborts,
    /// The saga says: all undone.
    Compensated,
    /// The saga says: given up.
    Abandons,
    /// Of the saga's namespace, without a place in it.
    Stray,
}

impl Meaning {
    /// The step it is about, forward or undo.
    pub fn step(self) -> Option<usize> {
        match self {
            Meaning::Step(step, _) | Meaning::Undo(step, _) => Some(usize::from(step)),
            _ => None,
        }
    }

    /// The words for a timeline.
    pub const fn label(self) -> &'static str {
        match self {
            Meaning::Start => "starts",
            Meaning::Step(_, StepEvent::Begin) => "begins",
            Meaning::Step(_, StepEvent::Success) => "succeeds",
            Meaning::Step(_, StepEvent::Failure) => "fails",
            Meaning::Step(_, StepEvent::Rejection) => "is rejected",
            Meaning::Undo(_, StepEvent::Begin) => "undo begins",
            Meaning::Undo(_, StepEvent::Success) => "undone",
            Meaning::Undo(_, _) => "undo fails",
            Meaning::Completes => "completes",
            Meaning::Aborts => "aborts",
            Meaning::Compensated => "compensated",
            Meaning::Abandons => "abandons",
            Meaning::Stray => "no place here",
        }
    }
}

/// One event of an instance, in 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Where it stands.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// A 64-bit hash of the idempotency key; 0 where there is none.
    pub key: u64,
    /// An interned name: of the error for a failure, of the event type for a stray event.
    pub detail: u32,
    /// What it means.
    pub meaning: Meaning,
}
