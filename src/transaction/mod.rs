//! Two-phase transactions: participants that voted and wait, decisions, and what came of them.
//!
//! A participant that has voted yes holds its locks until it learns the decision, and can decide
//! nothing by itself. That is the price of the protocol, and what this watches.
//!
//! A transaction that never decided and of which nobody prepared is nothing: abort is presumed.
//! Events that say again what is known change nothing.
//!
//! A transaction of which a row cannot be judged is unknown, unless what is wrong with it stays wrong
//! whatever that row says. A row that does not tell its transaction may be the vote, the decision or the end that any one of them lacks. Where time
//! orders, what is wrong in some of the orders that it leaves open is unknown too.

mod entry;
mod fault;
mod judge;
mod ledger;
mod maybe;
mod note;
mod order;
mod state;

#[cfg(test)]
mod tests;

pub use fault::{Did, Fault, What};
pub use ledger::{Conclusion, Ledger, Strays, View};
pub use note::{Note, Reader, Route, named_types};
pub use state::{Happening, Participant, step};
