//! A slow reference evaluator for the saga rules: what `sagactl::rules` says in prose, stated over
//! the whole list of events and recomputed from scratch for every question.
//!
//! It shares with the product the types of a definition, the outcome and the severities, and none
//! of its judgement. Speed, memory and messages are deliberately no concern here.

mod history;
mod mutations;
mod properties;
mod rules_back;
mod rules_forward;
mod rules_whole;
mod runs;
mod sagas;
mod scenarios;
mod settle;
mod standing;
pub(crate) mod strategies;

use std::collections::BTreeSet;

use sagactl::definition::saga::Saga;
use sagactl::finding::Severity;
use sagactl::saga::Outcome;

use standing::Standing;

/// One event as the oracle sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OracleEvent {
    /// Names the event in evidence; the list's order is what orders.
    pub(crate) position: i64,
    /// In nanoseconds.
    pub(crate) time: i64,
    /// The event type.
    pub(crate) kind: String,
    /// What the type means in the saga.
    pub(crate) meaning: Meaning,
    /// The idempotency key.
    pub(crate) key: Option<String>,
    /// The error that a failure names.
    pub(crate) error: Option<String>,
}

/// What an event means in its saga; steps by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Start,
    Begin(usize),
    Success(usize),
    Failure(usize),
    Rejection(usize),
    UndoBegin(usize),
    UndoSuccess(usize),
    UndoFailure(usize),
    Completes,
    Aborts,
    Compensated,
    Abandons,
    /// In the namespace, without a place in the saga.
    Unknown,
}

impl Meaning {
    /// The step whose compensation this is an event of.
    pub(crate) fn compensates(self) -> Option<usize> {
        match self {
            Meaning::UndoBegin(step) | Meaning::UndoSuccess(step) | Meaning::UndoFailure(step) => {
                Some(step)
            }
            _ => None,
        }
    }

    /// The step that began or succeeded.
    pub(crate) fn advances(self) -> Option<usize> {
        match self {
            Meaning::Begin(step) | Meaning::Success(step) => Some(step),
            _ => None,
        }
    }

    /// Whether the saga says with it that it is over.
    pub(crate) fn is_terminal(self) -> bool {
        matches!(
            self,
            Meaning::Completes | Meaning::Compensated | Meaning::Abandons
        )
    }
}

/// What a status column claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    Completed,
    Compensated,
    Running,
}

/// All that is said of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) findings: BTreeSet<OracleFinding>,
}

/// A finding without its words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OracleFinding {
    pub(crate) rule: &'static str,
    pub(crate) severity: Severity,
    pub(crate) step: Option<usize>,
    /// Positions, ascending, each once.
    pub(crate) evidence: Vec<i64>,
}

/// Judges the events of one instance as of `horizon`, in nanoseconds. `cut` says that the log's
/// beginning was removed.
pub(crate) fn judge(
    saga: &Saga,
    cut: bool,
    events: &[OracleEvent],
    claim: Option<Claim>,
    horizon: i64,
) -> Verdict {
    if events.is_empty() {
        return Verdict {
            outcome: Outcome::Running,
            findings: BTreeSet::new(),
        };
    }
    let standing = Standing::new(saga, cut, events, claim, horizon);
    Verdict {
        outcome: standing.outcome(),
        findings: settle::findings(&standing),
    }
}
