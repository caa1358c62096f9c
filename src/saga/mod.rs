//! One saga instance: the state of its steps, what was illegal, what is in force. Pure.
//!
//! [`Instance::replay`] runs an instance's [`Moment`]s through its [`Saga`](crate::definition::saga::Saga)
//! and keeps what the rules need to know. It judges nothing: an illegal move is kept as an
//! [`Anomaly`] and the replay goes on. What the words mean is written in [`crate::rules`].

mod abort;
mod instance;
mod moment;
mod names;
mod recovery;
mod standing;
mod state;

pub use abort::{Abort, Cause};
pub use instance::{Anomaly, At, Instance, Irregularity, StepRecord, Trace};
pub use moment::{Meaning, Moment, StepEvent};
pub use names::Names;
pub use recovery::{Course, course, towards};
pub use state::{Attempts, Exhaustion, Forward, Move, Undo, forward, undo};

/// Where an instance stands, derived from the log and never from a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Going forward.
    Running,
    /// Over: every required step took effect.
    Completed,
    /// Going back.
    Compensating,
    /// Over: nothing is in force.
    Compensated,
    /// Given up, a person must act.
    Abandoned,
    /// Both completed and compensated.
    Contradictory,
}

impl Outcome {
    /// All outcomes, in the order of reports.
    pub const ALL: [Outcome; 6] = [
        Outcome::Running,
        Outcome::Completed,
        Outcome::Compensating,
        Outcome::Compensated,
        Outcome::Abandoned,
        Outcome::Contradictory,
    ];

    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Outcome::Running => "running",
            Outcome::Completed => "completed",
            Outcome::Compensating => "compensating",
            Outcome::Compensated => "compensated",
            Outcome::Abandoned => "abandoned",
            Outcome::Contradictory => "contradictory",
        }
    }

    /// Whether nothing more is expected to happen.
    pub const fn is_over(self) -> bool {
        matches!(self, Outcome::Completed | Outcome::Compensated)
    }
}
