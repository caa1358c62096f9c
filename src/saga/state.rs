//! The two state machines of a step, each one `match` over state and event.

use crate::saga::moment::StepEvent;

/// Why no further attempt is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exhaustion {
    /// The attempts are used up.
    Failures,
    /// It was rejected.
    Rejection,
}

/// The forward state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Forward {
    /// Nothing of it was recorded.
    NotStarted,
    /// This attempt was begun, without an outcome yet.
    Running(u32),
    /// It took effect with this attempt.
    Succeeded(u32),
    /// This attempt failed, more may follow.
    Failed(u32),
    /// Failed for good with this attempt.
    Exhausted(u32, Exhaustion),
}

/// The undo state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Undo {
    /// Nothing of it was recorded.
    None,
    /// This attempt was begun, without an outcome yet.
    Undoing(u32),
    /// The effect is gone.
    Undone(u32),
    /// This attempt failed, more may follow.
    Failed(u32),
    /// This attempt failed and was the last.
    Exhausted(u32),
}

/// What the machines need to know of the definition and of the event.
#[derive(Debug, Clone, Copy)]
pub struct Attempts {
    /// How many there may be; `None` without a limit.
    pub limit: Option<u32>,
    /// Begins are recorded, so that a failure without one is a repeat.
    pub begins: bool,
    /// The event carries the key of the attempt that is running.
    pub repeated: bool,
}

/// What an event does to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move<S> {
    /// It leads to this state.
    To(S),
    /// It says again what is known.
    Repeat,
    /// The state does not allow it.
    Illegal,
}

impl Attempts {
    fn is_last(self, attempt: u32) -> bool {
        self.limit.is_some_and(|limit| attempt >= limit)
    }
}

/// The forward machine.
pub fn forward(state: Forward, event: StepEvent, attempts: Attempts) -> Move<Forward> {
    use Exhaustion::{Failures, Rejection};
    use Forward::{Exhausted, Failed, NotStarted, Running, Succeeded};
    use StepEvent::{Begin, Failure, Success};
    let failed = |attempt| {
        Move::To(if attempts.is_last(attempt) {
            Exhausted(attempt, Failures)
        } else {
            Failed(attempt)
        })
    };
    match (state, event) {
        (NotStarted, Begin) => Move::To(Running(1)),
        (Running(_), Begin) if attempts.repeated => Move::Repeat,
        (Running(n) | Failed(n) | Exhausted(n, _), Begin) => Move::To(Running(n + 1)),
        (Succeeded(_), Begin) => Move::Repeat,

        (NotStarted, Success) => Move::To(Succeeded(1)),
        (Running(n), Success) => Move::To(Succeeded(n)),
        (Failed(n) | Exhausted(n, _), Success) if attempts.begins => Move::To(Succeeded(n)),
        (Failed(n) | Exhausted(n, _), Success) => Move::To(Succeeded(n + 1)),

        (NotStarted, Failure) => failed(1),
        (Running(n), Failure) => failed(n),
        (Failed(_) | Exhausted(_, Failures), Failure) if attempts.begins => Move::Repeat,
        (Failed(n) | Exhausted(n, Failures), Failure) => failed(n + 1),
        (Exhausted(_, Rejection) | Succeeded(_), Failure) => Move::Repeat,

        (NotStarted, StepEvent::Rejection) => Move::To(Exhausted(1, Rejection)),
        (Running(n), StepEvent::Rejection) => Move::To(Exhausted(n, Rejection)),
        (Failed(n) | Exhausted(n, Failures), StepEvent::Rejection) => Move::To(Exhausted(
            if attempts.begins { n } else { n + 1 },
            Rejection,
        )),
        (Exhausted(_, Rejection) | Succeeded(_), StepEvent::Rejection) => Move::Repeat,

        (Succeeded(_), Success) => Move::Illegal,
    }
}

/// The undo machine. A second undo is illegal; what the step did in between decides whether the
/// caller asks from `Undone` or from `None`.
pub fn undo(state: Undo, event: StepEvent, attempts: Attempts) -> Move<Undo> {
    use StepEvent::{Begin, Failure, Rejection, Success};
    use Undo::{Exhausted, Failed, None, Undoing, Undone};
    let failed = |attempt| {
        Move::To(if attempts.is_last(attempt) {
            Exhausted(attempt)
        } else {
            Failed(attempt)
        })
    };
    match (state, event) {
        (None, Begin) => Move::To(Undoing(1)),
        (Undoing(_), Begin) if attempts.repeated => Move::Repeat,
        (Undoing(n) | Failed(n) | Exhausted(n), Begin) => Move::To(Undoing(n + 1)),
        (Undone(_), Begin | Failure | Rejection) => Move::Repeat,

        (None, Success) => Move::To(Undone(1)),
        (Undoing(n), Success) => Move::To(Undone(n)),
        (Failed(n) | Exhausted(n), Success) => {
            Move::To(Undone(if attempts.begins { n } else { n + 1 }))
        }

        (None, Failure | Rejection) => failed(1),
        (Undoing(n), Failure | Rejection) => failed(n),
        (Failed(_) | Exhausted(_), Failure | Rejection) if attempts.begins => Move::Repeat,
        (Failed(n) | Exhausted(n), Failure | Rejection) => failed(n + 1),

        (Undone(_), Success) => Move::Illegal,
    }
}

impl Forward {
    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Forward::NotStarted => "not started",
            Forward::Running(_) => "running",
            Forward::Succeeded(_) => "succeeded",
            Forward::Failed(_) => "failed",
            Forward::Exhausted(_, Exhaustion::Failures) => "exhausted",
            Forward::Exhausted(_, Exhaustion::Rejection) => "rejected",
        }
    }

    /// The number of the latest attempt; 0 before the first.
    pub const fn attempt(self) -> u32 {
        match self {
            Forward::NotStarted => 0,
            Forward::Running(n)
            | Forward::Succeeded(n)
            | Forward::Failed(n)
            | Forward::Exhausted(n, _) => n,
        }
    }
}

impl Undo {
    /// The one word for it, everywhere.
    pub const fn label(self) -> &'static str {
        match self {
            Undo::None => "none",
            Undo::Undoing(_) => "undoing",
            Undo::Undone(_) => "undone",
            Undo::Failed(_) => "undo failed",
            Undo::Exhausted(_) => "undo exhausted",
        }
    }

    /// The number of the latest attempt; 0 before the first.
    pub const fn attempt(self) -> u32 {
        match self {
            Undo::None => 0,
            Undo::Undoing(n) | Undo::Undone(n) | Undo::Failed(n) | Undo::Exhausted(n) => n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [StepEvent; 4] = [
        StepEvent::Begin,
        StepEvent::Success,
        StepEvent::Failure,
        StepEvent::Rejection,
    ];

    fn attempts(begins: bool, repeated: bool) -> Attempts {
        Attempts {
            limit: Some(3),
            begins,
            repeated,
        }
    }

    /// Where an event leads: a state, `=` for a repeat, `!` for an illegal move.
    fn word<S: Copy>(
        state: Move<S>,
        label: fn(S) -> &'static str,
        attempt: fn(S) -> u32,
    ) -> String {
        match state {
            Move::To(state) => format!("{} {}", label(state), attempt(state)),
            Move::Repeat => "=".to_owned(),
            Move::Illegal => "!".to_owned(),
        }
    }

    #[test]
    fn every_forward_state_meets_every_event() {
        use Exhaustion::{Failures, Rejection};
        use Forward::{Exhausted, Failed, NotStarted, Running, Succeeded};
        #[rustfmt::skip]
        let table = [
            //                        begin         success         failure          rejection
            (NotStarted,              ["running 1", "succeeded 1", "failed 1",      "rejected 1"]),
            (Running(1),              ["running 2", "succeeded 1", "failed 1",      "rejected 1"]),
            (Running(3),              ["running 4", "succeeded 3", "exhausted 3",   "rejected 3"]),
            (Succeeded(2),            ["=",         "!",           "=",             "="]),
            (Failed(2),               ["running 3", "succeeded 2", "=",             "rejected 2"]),
            (Exhausted(3, Failures),  ["running 4", "succeeded 3", "=",             "rejected 3"]),
            (Exhausted(3, Rejection), ["running 4", "succeeded 3", "=",             "="]),
        ];
        for (state, expected) in table {
            let found = EVENTS.map(|event| {
                let next = forward(state, event, attempts(true, false));
                word(next, Forward::label, Forward::attempt)
            });
            assert_eq!(found, expected, "{state:?}");
        }
        #[rustfmt::skip]
        let without_begins = [
            (Failed(2),               ["running 3", "succeeded 3", "exhausted 3",   "rejected 3"]),
            (Exhausted(3, Failures),  ["running 4", "succeeded 4", "exhausted 4",   "rejected 4"]),
            (Exhausted(3, Rejection), ["running 4", "succeeded 4", "=",             "="]),
        ];
        for (state, expected) in without_begins {
            let found = EVENTS.map(|event| {
                let next = forward(state, event, attempts(false, false));
                word(next, Forward::label, Forward::attempt)
            });
            assert_eq!(found, expected, "{state:?} without begins");
        }
        let again = forward(Running(1), StepEvent::Begin, attempts(true, true));
        assert_eq!(again, Move::Repeat);
    }

    #[test]
    fn every_undo_state_meets_every_event() {
        use Undo::{Exhausted, Failed, None, Undoing, Undone};
        #[rustfmt::skip]
        let table = [
            //             begin       success     failure             rejection
            (None,         ["undoing 1", "undone 1", "undo failed 1",    "undo failed 1"]),
            (Undoing(1),   ["undoing 2", "undone 1", "undo failed 1",    "undo failed 1"]),
            (Undoing(3),   ["undoing 4", "undone 3", "undo exhausted 3", "undo exhausted 3"]),
            (Undone(2),    ["=",         "!",        "=",                "="]),
            (Failed(2),    ["undoing 3", "undone 2", "=",                "="]),
            (Exhausted(3), ["undoing 4", "undone 3", "=",                "="]),
        ];
        for (state, expected) in table {
            let found = EVENTS.map(|event| {
                word(
                    undo(state, event, attempts(true, false)),
                    Undo::label,
                    Undo::attempt,
                )
            });
            assert_eq!(found, expected, "{state:?}");
        }
        #[rustfmt::skip]
        let without_begins = [
            (Failed(2),    ["undoing 3", "undone 3", "undo exhausted 3", "undo exhausted 3"]),
            (Exhausted(3), ["undoing 4", "undone 4", "undo exhausted 4", "undo exhausted 4"]),
        ];
        for (state, expected) in without_begins {
            let found = EVENTS.map(|event| {
                word(
                    undo(state, event, attempts(false, false)),
                    Undo::label,
                    Undo::attempt,
                )
            });
            assert_eq!(found, expected, "{state:?} without begins");
        }
        let again = undo(Undoing(1), StepEvent::Begin, attempts(true, true));
        assert_eq!(again, Move::Repeat);
    }
}
