//! What is wrong with the log itself: holes, repeats, rows that cannot be read.

use crate::finding::Severity;
use crate::rules::Info;

/// `log/gap`
pub const GAP: Info = Info {
    name: "log/gap",
    severity: Severity::Error,
    summary: "a stream's versions have a hole",
    explanation: "\
Finds streams whose versions do not run from 0 or 1 without holes. A hole right before an event of a \
declared `tombstones` type is none; with `cut: true` a stream may start anywhere.

An event is missing: deleted, never written, or not copied. Every state that was folded from this \
stream is in doubt, and so is every saga it belongs to.

Compare with the primary store. If events were removed on purpose, declare it.

Example: order-7 has the versions 1, 2, 4.",
};

/// `log/duplicate-version`
pub const DUPLICATE_VERSION: Info = Info {
    name: "log/duplicate-version",
    severity: Severity::Error,
    summary: "two events of a stream have one version",
    explanation: "\
Finds streams with two events of the same version.

Two writers appended at once and nothing stopped the second: the optimistic lock is not there. Each \
decided without knowing of the other.

Put a unique index on (stream, version); then see which of the two effects may stand.

Example: account-3 has two events with version 12.",
};

/// `log/version-backwards`
pub const VERSION_BACKWARDS: Info = Info {
    name: "log/version-backwards",
    severity: Severity::Error,
    summary: "a stream's versions go back as positions go on",
    explanation: "\
Finds events that stand after a higher version of their stream, in a log that is ordered by position.

A consumer that reads by position sees the stream in the wrong order.

If several services write on their own and arrival is not the order, declare `order: { time: … }`. \
Otherwise find out how the rows got there.

Example: position 40 holds version 6 of order-7, position 41 version 5.",
};

/// `log/duplicate-id`
pub const DUPLICATE_ID: Info = Info {
    name: "log/duplicate-id",
    severity: Severity::Error,
    summary: "one event id twice",
    explanation: "\
Finds event ids that stand more than once.

The event was written twice, by a retry or by a copy. A consumer without deduplication applies it \
twice.

Put a unique index on the id.

Example: the events at positions 17 and 23 both have the id e-4711.",
};

/// `log/position-reuse`
pub const POSITION_REUSE: Info = Info {
    name: "log/position-reuse",
    severity: Severity::Note,
    summary: "positions can be given again, or rows after the last one were deleted",
    explanation: "\
Says that the table's position can be given again after its row was deleted (it has no AUTOINCREMENT), \
or that `sqlite_sequence` stands above the last row. Evidence, not proof, of deletion.

A consumer whose checkpoint stands on a deleted position will miss the event that gets it next.

Declare the position INTEGER PRIMARY KEY AUTOINCREMENT.

Example: the last row has position 980, sqlite_sequence says 1000.",
};

/// `log/bad-row`
pub const BAD_ROW: Info = Info {
    name: "log/bad-row",
    severity: Severity::Error,
    summary: "a row that cannot be read",
    explanation: "\
Finds rows whose data is not JSON, whose time cannot be read, whose type or position is null, or of \
which another mapped column cannot be read. The run goes on.

A row without type, position or time is skipped. Of any other, only what cannot be read is: a \
definition that does not look at that judges it as ever. What a row would have told is unknown, and so \
is the verdict on whatever rests on it.

The message shows what stands there. Often the mapping is wrong, not the row: check the unit of the \
time and the encoding of the data.

Example: position 12: time `yesterday` is not an RFC 3339 instant.",
};

/// `log/time-backwards`
pub const TIME_BACKWARDS: Info = Info {
    name: "log/time-backwards",
    severity: Severity::Note,
    summary: "time decreases within a stream",
    explanation: "\
Finds streams in which an event is older than the one before it.

Clocks differ, or the time is not that of the event. No rule orders by it within a stream; ages may \
be off by as much.

Example: version 3 of order-7 at 10:00:05, version 4 at 10:00:02.",
};

/// `log/future-time`
pub const FUTURE_TIME: Info = Info {
    name: "log/future-time",
    severity: Severity::Note,
    summary: "an event's time is far later than that of all that follow it",
    explanation: "\
Finds events later than those after them by more than `future-tolerance` (default 1h), and outnumbered \
by them. They do not move the horizon.

A wrong clock, or a row that records when something will happen.

Example: position 5 says 2031, the thousand events after it say 2026.",
};

/// `log/too-late`
pub const TOO_LATE: Info = Info {
    name: "log/too-late",
    severity: Severity::Note,
    summary: "an event arrived later than the declared lateness allows",
    explanation: "\
In a log with `order: { time: { lateness: … } }`: finds events that arrived after younger ones by \
more than that. After one whose time is far in the future (`log/future-time`) nothing is late.

Whoever reads the log up to its end and judges may have judged without it. Raise `lateness`, or find \
out what held the event back.

Example: `lateness: 5m`; an event of 10:00 stands after one of 10:20.",
};
