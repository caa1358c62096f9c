//! Invariants over folded states: what one aggregate says has to agree with what others say.
//!
//! A *subject* is a key of the projection that an invariant is for. It is held against the invariant
//! after each event that changed a field that the invariant looks at, of the subject or of a key that
//! it looks up. With a `grace` that counts only if none of these fields changes for that long: at the
//! horizon, and in the past wherever the next change came later than that; times may run backwards,
//! and the youngest change counts of all keys that it looks at by then, whoever looked at them when it
//! came. One of a key that it looks at no more does not, nor does one beyond the horizon.
//! The first time that it did not hold is what is reported.
//!
//! A key that does not exist, or a field that nothing was done to, is missing. Where the invariant
//! cannot be told without it, the subject is *unknown*: not right, and not wrong.
//!
//! Where the log's beginning was cut off, so is that of a key whose first event is not the first of its
//! stream. A subject is unknown, too, where a row that cannot be judged is an event of something that
//! it looks at; rows of which not even the key can be told are counted by whoever reports. What was
//! wrong before such a row stays so. What it looked at before and looks at no more counts until then: a
//! row of it makes unknown what was not wrong for too long before the row. That is counted, and told
//! where it looked wrong: what did not need not have depended on that key.
//!
//! A key that more than [`MOST`] subjects look at is not followed event by event, which would cost
//! the product of the two. Those subjects are held against it whenever something else that they look at
//! changes, and at the horizon. What was between two changes of the key in a row nobody saw: where that
//! may have been wrong for too long, the subject is unknown unless something is known to be wrong.

mod book;
mod found;
mod lack;
mod ledger;
mod look;
mod sharing;
mod subject;
mod watched;

pub use found::{Breach, Count, Untold};
pub use ledger::Ledger;
pub use watched::MOST;
