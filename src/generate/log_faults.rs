//! What goes wrong in the log itself, whatever its events mean. It happens to events of other
//! systems, so that no saga is touched by it.

/// Something wrong with rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogFault {
    /// A version of a stream is missing.
    Gap,
    /// Two events of a stream have one version.
    DuplicateVersion,
    /// Two events of a stream stand in the wrong order.
    VersionBackwards,
    /// Two events have one id. Only in a log whose ids are not unique.
    DuplicateId,
    /// The data is not JSON.
    BrokenData,
    /// There is no type.
    NoType,
    /// The time is no time.
    BrokenTime,
    /// An event is older than the one before it in its stream.
    TimeBackwards,
    /// An event is far later than all that follow it.
    FutureTime,
    /// An event arrives later than the lateness that is declared. Only in a log that is ordered by
    /// time.
    TooLate,
}

/// What a fault says of one row, instead of what should stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    /// Its version is so much higher, and so are those that follow.
    Skip,
    /// It has the version of the one before.
    Again,
    /// It has the version of the one after, and that one has its.
    Swap,
    /// It has the id of the one before.
    SameId,
    BrokenData,
    NoType,
    BrokenTime,
    /// It is older than the one before.
    Older,
    /// It is from far in the future.
    Later,
    /// It is so many milliseconds older than the youngest one so far.
    Behind(i64),
}

impl LogFault {
    /// All of them, in the order of the rules.
    pub const ALL: [LogFault; 10] = [
        LogFault::Gap,
        LogFault::DuplicateVersion,
        LogFault::VersionBackwards,
        LogFault::DuplicateId,
        LogFault::BrokenData,
        LogFault::NoType,
        LogFault::BrokenTime,
        LogFault::TimeBackwards,
        LogFault::FutureTime,
        LogFault::TooLate,
    ];

    /// The rule that finds it.
    pub const fn rule(self) -> &'static str {
        match self {
            LogFault::Gap => "log/gap",
            LogFault::DuplicateVersion => "log/duplicate-version",
            LogFault::VersionBackwards => "log/version-backwards",
            LogFault::DuplicateId => "log/duplicate-id",
            LogFault::BrokenData | LogFault::NoType | LogFault::BrokenTime => "log/bad-row",
            LogFault::TimeBackwards => "log/time-backwards",
            LogFault::FutureTime => "log/future-time",
            LogFault::TooLate => "log/too-late",
        }
    }

    /// Whether the finding is about a stream; otherwise it is about one event.
    pub const fn is_about_stream(self) -> bool {
        matches!(
            self,
            LogFault::Gap
                | LogFault::DuplicateVersion
                | LogFault::VersionBackwards
                | LogFault::TimeBackwards
        )
    }

    /// What it says of a row; one that is too late arrives `behind` milliseconds after a younger one.
    pub(super) const fn twist(self, behind: i64) -> Twist {
        match self {
            LogFault::Gap => Twist::Skip,
            LogFault::DuplicateVersion => Twist::Again,
            LogFault::VersionBackwards => Twist::Swap,
            LogFault::DuplicateId => Twist::SameId,
            LogFault::BrokenData => Twist::BrokenData,
            LogFault::NoType => Twist::NoType,
            LogFault::BrokenTime => Twist::BrokenTime,
            LogFault::TimeBackwards => Twist::Older,
            LogFault::FutureTime => Twist::Later,
            LogFault::TooLate => Twist::Behind(behind),
        }
    }
}
