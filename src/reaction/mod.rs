//! Reactions: what one aggregate does has to bring something about in another, within a time.
//!
//! Triggers and effects belong together if they have one match value. Each trigger owes a number of
//! effects. Who answers whom is judged at the horizon, with all events at hand: as few triggers as
//! can be are left unanswered, and of those that are answered as few as can be are answered late. An
//! effect may answer what is before it, in the log's order, and a trigger that arrives after it, as
//! causes may, if that happened no later than it by its clock. Where one effect may answer several
//! triggers (`at-least-once`), it answers all that it can; and where it names its cause, it answers
//! that, whatever their clocks say.
//!
//! An effect that answers nothing is a *double* where its match value has a trigger that it might have
//! answered, and an *orphan* where it has none. One event delivered twice, known by its id, is one
//! event.
//!
//! Obligations are judged at the horizon: those not yet due are pending and no fault.
//!
//! Where it cannot be told whether an event is a trigger, or for how much it calls, the effects of its
//! match value may be called for by it, and which is late is *unknown*; where it cannot be told whether
//! one is an effect, so is what it may answer. What is wrong all the same is told: what would be missing
//! if all of these effects counted, too.
//!
//! What is kept of a log that is ordered by time is bounded by the match values, by what is open or
//! wrong, and by the ids of the events of match values with many; a match value is open as long as it
//! has an effect of which it cannot be told whether it counts. An answer in time of such a match
//! value is final once nothing that arrives as late as the log allows can be old enough to change it.
//! Where the position is the order, an event may have any time, so that no answer is ever final: all
//! events are kept, 32 bytes each.

mod assignment;
mod disorder;
mod entry;
mod event;
mod judged;
mod ledger;
mod note;
mod settled;
mod terms;

#[cfg(test)]
mod tests;

pub use ledger::{Conclusion, Fault, Ledger, Unseen, Wrong};
pub use note::{Note, Reader, Route};
