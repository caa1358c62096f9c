//! sagactl finds stuck sagas and effects that nobody compensated, in recorded event logs.
//!
//! # The way of the data
//!
//! YAML becomes checked [`definition`]s; a SQLite or JSON Lines file becomes rows of a [`log`]. The
//! [`replay`] routes each row by its type and gathers it with its saga instance. A [`saga`]
//! instance is a state machine; the [`rules`] ask it questions. [`inspect`] ties these together
//! into a [`report`], which [`output`] prints. Nothing flows back, and nothing but [`commands`]
//! talks to the terminal.
//!
//! # The rooms, each importing only from those above it
//!
//! | room | what it is for |
//! |---|---|
//! | [`event`], [`finding`], [`json`], [`suggest`], [`texts`], [`share`], [`brief`], [`beside`] | the words all others use |
//! | [`expression`] | conditions and paths in definitions, strict about what is missing |
//! | [`definition`] | YAML in, checked types out, every fault of every file at once |
//! | [`log`] | the recorded log, read-only: opening, mapping, presets, rows |
//! | [`absent`], [`reader`] | rows that are not judged, and what they may be; what families read of rows |
//! | [`saga`] | one instance: step states, outcome, what is in force; pure |
//! | [`causation`] | which event caused which |
//! | [`invariant`], [`reaction`], [`idempotency`], [`transaction`] | totals across aggregates, of events and of states; what has to follow from what; what became of keys; two-phase commits |
//! | [`projection`] | events folded into a state per key, stored rows compared with it |
//! | [`lapse`] | when something that has to hold did not |
//! | [`requirement`], [`isolation`] | invariants over those states; what sagas do to them |
//! | [`replay`] | the one pass: routes, instances, streams, the horizon |
//! | [`rules`] | one file per close family; the table; what silences what |
//! | [`report`] | what a run found, as data |
//! | [`inspect`] | a run: a log judged by its definitions |
//! | [`casefile`], [`baseline`] | expected findings: of tests, and of yesterday |
//! | [`recovery`] | a plan decided, applied under a permit, journal first, and verified |
//! | [`output`] | one file per format; gets a report and a writer, knows nothing else |
//! | [`generate`] | logs with labelled faults, for the example, tests and measurements |
//! | [`exit`], [`cli`], [`commands`] | what is typed and what comes of it |
//!
//! A new rule is one function and its `INFO` in [`rules`], one line in its table, and case files. A
//! new format, command or log preset is one file and one line.
//!
//! # What always holds
//!
//! - The log is judged, not trusted: a bad row is a finding, never the end of the run.
//! - Position orders; time only ages. The clock is read in `main` and nowhere else.
//! - Same log, same definitions, same horizon: the same report, whatever the number of threads.
//! - Nothing but [`recovery`] writes to a log or beside it, and that only with a
//!   [`Permit`](recovery::permit::Permit). [`generate`] and the files of test cases are made from
//!   nothing; they touch no log that exists.
//! - What could not be checked is counted as unknown, never as fine.
//!
//! # Glossary
//!
//! | word | meaning |
//! |---|---|
//! | event log | the recorded events, strictly ordered by *position* |
//! | stream | the events of one aggregate, numbered by *version* |
//! | saga, instance | a definition; one run of it: all events that share its correlation value |
//! | step, compensation | a forward action; the action that undoes it |
//! | pivot | the step after which there is no way back |
//! | in force | an effect that was recorded, or may have happened, and was not compensated |
//! | horizon | the instant against which ages are judged |
//! | claim | what a terminal event or a status column says of an instance |
//! | finding | one rule broken by one subject |
//! | plan, action, journal | a recovery decided; one thing it does; the durable record of what was done |

pub mod absent;
pub mod baseline;
pub mod beside;
pub mod brief;
pub mod casefile;
pub mod causation;
pub mod cli;
pub mod commands;
pub mod definition;
pub mod event;
pub mod exit;
pub mod expression;
pub mod finding;
pub mod generate;
pub mod idempotency;
pub mod inspect;
pub mod invariant;
pub mod isolation;
pub mod json;
pub mod lapse;
pub mod log;
pub mod output;
pub mod projection;
pub mod reaction;
pub mod reader;
pub mod recovery;
pub mod replay;
pub mod report;
pub mod requirement;
pub mod rules;
pub mod saga;
#[cfg(test)]
#[path = "../tests/it/sampling.rs"]
mod sampling;
pub mod share;
pub mod suggest;
pub mod texts;
pub mod transaction;
