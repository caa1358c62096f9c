//! One projection: its stored rows against the fold of its events.

use std::sync::Arc;

use crate::definition::Definitions;
use crate::definition::projection::Projection;
use crate::event::Span;
use crate::inspect::run::Run;
use crate::inspect::{Options, RunError, Watch, filter};
use crate::projection::{Repairs, Standing, Verdict};
use crate::report::LogSummary;
use crate::rules;

/// What the stored rows of one projection are.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The log it is folded from.
    pub log: LogSummary,
    /// The projection.
    pub projection: Arc<Projection>,
    /// How many keys have each verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [u64; Verdict::ALL.len()],
    /// Every key that is not exact, by key.
    pub standings: Vec<Standing>,
    /// What would make the rows what they should be.
    pub repairs: Repairs,
    /// The longest time that an event waits to be applied.
    pub lag: Option<Span>,
    /// What the reader should know beside that.
    pub remarks: Vec<String>,
}

/// Compares the projections of this name, one per log that has it.
///
/// # Errors
/// See [`RunError`]. When there is no such projection, or it says nowhere where its rows are stored.
pub fn diff(
    definitions: &Definitions,
    name: &str,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Vec<Comparison>, RunError> {
    let scopes = filter::projected(definitions, name, options)?;
    if scopes
        .iter()
        .all(|scope| scope.projections[0].stored.is_none())
    {
        return Err(RunError::Filter(format!(
            "projection `{name}` does not say where its rows are stored, so there is nothing to compare"
        )));
    }
    let mut found = Vec::new();
    for scope in &scopes {
        let rules: Vec<&'static str> = rules::projection::ALL
            .iter()
            .map(|info| info.name)
            .collect();
        let mut run = Run::open(scope, options, &rules)?;
        run.only_projections();
        run.pass_first(watch)?;
        loop {
            run.add_ids();
            if !run.pass_next(watch)? {
                break;
            }
        }
        run.look_into_rows(watch)?;
        let log = run.summary();
        found.extend(run.projections.iter().map(|conclusion| Comparison {
            log: log.clone(),
            projection: Arc::clone(&scope.projections[0]),
            verdicts:
                Verdict::ALL.map(|verdict| conclusion.counts.get(&verdict).copied().unwrap_or(0)),
            standings: conclusion.standings.clone(),
            repairs: Repairs::of(conclusion),
            lag: conclusion.greatest_lag,
            remarks: rules::projection::remarks(conclusion),
        }));
    }
    Ok(found)
}
