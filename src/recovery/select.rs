//! A plan for many instances: those that a selection lets through, up to a number.

use std::collections::{BTreeMap, BTreeSet};

use wildmatch::WildMatch;

use crate::definition::Definitions;
use crate::event::Span;
use crate::inspect::recover::{Searched, candidates};
use crate::inspect::{Options, RunError, TOOL, Watch};
use crate::recovery::document::{LogV1, PlanV1, Reason, RefusedV1, VERSION, digest};
use crate::recovery::plan::{self, Ask};
use crate::report::InstanceRow;
use crate::saga::Outcome;

/// Each row is held against every id that a run is narrowed to; with more than this it is quicker
/// to judge all instances and pick afterwards.
const FEW: usize = 50;

/// Which instances a plan is about. What is empty lets everything through.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// With one of these ids; each is answered, be it with a refusal.
    pub ids: BTreeSet<String>,
    /// Of these sagas, where an id was named with some: two sagas may share it.
    pub sagas: BTreeMap<String, BTreeSet<String>>,
    /// With a finding of a rule that one of these globs matches, or that may have one.
    pub rules: Vec<String>,
    /// With one of these outcomes.
    pub outcomes: Vec<Outcome>,
    /// At one of these steps.
    pub steps: Vec<String>,
    /// Without an event for this long.
    pub older_than: Option<Span>,
}

impl Selection {
    /// Whether it lets an instance through of which it is unknown whether it breaks these rules, too.
    fn wants(&self, row: &InstanceRow, unknown: &[&'static str]) -> bool {
        let matches = |glob: &String| {
            let pattern = WildMatch::new(glob);
            let mut rules = row.rules.iter().chain(unknown);
            rules.any(|rule| pattern.matches(rule))
        };
        let is_at = |step: &String| row.steps.iter().any(|at| **at == **step);
        let sagas = self.sagas.get(&row.id);
        let is_of = sagas.is_none_or(|sagas| sagas.contains(&*row.saga));
        let is_named = is_of && self.ids.contains(&row.id);
        let may_be_wrong = !row.rules.is_empty() || !unknown.is_empty();
        let is_asked_for = is_named || !self.outcomes.is_empty() || may_be_wrong;
        is_asked_for
            && (self.ids.is_empty() || is_named)
            && (self.rules.is_empty() || self.rules.iter().any(matches))
            && (self.outcomes.is_empty() || self.outcomes.contains(&row.outcome))
            && (self.steps.is_empty() || self.steps.iter().any(is_at))
            && self.older_than.is_none_or(|span| row.age >= span)
    }
}

/// Decides about every instance that the selection lets through, the stalest first; `most` is how
/// many of them the plan may drive.
///
/// # Errors
/// See [`RunError`].
pub fn plan(
    definitions: &Definitions,
    options: &Options,
    watch: Watch<'_>,
    selection: &Selection,
    ask: Ask<'_>,
    most: usize,
) -> Result<PlanV1, RunError> {
    let few = Some(&selection.ids).filter(|ids| ids.len() <= FEW);
    let options = Options {
        instances: few.into_iter().flatten().cloned().collect(),
        ..options.clone()
    };
    let mut made = PlanV1 {
        version: VERSION,
        tool: TOOL.to_owned(),
        definitions: definitions.hash.clone(),
        logs: Vec::new(),
        instances: Vec::new(),
        refused: Vec::new(),
        left_out: 0,
        digest: String::new(),
    };
    let wants = |row: &InstanceRow, unknown: &[&'static str]| selection.wants(row, unknown);
    for searched in candidates(definitions, &options, watch, None, &wants)? {
        made.logs.push(log(&searched)?);
        decide(&searched, ask, most, &mut made)?;
    }
    Ok(made.sealed())
}

fn decide(
    searched: &Searched,
    ask: Ask<'_>,
    most: usize,
    made: &mut PlanV1,
) -> Result<(), RunError> {
    for candidate in &searched.candidates {
        let refused = |reason: Reason, detail: Option<String>| RefusedV1 {
            saga: candidate.saga.name.to_string(),
            id: candidate.row.id.clone(),
            reason,
            detail,
        };
        match plan::decide(candidate, ask) {
            Err(reason) => made.refused.push(refused(reason, None)),
            Ok(_) if made.instances.len() >= most => made.left_out += 1,
            Ok(decision) => {
                let events = searched.events(candidate)?;
                let log = (&*searched.summary.name, searched.path());
                match plan::instance(candidate, &decision, &events, log) {
                    Ok(instance) => made.instances.push(instance),
                    Err(why) => made.refused.push(refused(Reason::Undetermined, Some(why))),
                }
            }
        }
    }
    Ok(())
}

/// What tells a log from another.
pub(super) fn log(searched: &Searched) -> Result<LogV1, RunError> {
    let name = searched.summary.name.to_string();
    let first = searched.first()?;
    let first = first.map_or_else(String::new, |event| {
        format!("{} {} {}", event.position, event.kind, event.time)
    });
    Ok(LogV1 {
        identity: digest([name.as_bytes(), first.as_bytes()]),
        name,
        path: searched.path().to_string_lossy().into_owned(),
        head_position: searched.head.map(|head| head.0),
        horizon: searched.horizon().map(|horizon| horizon.to_string()),
    })
}
