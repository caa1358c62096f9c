//! Reactions: what one aggregate does has to bring something about in another, within a time.
//!
//! Triggers and effects belong together if they have one match value. Each trigger owes a number of
//! effects. An effect answers the trigger before it that has waited longest among those that it
//! answers in time, or else among all. One that finds nothing to answer is spare: a trigger that
//! arrives after it, as causes may, takes it if the two lie no further apart than the time that the
//! reaction may take. So as few triggers as can be are called unanswered. Where one effect may answer several triggers (`at-least-once`), it answers all
//! that wait.
//!
//! An effect that stays spare is a *double* where its match value has a trigger before it, and an
//! *orphan* where it has none. One event delivered twice in short succession, known by its id, is
//! one event.
//!
//! Obligations are judged at the horizon: those not yet due are pending and no fault.
//!
//! Where a condition or a count cannot be told, everything of its match value is *unknown*.
//!
//! What is kept is bounded by the match values and by what is open or wrong, not by the events.

mod ledger;
mod note;

#[cfg(test)]
mod tests;

pub use ledger::{Conclusion, Fault, Ledger, Wrong};
pub use note::{Note, Reader, Route};
