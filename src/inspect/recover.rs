//! Judged instances as recovery needs them: the state itself, with the log still open to read what
//! its events say.

use std::path::Path;
use std::sync::Arc;

use crate::definition::Definitions;
use crate::definition::log::LogDefinition;
use crate::definition::saga::Saga;
use crate::event::{Event, Position, Timestamp};
use crate::inspect::describe::CALLS_FOR_RECOVERY;
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::inspect::{Options, RunError, Unread, Watch, Whereabouts, filter};
use crate::log::{Filter, Log};
use crate::report::{InstanceRow, LogSummary};
use crate::saga::{Instance, Moment, Outcome};

/// A log that was read, with the instances that were asked for.
#[derive(Debug)]
pub struct Searched {
    /// What was read.
    pub summary: LogSummary,
    /// The last position at which a row of the log stands, be it bad; `None` where none tells.
    pub head: Option<Position>,
    /// The instances, the stalest first.
    pub candidates: Vec<Candidate>,
    /// How the log is declared.
    pub definition: LogDefinition,
    log: Log,
}

/// An instance that may be recovered.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its saga.
    pub saga: Arc<Saga>,
    /// As `list` shows it.
    pub row: InstanceRow,
    /// Its state.
    pub instance: Instance,
    /// Its events in the judged order.
    pub moments: Vec<Moment>,
    /// A rule found something that calls for a recovery.
    pub is_called_for: bool,
    /// It cannot be told where it stands: an event is doubtful, or several orders are possible, or
    /// its beginning was cut off.
    pub is_undetermined: bool,
    /// A row of which not everything can be read, or several orders of its events, may have it stand
    /// elsewhere.
    pub is_ambiguous: bool,
    /// Rows that may be events of any instance, where one of them may be what would be done again.
    pub unread: Option<Unread>,
}

impl Candidate {
    /// Where it stands.
    pub fn outcome(&self) -> Outcome {
        self.row.outcome
    }

    /// Where its rows stand that are not among its `events`, which are sorted by position: something of
    /// each cannot be read.
    pub fn spoilt(&self, events: &[Event]) -> Vec<Position> {
        let positions = self.moments.iter().map(|moment| moment.position);
        let is_read = |position: &Position| {
            let read = events.binary_search_by_key(position, |event| event.position);
            read.is_ok()
        };
        let mut spoilt: Vec<Position> = positions.filter(|it| !is_read(it)).collect();
        spoilt.sort_unstable();
        spoilt
    }
}

impl Searched {
    /// The events of an instance in full, by position.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn events(&self, candidate: &Candidate) -> Result<Vec<Event>, RunError> {
        let mut positions: Vec<Position> = candidate
            .moments
            .iter()
            .map(|moment| moment.position)
            .collect();
        positions.sort_unstable();
        positions.dedup();
        Ok(self.log.events(Filter::Positions(&positions))?.0)
    }

    /// The first event of the log, which tells it from another of the same name.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn first(&self) -> Result<Option<Event>, RunError> {
        Ok(self.log.some_events(Filter::All, 1)?.0.into_iter().next())
    }

    /// The log's file.
    pub fn path(&self) -> &Path {
        self.log.path()
    }

    /// The instant against which ages were judged.
    pub fn horizon(&self) -> Option<Timestamp> {
        self.summary.as_of
    }
}

/// The instances that `wants` asks for, log by log: by what `list` shows of them, and by the rules of
/// which it cannot be told whether they call for a recovery. (What was cut off from the beginning of a
/// log is not told by that: it may be as many instances as there are.)
///
/// Where the options name one instance and the log has an index on its correlation, or `whereabouts`
/// tell where it stands, only that instance's rows are read.
///
/// # Errors
/// See [`RunError`].
pub fn candidates(
    definitions: &Definitions,
    options: &Options,
    watch: Watch<'_>,
    whereabouts: Option<&Whereabouts>,
    wants: &dyn Fn(&InstanceRow, &[&'static str]) -> bool,
) -> Result<Vec<Searched>, RunError> {
    let rules = filter::rules(options)?;
    let mut all = Vec::new();
    for mut scope in filter::scopes(definitions, options)? {
        let mut tally = Tally::new(&rules, options.narrowed(), options.listed);
        let mut run = Run::open(&mut scope, options, &rules)?;
        run.only_instances();
        match options.instances.as_slice() {
            [one] => run.pass_again(one, whereabouts, watch)?,
            _ => run.pass(watch)?,
        }
        let is_cut = run.definition.cut;
        let mut found = Vec::new();
        let mut keep = |judged: &crate::inspect::verdicts::Judged<'_>| {
            let (row, verdict) = (judged.row_of_all(), &judged.verdict);
            let is_headless = is_cut && judged.instance.start.is_none();
            let mut unknown = verdict.unknown.clone();
            unknown.retain(|rule| !is_headless && CALLS_FOR_RECOVERY.contains(rule));
            if !wants(&row, &unknown) {
                return;
            }
            found.push(Candidate {
                saga: Arc::clone(judged.saga),
                instance: judged.instance.clone().into_owned(),
                moments: verdict.moments.clone(),
                is_called_for: verdict
                    .drafts
                    .iter()
                    .any(|draft| CALLS_FOR_RECOVERY.contains(&draft.rule)),
                is_undetermined: verdict.is_undetermined() || is_headless,
                is_ambiguous: verdict.is_ambiguous,
                unread: judged.unread,
                row,
            });
        };
        run.judge(&mut tally, Some(&mut keep));
        found.sort_by(|one, other| {
            let key = |it: &Candidate| (it.row.since, it.row.saga.clone(), it.row.id.clone());
            key(one).cmp(&key(other))
        });
        all.push(Searched {
            summary: run.summary(),
            head: run.log.head()?,
            candidates: found,
            definition: run.definition.clone(),
            log: run.log,
        });
    }
    Ok(all)
}
