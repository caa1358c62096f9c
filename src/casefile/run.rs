//! Runs a case: its events become a real log, which is judged like any other.

use tempfile::TempDir;

use crate::casefile::compare::{self, Found};
use crate::casefile::stored;
use crate::casefile::{Case, Expected, ExpectedOutcome, ExpectedUnknown};
use crate::definition::Definitions;
use crate::definition::log::LogDefinition;
use crate::definition::settings::AsOf;
use crate::event::Timestamp;
use crate::finding::Finding;
use crate::inspect::{self, Go, Options, RunError};
use crate::log::LogError;
use crate::log::record::{self, Cell};
use crate::report::Report;

/// What every case leaves out unless it asks for it: this rule looks at how the table was made,
/// which is the runner's doing.
const ABOUT_THE_TABLE: &str = "log/position-reuse";

/// How a case ended: passed where nothing mismatches.
#[derive(Debug, Clone, Default)]
pub struct CaseResult {
    /// Expected and missing.
    pub missing: Vec<Expected>,
    /// Found and not expected.
    pub unexpected: Vec<Found>,
    /// Other things that are not as expected.
    pub mismatches: Vec<Mismatch>,
}

/// An outcome or a count that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where it is expected.
    pub place: crate::definition::fault::Place,
    /// What was expected and what was found.
    pub message: String,
}

impl CaseResult {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mismatches.is_empty()
    }
}

/// A case's log, with what it is judged by.
struct Recorded {
    _folder: TempDir,
    definitions: Definitions,
    options: Options,
}

/// What there is to tell of a case's events, with so many bytes of memory.
///
/// # Errors
/// When the log cannot be written or judged.
pub fn report(case: &Case, memory: Option<u64>) -> Result<Report, RunError> {
    let Recorded {
        definitions,
        options,
        _folder,
    } = recorded(case)?;
    let options = Options { memory, ..options };
    inspect::audit(&definitions, &options, &|_| Go::On)
}

fn recorded(case: &Case) -> Result<Recorded, RunError> {
    let folder = tempfile::tempdir().map_err(|error| {
        LogError::new(format!(
            "cannot make a temporary folder for the case's log: {error}"
        ))
    })?;
    let path = folder.path().join("case.db");
    let mut definitions = case.definitions.clone();
    let mut tables = 0;
    let mut read_models = Vec::new();
    for scope in &mut definitions.scopes {
        let mut log = scope
            .log
            .take()
            .unwrap_or_else(|| LogDefinition::undeclared("case"));
        log.database = Some(path.clone());
        log.sources = vec![record::source()];
        tables = log.claims.len();
        log.claims = log
            .claims
            .iter()
            .enumerate()
            .map(|(number, claims)| record::claims(claims, number))
            .collect();
        scope.log = Some(log);
        read_models.extend(stored::redirect(&mut scope.projections, &case.stored));
    }
    let statuses: Vec<Vec<(String, String)>> = (0..tables)
        .map(|number| case.statuses.get(&number).cloned().unwrap_or_default())
        .collect();
    record::write(&path, &case.events, &statuses)?;
    record::add(&path, &read_models)?;

    let options = Options {
        as_of: case.as_of,
        rules: case.rules.clone(),
        ..Options::new(now(case))
    };
    Ok(Recorded {
        _folder: folder,
        definitions,
        options,
    })
}

/// Judges the case's events and compares.
///
/// # Errors
/// When the log cannot be written or judged.
pub fn run(case: &Case) -> Result<CaseResult, RunError> {
    let Recorded {
        definitions,
        options,
        _folder,
    } = recorded(case)?;
    let report = inspect::audit(&definitions, &options, &|_| Go::On)?;
    let listed = |rule: &str| rule != ABOUT_THE_TABLE || !case.rules.is_empty();
    let found: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| listed(finding.rule))
        .collect();
    let (missing, unexpected) = compare::unmatched(&case.expect, &found);

    let several_sagas = definitions
        .scopes
        .iter()
        .map(|scope| scope.sagas.len())
        .sum::<usize>()
        > 1;
    let mut result = CaseResult {
        missing: missing
            .into_iter()
            .map(|at| case.expect[at].clone())
            .collect(),
        unexpected: unexpected
            .into_iter()
            .map(|at| Found {
                text: compare::written(found[at], several_sagas),
                message: found[at].message.clone(),
            })
            .collect(),
        mismatches: Vec::new(),
    };
    result.mismatches.extend(vacuous(case, &report));
    if !case.outcomes.is_empty() {
        let listing = inspect::list(&definitions, &options, &|_| Go::On)?;
        for expected in &case.outcomes {
            result.mismatches.extend(outcome(expected, &listing));
        }
    }
    if let Some(expected) = &case.unknown {
        result.mismatches.extend(
            report
                .rules
                .iter()
                .filter_map(|count| unknown(expected, count)),
        );
    }
    Ok(result)
}

/// A case that expects nothing and whose events mean nothing would pass whatever the definitions
/// say; that is a slip in the case, not a pass.
fn vacuous(case: &Case, report: &Report) -> Option<Mismatch> {
    let judges_sagas = case
        .definitions
        .scopes
        .iter()
        .any(|scope| !scope.sagas.is_empty());
    let matched: u64 = report.logs.iter().map(|log| log.matched).sum();
    let empty = case.expect.is_empty() && case.rules.is_empty();
    (judges_sagas && empty && matched == 0 && !case.events.is_empty()).then(|| Mismatch {
        place: case.place.clone(),
        message: "nothing was inspected: no event of the case matched any definition; name the \
                  `rules` to judge by if that is meant"
            .to_owned(),
    })
}

/// The wall clock of a case: its horizon, so that every run is the same.
fn now(case: &Case) -> Timestamp {
    match case.as_of {
        Some(AsOf::Instant(instant)) => instant,
        Some(AsOf::End | AsOf::Now) | None => last(case),
    }
}

/// The greatest time of an event.
fn last(case: &Case) -> Timestamp {
    let times = case.events.iter().filter_map(|record| match record[1] {
        Cell::Integer(nanos) => Some(nanos),
        Cell::Null | Cell::Real(_) | Cell::Text(_) => None,
    });
    Timestamp::from_nanos(times.max().unwrap_or(0))
}

fn outcome(expected: &ExpectedOutcome, listing: &inspect::Listing) -> Option<Mismatch> {
    let found: Vec<&str> = listing
        .rows
        .iter()
        .filter(|row| row.id == expected.id)
        .map(|row| row.outcome.label())
        .collect();
    let wanted = expected.outcome.label();
    if !found.is_empty() && found.iter().all(|label| *label == wanted) {
        return None;
    }
    let is = if found.is_empty() {
        "not in the log".to_owned()
    } else {
        found.join(" and ")
    };
    Some(Mismatch {
        place: expected.place.clone(),
        message: format!("{} is {is}, expected {wanted}", expected.id),
    })
}

fn unknown(expected: &ExpectedUnknown, count: &crate::report::RuleCount) -> Option<Mismatch> {
    let wanted = expected.counts.get(count.rule).copied().unwrap_or(0);
    (wanted != count.unknown).then(|| Mismatch {
        place: expected.place.clone(),
        message: format!(
            "{} cannot tell of {}, expected {wanted}",
            count.rule, count.unknown
        ),
    })
}
