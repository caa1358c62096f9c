//! What is wrong with a transaction, and what its participants did.

use crate::absent::Parts;
use crate::event::{Position, Timestamp};
use crate::transaction::state::Participant;

/// What is wrong with a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Participants prepared, and nothing is decided.
    InDoubt,
    /// Participants ended differently, or against the decision.
    Mixed,
    /// Decided to commit and to abort.
    Torn,
    /// Commit was decided without everybody's yes.
    WithoutVotes,
    /// Decided, and participants never got to know.
    Undelivered,
}

impl What {
    /// What mends it for all participants, and what for one of them. That abort was decided as well
    /// does not: commit was decided all the same.
    pub(super) const fn mended_by(self) -> (Parts, Parts) {
        const LETS_GO: Parts = Parts::NO.or(Parts::COMMITTED).or(Parts::ABORTED);
        match self {
            What::InDoubt => (Parts::COMMIT.or(Parts::ABORT), LETS_GO),
            What::Undelivered => (Parts::NONE, LETS_GO),
            What::WithoutVotes => (Parts::NONE, Parts::YES),
            What::Mixed | What::Torn => (Parts::NONE, Parts::NONE),
        }
    }
}

/// What a participant did of what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Did {
    /// It voted yes and waits.
    Waits,
    /// It had voted no.
    Refused,
    /// It never voted.
    Nothing,
    /// It voted, and too late.
    VotedLate,
    /// It committed.
    Commit,
    /// It aborted.
    Abort,
    /// It committed and aborted.
    Both,
}

/// A transaction with something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The transaction's id.
    pub id: String,
    /// What is wrong.
    pub what: What,
    /// The participants that it is about, in the order of their names, and what each did.
    pub participants: Vec<(String, Did)>,
    /// With how many of them it is wrong at least: whose some events are cannot be told.
    pub at_least: usize,
    /// How many more committed and aborted, whose names are not known any more.
    pub nameless: [usize; 2],
    /// What was decided, where participants ended against it.
    pub decided: Option<Participant>,
    /// Another participant that has ended already, and how: whoever waits has to follow it.
    pub ended: Option<(String, Participant)>,
    /// The events that show it, in order.
    pub evidence: Vec<Position>,
    /// Since when.
    pub since: Timestamp,
    /// No further event can make it right.
    pub is_certain: bool,
    /// What is wrong if this is not.
    pub instead: Option<Box<Fault>>,
}
