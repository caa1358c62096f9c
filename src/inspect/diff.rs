//! One projection: its stored rows against the fold of its events.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::definition::Definitions;
use crate::definition::projection::Projection;
use crate::event::Span;
use crate::inspect::run::Run;
use crate::inspect::{Options, RunError, Watch, filter};
use crate::projection::{Conclusion, Mark, Refusal, Repairs, Standing, Verdict};
use crate::report::LogSummary;
use crate::rules;

/// What the stored rows of one projection are.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The log it is folded from.
    pub log: LogSummary,
    /// The projection.
    pub projection: Arc<Projection>,
    /// What its rows are, or why they were not compared: a lower-case fragment.
    pub held: Result<Held, &'static str>,
    /// What the reader should know beside that.
    pub remarks: Vec<String>,
}

/// Rows that were held against the fold.
#[derive(Debug, Clone)]
pub struct Held {
    /// How far the consumer says that it has come.
    pub mark: Mark,
    /// How many keys have each verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [u64; Verdict::ALL.len()],
    /// Every key that was asked for and is not exact, by key.
    pub standings: Vec<Standing>,
    /// Those that were asked for by name and are exact.
    pub exact: Vec<String>,
    /// What would make their rows what they should be.
    pub repairs: Repairs,
    /// The longest time that an event waits to be applied.
    pub lag: Option<Span>,
}

impl Held {
    /// Of a conclusion, what is asked for: some keys, or all where none is named.
    fn of(
        mut conclusion: Conclusion,
        refusal: &Refusal,
        keys: &[String],
        mut met: BTreeSet<String>,
    ) -> Held {
        let is_wanted = |key: &str| keys.is_empty() || keys.iter().any(|one| one == key);
        let repairs = Repairs::of(&conclusion, refusal, is_wanted);
        conclusion.standings.retain(|one| is_wanted(&one.key));
        for standing in &conclusion.standings {
            met.remove(&standing.key);
        }
        let count = |verdict| conclusion.counts.get(&verdict).copied().unwrap_or(0);
        Held {
            verdicts: Verdict::ALL.map(count),
            repairs,
            lag: conclusion.greatest_lag,
            standings: conclusion.standings,
            exact: met.into_iter().collect(),
            mark: conclusion.mark,
        }
    }

    /// Whether an event or a row has a key that was asked for.
    pub fn knows(&self, key: &str) -> bool {
        let is_it = |standing: &Standing| standing.key == key;
        self.standings.iter().any(is_it) || self.exact.iter().any(|one| one == key)
    }
}

/// Compares the projections of this name, one per log that has it; some keys of them, or all where
/// none is named.
///
/// # Errors
/// See [`RunError`]. When there is no such projection, or it says nowhere where its rows are stored.
pub fn diff(
    definitions: &Definitions,
    (name, keys): (&str, &[String]),
    options: &Options,
    watch: Watch<'_>,
) -> Result<Vec<Comparison>, RunError> {
    let mut scopes = filter::projected(definitions, name, options)?;
    if scopes
        .iter()
        .all(|scope| scope.projections[0].stored.is_none())
    {
        return Err(RunError::Filter(format!(
            "projection `{name}` does not say where its rows are stored, so there is nothing to compare"
        )));
    }
    let mut found = Vec::new();
    for scope in &mut scopes {
        let rules: Vec<&'static str> = rules::projection::ALL
            .iter()
            .map(|info| info.name)
            .collect();
        let mut run = Run::open(scope, options, &rules)?;
        run.only_projections();
        run.pass_first(watch)?;
        let mut met = BTreeSet::new();
        loop {
            let states = &run.gathered.ledgers.projections;
            met.extend(
                keys.iter()
                    .filter(|key| states.find(0, key).is_some())
                    .cloned(),
            );
            run.add_ids();
            if !run.pass_next(watch)? {
                break;
            }
        }
        run.look_into_rows(watch)?;
        let projection = Arc::clone(&run.scope.projections[0]);
        let mut remarks = run.unjudged(0, None);
        let held = match run.projections.pop() {
            Some(conclusion) => {
                remarks.extend(rules::projection::beside_mark(&conclusion));
                let refusal = Refusal::of(&conclusion, &run.models, &run.log)?;
                Ok(Held::of(conclusion, &refusal, keys, met))
            }
            None if projection.stored.is_none() => Err("it does not say where they are stored"),
            None => Err(
                "they tell of now, and the log holds events later than the horizon that was asked for",
            ),
        };
        found.push(Comparison {
            log: run.summary(),
            projection,
            held,
            remarks,
        });
    }
    Ok(found)
}
