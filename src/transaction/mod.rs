//! Two-phase transactions: participants that voted and wait, decisions, and what came of them.
//!
//! A participant that has voted yes holds its locks until it learns the decision, and can decide
//! nothing by itself. That is the price of the protocol, and what this watches.
//!
//! A transaction that never decided and of which nobody prepared is nothing: abort is presumed.
//! Events that say again what is known change nothing.
//!
//! A vote, a decision or an end that is missing may stand in a row that cannot be judged; where one may
//! be that, what rests on it is unknown.

mod ledger;
mod note;
mod state;

#[cfg(test)]
mod tests;

pub use ledger::{Conclusion, Fault, Ledger, What};
pub use note::{Note, Reader, Route};
pub use state::{Happening, Participant, step};
