//! Runs definitions against their logs: the one entry that every command which reads a log uses.

use std::path::PathBuf;
use std::sync::Arc;

use crate::definition::Definitions;
use crate::definition::saga::Saga;
use crate::definition::settings::AsOf;
use crate::event::{Event, Position, Span, Timestamp};
use crate::finding::{Finding, Next};
use crate::report::{InstanceRow, LogSummary, Report};

/// What narrows or steers a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// A log instead of the one that the definitions name.
    pub log: Option<PathBuf>,
    /// The horizon; `None` is the settings' choice, else the log's end.
    pub as_of: Option<AsOf>,
    /// The wall clock, read once in `main`.
    pub now: Timestamp,
    /// How many threads may work; at least 1.
    pub threads: usize,
    /// Only rules that match one of these globs; empty is all.
    pub rules: Vec<String>,
    /// Only these sagas; empty is all.
    pub sagas: Vec<String>,
    /// Only these instances; empty is all.
    pub instances: Vec<String>,
    /// Only findings that hold since this instant or later.
    pub since: Option<Timestamp>,
}

/// How far a run has come, told a few times a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows read.
    pub rows: u64,
    /// Rows there are, roughly.
    pub of: u64,
}

/// Told of progress; answers whether to go on.
pub type Watch<'a> = &'a (dyn Fn(Progress) -> Go + Sync);

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// Yes.
    On,
    /// Stop as soon as can be: the user interrupted.
    Stop,
}

/// Why a run came to no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A log cannot be read.
    #[error(transparent)]
    Log(#[from] crate::log::LogError),
    /// The definitions name no log and none was given.
    #[error("no log: the definitions have no `log:` document; name the file with --log")]
    NoLog,
    /// A filter names a saga or rule that does not exist: what and the nearest.
    #[error("{0}")]
    Filter(String),
    /// The user interrupted; how far it came.
    #[error("interrupted after {} of about {} events; nothing is reported of a log read in part", .0.rows, .0.of)]
    Interrupted(Progress),
}

/// Instances for `list`.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The logs read.
    pub logs: Vec<LogSummary>,
    /// The instances, stalest first.
    pub rows: Vec<InstanceRow>,
}

/// One instance for `show`.
#[derive(Debug, Clone)]
pub struct InstanceView {
    /// The log it stands in.
    pub log: LogSummary,
    /// What `list` says of it.
    pub row: InstanceRow,
    /// Its definition.
    pub saga: Arc<Saga>,
    /// Where it is and why, in one line.
    pub headline: String,
    /// Every event of it.
    pub timeline: Vec<TimelineRow>,
    /// Every step of it, as declared.
    pub steps: Vec<StepView>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Its status column's claim, where there is one.
    pub claim: Option<String>,
    /// The recovery it calls for.
    pub next: Option<Next>,
}

/// One event of a timeline.
#[derive(Debug, Clone)]
pub struct TimelineRow {
    /// The event itself.
    pub event: Event,
    /// The time since the event before it.
    pub gap: Option<Span>,
    /// The step it is about.
    pub step: Option<Arc<str>>,
    /// What it means: `begins`, `succeeds`, `undo succeeds`, `aborts`, `no place here` …
    pub meaning: &'static str,
    /// Which attempt it belongs to.
    pub attempt: Option<u32>,
    /// The rules it is evidence for.
    pub evidence: Vec<&'static str>,
}

/// One step of an instance.
#[derive(Debug, Clone)]
pub struct StepView {
    /// The step.
    pub name: Arc<str>,
    /// `pivot`, `retriable`, `optional` or nothing.
    pub role: &'static str,
    /// The label of its forward state.
    pub forward: &'static str,
    /// The label of its undo state.
    pub undo: &'static str,
    /// Forward attempts so far.
    pub attempts: u32,
    /// Undo attempts so far.
    pub undo_attempts: u32,
    /// The positions that brought it to its forward and undo state.
    pub positions: [Option<Position>; 2],
    /// Its effect stands and has to be undone.
    pub in_force: bool,
}

/// Judges every log of the definitions.
///
/// # Errors
/// See [`RunError`].
pub fn audit(_: &Definitions, _: &Options, _: Watch<'_>) -> Result<Report, RunError> {
    unimplemented!()
}

/// All instances that the options let through.
///
/// # Errors
/// See [`RunError`].
pub fn list(_: &Definitions, _: &Options, _: Watch<'_>) -> Result<Listing, RunError> {
    unimplemented!()
}

/// The instances with this id, one per saga that knows it; empty where none does.
///
/// # Errors
/// See [`RunError`].
pub fn show(_: &Definitions, _: &str, _: &Options, _: Watch<'_>) -> Result<Vec<InstanceView>, RunError> {
    unimplemented!()
}
