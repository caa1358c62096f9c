//! What came of each action of a plan.

use serde::Serialize;

use crate::recovery::document::{ActionV1, InstanceV1, Way};
use crate::recovery::journal::Done;

/// One action of a plan, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The log's name.
    pub log: String,
    /// The saga.
    pub saga: String,
    /// The instance.
    pub id: String,
    /// The step.
    pub step: String,
    /// Which way.
    pub direction: Way,
    /// The idempotency key.
    pub key: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What was answered, or why it was not sent.
    pub detail: String,
}

/// What came of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is done.
    Done,
    /// It is done, but its event could not be appended to the log; resuming tries that again.
    Unrecorded,
    /// It failed.
    Failed,
    /// Its instance has moved since the plan.
    Moved,
    /// It was not sent, since another drives its instance.
    Held,
    /// It was not sent, since nothing calls for it any more.
    Skipped,
    /// It may have been done; a person has to find out.
    Unknown,
    /// Its turn did not come.
    NotReached,
}

impl Outcome {
    /// Every outcome, in the order of summaries.
    pub const ALL: [Outcome; 8] = [
        Outcome::Done,
        Outcome::Unrecorded,
        Outcome::Failed,
        Outcome::Moved,
        Outcome::Held,
        Outcome::Skipped,
        Outcome::Unknown,
        Outcome::NotReached,
    ];

    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Unrecorded => "unrecorded",
            Outcome::Failed => "failed",
            Outcome::Moved => "moved",
            Outcome::Held => "held",
            Outcome::Skipped => "skipped",
            Outcome::Unknown => "unknown",
            Outcome::NotReached => "not reached",
        }
    }
}

impl From<Done> for Outcome {
    fn from(done: Done) -> Outcome {
        match done {
            Done::Done => Outcome::Done,
            Done::Failed => Outcome::Failed,
            Done::Unknown => Outcome::Unknown,
        }
    }
}

impl Item {
    pub(super) fn new(
        instance: &InstanceV1,
        action: &ActionV1,
        outcome: Outcome,
        detail: impl Into<String>,
    ) -> Item {
        Item {
            log: instance.log.clone(),
            saga: instance.saga.clone(),
            id: instance.id.clone(),
            step: action.step.clone(),
            direction: action.direction,
            key: action.key.clone(),
            outcome,
            detail: detail.into(),
        }
    }
}
