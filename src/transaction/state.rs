//! The state machine of one participant.

/// What happens to a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// It joins.
    Joins,
    /// It votes yes.
    Prepares,
    /// It votes no.
    Refuses,
    /// It has committed.
    Commits,
    /// It has aborted.
    Aborts,
}

/// Where a participant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Participant {
    /// It takes part and has not voted.
    #[default]
    Joined,
    /// It has voted yes and holds its locks.
    Prepared,
    /// It has voted no.
    Refused,
    /// It has committed.
    Committed,
    /// It has aborted.
    Aborted,
    /// It has committed and aborted.
    Torn,
}

impl Participant {
    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Participant::Joined => "joined",
            Participant::Prepared => "prepared",
            Participant::Refused => "refused",
            Participant::Committed => "committed",
            Participant::Aborted => "aborted",
            Participant::Torn => "torn",
        }
    }
}

/// Where an event leads; a vote that contradicts the first, or comes after the end, changes nothing.
pub const fn step(state: Participant, event: Happening) -> Participant {
    use Happening::{Aborts, Commits, Joins, Prepares, Refuses};
    use Participant::{Aborted, Committed, Joined, Prepared, Refused, Torn};
    match (state, event) {
        (state, Joins) => state,
        (Joined, Prepares) => Prepared,
        (Joined, Refuses) => Refused,
        (Joined | Prepared | Refused, Commits) => Committed,
        (Joined | Prepared | Refused, Aborts) => Aborted,
        (Committed, Aborts) | (Aborted, Commits) => Torn,
        (Committed, Commits) => Committed,
        (Aborted, Aborts) => Aborted,
        (state @ (Prepared | Refused | Committed | Aborted), Prepares | Refuses) => state,
        (Torn, _) => Torn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_meets_every_event() {
        use Happening::{Aborts, Commits, Joins, Prepares, Refuses};
        use Participant::{Aborted, Committed, Joined, Prepared, Refused, Torn};
        let events = [Joins, Prepares, Refuses, Commits, Aborts];
        for (state, expected) in [
            (Joined, [Joined, Prepared, Refused, Committed, Aborted]),
            (Prepared, [Prepared, Prepared, Prepared, Committed, Aborted]),
            (Refused, [Refused, Refused, Refused, Committed, Aborted]),
            (
                Committed,
                [Committed, Committed, Committed, Committed, Torn],
            ),
            (Aborted, [Aborted, Aborted, Aborted, Torn, Aborted]),
            (Torn, [Torn; 5]),
        ] {
            assert_eq!(
                events.map(|event| step(state, event)),
                expected,
                "{}",
                state.label()
            );
        }
    }
}
