//! One saga instance: the state of its steps, what was illegal, what is in force. Pure.

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
}
