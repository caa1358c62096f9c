//! Totals across aggregates: what one of them gave has to be what others got.
//!
//! Amounts are added up per group of events, exactly, as decimals. An event whose amount cannot be
//! told makes its group *unknown*, and so does a row that cannot be judged and is of the group: what is
//! not known to be right is not called right. Rows that may be of any group are counted: so many groups
//! at most may be other than they look.
//!
//! With a `grace`, a total has to be right whenever its group has been quiet for that long: at the
//! horizon, and in the past wherever the next event of the group came later than that. A group is
//! quiet from its youngest event on, which need not be its last: times may run backwards. Without
//! one it has to be right after each event. The first time that it was not is what is reported, with
//! what it is now.
//!
//! In a log that is ordered by time the events of a group are put into that order first. Where some of
//! them are concurrent, what depends on their order is unknown.
//!
//! Deliberately absent: dropping groups that are balanced. Each costs some tens of bytes, and what
//! was looked at is counted.

mod ledger;
mod note;

pub use ledger::{Breach, Count, Ledger};
pub use note::{Note, Reader, Route};
