//! Runs definitions against their logs: the one entry that every command which reads a log uses.

mod against;
mod alike;
mod asked;
mod astray;
mod claims;
mod describe;
mod diff;
mod doubtful;
mod families;
mod filter;
mod ids;
mod isolation;
mod judge;
mod orders;
mod origins;
mod reactions;
pub mod recover;
mod rows;
mod run;
mod settle;
mod shares;
mod state;
mod strays;
mod sum;
mod tally;
mod unjudged;
mod unseen;
mod vacant;
mod verdicts;
mod view;
mod ways;
mod whereabouts;

use std::path::PathBuf;
use std::sync::Arc;

use crate::definition::Definitions;
use crate::definition::fault::Fault;
use crate::definition::saga::Saga;
use crate::definition::settings::AsOf;
use crate::event::{Event, Position, Span, Timestamp};
use crate::finding::{Finding, Next};
use crate::report::{DefinitionsSummary, InstanceRow, LogSummary, Report};
pub use against::{Parted, Parting, Untold, against};
use asked::Asked;
pub use astray::Unread;
pub use diff::{Comparison, Held, diff};
pub use filter::steps;
use origins::Origins;
use run::Run;
pub use state::{After, At, Step, Telling, Told, state};
use tally::Tally;
pub use vacant::Vacant;
pub use whereabouts::Whereabouts;

/// The tool and its version, as reports name it.
pub const TOOL: &str = concat!("sagactl ", env!("CARGO_PKG_VERSION"));

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
    /// Only findings about these keys, of whatever they are keys; empty is all. All keys are judged.
    pub keys: Vec<String>,
    /// How many bytes an audit or a comparison of stored rows may keep of what it can divide by keys;
    /// `None` is no such cap.
    pub memory: Option<u64>,
    /// How many findings of one rule a report lists; further ones are only counted. `None` is all.
    pub listed: Option<usize>,
}

impl Options {
    /// A run over everything, on one thread; `now` is the wall clock.
    pub const fn new(now: Timestamp) -> Options {
        Options {
            log: None,
            as_of: None,
            now,
            threads: 1,
            rules: Vec::new(),
            sagas: Vec::new(),
            instances: Vec::new(),
            keys: Vec::new(),
            memory: None,
            listed: None,
        }
    }

    /// Whether the run looks at some sagas or instances only.
    fn narrowed(&self) -> bool {
        !self.sagas.is_empty() || !self.instances.is_empty()
    }

    /// Whether the run is about some instances or keys only, and so about nothing that has none.
    fn asks_for_ids(&self) -> bool {
        !self.instances.is_empty() || !self.keys.is_empty()
    }
}

/// How far a run has come, told a few times a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows read, each as often as it was.
    pub rows: u64,
    /// Rows to be read, roughly: those there are, times the passes.
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
    /// The instances: those that are not over first, the stalest of them on top.
    pub rows: Vec<InstanceRow>,
    /// What cannot be told of them, and why.
    pub remarks: Vec<String>,
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
    /// What else the log holds under its correlation value: events that mean nothing in the saga. Empty
    /// where the saga finds its instances in another way.
    pub others: Vec<Event>,
    /// Whether definitions beside sagas may have found something about its id.
    pub is_looked_at_beside: bool,
    /// Rows that cannot be judged and may be events of it: where each stands and what is wrong with it.
    pub hidden: Vec<String>,
    /// Rules of which it cannot be told whether it breaks them.
    pub unknown: Vec<&'static str>,
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
pub fn audit(
    definitions: &Definitions,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Report, RunError> {
    let summary = DefinitionsSummary {
        files: definitions.files.clone(),
        hash: definitions.hash.clone(),
    };
    let mut report = Report::new(TOOL.to_owned(), summary);
    let rules = filter::rules(options)?;
    let scopes = &definitions.scopes;
    let mut tally = Tally::new(
        &rules,
        options.narrowed() || options.asks_for_ids(),
        options.listed,
    )
    .of_logs(scopes)
    .about(Asked::of(options));
    for rule in &rules {
        if let Some(reason) = filter::left_out(options, rule) {
            tally.idle(rule, reason);
        }
    }
    for mut scope in filter::scopes(definitions, options)? {
        if let Some(log) = scope.log.as_ref().filter(|_| scopes.len() > 1) {
            tally.begin(log.full_name());
        }
        let mut run = Run::open(&mut scope, options, &rules)?;
        run.pass_first(watch)?;
        if run.widen() {
            run.pass_first(watch)?;
        }
        loop {
            run.judge(&mut tally, None);
            run.add_up(&mut tally);
            if !run.pass_next(watch)? {
                break;
            }
        }
        run.find_circles(watch)?;
        run.look_into_rows(watch)?;
        run.conclude(&mut tally, &mut report);
    }
    tally.finish(&mut report);
    Ok(report)
}

/// All instances that the options let through.
///
/// # Errors
/// See [`RunError`].
pub fn list(
    definitions: &Definitions,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Listing, RunError> {
    let rules = filter::rules(options)?;
    let mut listing = Listing {
        logs: Vec::new(),
        rows: Vec::new(),
        remarks: Vec::new(),
    };
    for mut scope in filter::scopes(definitions, options)? {
        let mut tally = Tally::new(&rules, options.narrowed(), options.listed);
        let mut run = Run::open(&mut scope, options, &rules)?;
        run.only_instances();
        run.pass(watch)?;
        if run.widen() {
            run.pass(watch)?;
        }
        run.judge(
            &mut tally,
            Some(&mut |judged| listing.rows.push(judged.row())),
        );
        // What is found is told of each.
        drop(run.instances(&mut tally));
        listing.remarks.extend(tally.into_remarks());
        listing.logs.push(run.summary());
    }
    listing.rows.sort_by(|one, other| {
        let key = |row: &InstanceRow| {
            (
                row.outcome.is_over(),
                row.since,
                row.saga.clone(),
                row.id.clone(),
            )
        };
        key(one).cmp(&key(other))
    });
    Ok(listing)
}

/// The instances with this id, one per saga that knows it; empty where none does.
///
/// Where the log's correlation column has an index, only the instance's own rows are read, and the
/// horizon is that of the log's last rows.
///
/// # Errors
/// See [`RunError`].
pub fn show(
    definitions: &Definitions,
    id: &str,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Vec<InstanceView>, RunError> {
    let rules = filter::rules(options)?;
    let options = Options {
        instances: vec![id.to_owned()],
        ..options.clone()
    };
    let origins = Origins::new(&definitions.scopes);
    let mut views = Vec::new();
    for mut scope in filter::scopes(definitions, &options)? {
        let mut tally = Tally::new(&rules, options.narrowed(), options.listed);
        let mut run = Run::open(&mut scope, &options, &rules)?;
        run.only_instances();
        run.pass_instance(id, watch)?;
        if run.widen() {
            run.pass(watch)?;
        }
        let mut found = Vec::new();
        run.judge(
            &mut tally,
            Some(&mut |judged| found.push(judged.to_owned())),
        );
        let log = run.definition.full_name();
        for judged in found {
            let mut view = run.view(judged)?;
            let findings = view.findings.into_iter();
            view.findings = findings.map(|one| origins.tell(one, &log)).collect();
            views.push(view);
        }
    }
    Ok(views)
}

/// The event types that definitions name and that stand nowhere in their log: one fault per definition.
///
/// # Errors
/// See [`RunError`].
pub fn unseen(
    definitions: &Definitions,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Vec<Fault>, RunError> {
    let mut faults = Vec::new();
    for mut scope in filter::scopes(definitions, options)? {
        let mut run = Run::open(&mut scope, options, &[])?;
        run.pass(watch)?;
        faults.extend(run.unseen_types());
    }
    Ok(faults)
}
