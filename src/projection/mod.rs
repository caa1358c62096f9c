//! Projections: events folded into a state per key, and the stored rows compared with it.
//!
//! Readers reduce rows to [`Note`]s, the [`Ledger`] folds them in position order and keeps nothing
//! but the final state of each key. The stored rows are then held against it; those that differ are
//! suspects, whose events a second pass gathers.

mod audit;
mod clues;
mod compare;
mod edit;
mod explanation;
mod fold;
mod held;
mod history;
mod ledger;
mod manner;
mod note;
mod number;
mod reader;
mod refusal;
mod repair;
mod search;
mod spelling;
mod state;
mod stored;
mod sums;
mod suspects;
mod trial;
mod value;
mod verdict;

#[cfg(test)]
mod tests;

pub use audit::{Audit, Conclusion, Unseen, Untold};
pub use clues::{Clues, DeadLetters, Repeats};
pub use compare::{Difference, Likeness, Raw, Row, compare, differences};
pub use explanation::{Candidate, Class, Explanation, Support};
pub use fold::{Fold, Input, Touch};
pub use held::Whole;
pub use history::{History, Match};
pub use ledger::{Applied, Entry, Keyless, Ledger};
pub use note::{Event, Given, Note};
pub use number::{Number, exact_sum};
pub use reader::{Reader, Route};
pub use refusal::Refusal;
pub use repair::{Change, Repair, Repairs};
pub use state::{Cell, State};
pub use stored::{Mark, ReadModels};
pub use suspects::{Suspects, Versions};
pub use value::Value;
pub use verdict::{Standing, Verdict, judge};
