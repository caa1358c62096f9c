//! Totals across aggregates: what one of them gave has to be what others got.
//!
//! Amounts are added up per group of events, exactly, as decimals. An event whose amount cannot be
//! told makes its group *unknown*, and so does a row that cannot be judged and is of the group: what is
//! not known to be right is not called right. Rows that may be of any group are counted: so many groups
//! at most may be other than they look.
//!
//! A total over states adds up the keys of a projection: whatever an event changes of a key's amount or
//! group is taken from the group in which the key was and added to that in which it is. All changes
//! with one position count at once. Such an amount may be unknown for a while, an event's is for good.
//! Which groups a row concerns that cannot be judged depends on the state, and is told as far as it is
//! certain: a key known by the row hides its group, and each other one that the key may have been in
//! is counted.
//!
//! With a `grace`, a total has to be right whenever its group has been quiet for that long: at the
//! horizon, and in the past wherever the next event of the group came later than that. A group is
//! quiet from its youngest event on, which need not be its last: times may run backwards. Without
//! one it has to be right after each event. The first time that it was not is what is reported, with
//! what it is now.
//!
//! In a log that is ordered by time the events of a group are put into that order first. Where some of
//! them are concurrent, what depends on their order is unknown. States are folded as events arrive, so
//! that of these only what stands at the end is certain.
//!
//! Deliberately absent: dropping groups that are balanced. Each costs some tens of bytes, and what
//! was looked at is counted.

mod amount;
mod group;
mod ledger;
mod note;
mod sight;
mod states;

pub use ledger::{Breach, Count, Ledger};
pub use note::{Note, Reader, Route};
pub use states::{States, Unseen};
