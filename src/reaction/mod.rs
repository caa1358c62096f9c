//! Reactions: what one aggregate does has to bring something about in another, within a time.
//!
//! Triggers and effects belong together if they have one match value. Each trigger owes a number of
//! effects. Who answers whom is judged at the horizon, with all events at hand: as few triggers as
//! can be are left unanswered, and of those that are answered as few as can be are answered late. An
//! effect may answer what stands before it, and a trigger that arrives after it, as causes may, if
//! that happened no later than the time that the reaction may take. Where one effect may answer
//! several triggers (`at-least-once`), it answers all that it can.
//!
//! An effect that answers nothing is a *double* where its match value has a trigger before it, and
//! an *orphan* where it has none. One event delivered twice, known by its id, is one event.
//!
//! Obligations are judged at the horizon: those not yet due are pending and no fault.
//!
//! Where a condition or a count cannot be told, everything of its match value is *unknown*.
//!
//! What is kept is bounded by the match values, by what is open or wrong, and by the ids of the
//! events of match values with many: 8 bytes each, a fraction of what the log's own register of ids
//! keeps of every event. An answer in time of such a match value is final once the triggers and
//! effects that arrive are twice the reaction's time younger.

mod assignment;
mod entry;
mod ledger;
mod note;

#[cfg(test)]
mod tests;

pub use ledger::{Conclusion, Fault, Ledger, Unseen, Wrong};
pub use note::{Note, Reader, Route};
