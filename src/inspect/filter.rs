//! Which rules, sagas and logs a run is about.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use wildmatch::WildMatch;

use crate::definition::invariant::{Invariant, Total};
use crate::definition::log::LogDefinition;
use crate::definition::projection::Projection;
use crate::definition::{Definitions, Scope};
use crate::inspect::{Options, RunError};
use crate::rules;
use crate::suggest::did_you_mean;

/// The rules that the options let through, by name.
///
/// # Errors
/// When a glob matches no rule.
pub fn rules(options: &Options) -> Result<Vec<&'static str>, RunError> {
    for glob in &options.rules {
        let pattern = WildMatch::new(glob);
        if !rules::names().iter().any(|name| pattern.matches(name)) {
            return Err(RunError::Filter(unknown("rule", glob, &rules::names())));
        }
    }
    let patterns: Vec<WildMatch> = options
        .rules
        .iter()
        .map(|glob| WildMatch::new(glob))
        .collect();
    let is_meant = |name: &&str| {
        let is_named = patterns.iter().any(|pattern| pattern.matches(name));
        let is_about_keys = options.keys.is_empty() || rules::speaks_of_keys(name);
        (is_named || patterns.is_empty()) && is_about_keys
    };
    let meant: Vec<&str> = rules::names().into_iter().filter(is_meant).collect();
    if meant.is_empty() {
        let globs = options.rules.join(", ");
        return Err(RunError::Filter(format!(
            "no rule that `{globs}` names speaks of keys, as --key asks for"
        )));
    }
    let is_left_out = |name: &&str| left_out(options, name).is_some();
    if !patterns.is_empty() && meant.iter().all(is_left_out) {
        let globs = options.rules.join(", ");
        return Err(RunError::Filter(format!(
            "no rule that `{globs}` names is judged of some sagas or instances alone; leave out --saga and --instance"
        )));
    }
    Ok(meant)
}

/// Why a rule is not judged, where that is since the run is about some sagas or instances only.
pub fn left_out(options: &Options, rule: &str) -> Option<&'static str> {
    let of_instances = !options.instances.is_empty();
    let is_judged = !options.narrowed() || rules::is_judged_of_some(rule, of_instances);
    (!is_judged).then_some("not judged of some sagas or instances alone")
}

/// The scopes to run, each with a log and only the sagas asked for.
///
/// # Errors
/// When a saga that was asked for does not exist, or a scope has no log.
pub fn scopes(definitions: &Definitions, options: &Options) -> Result<Vec<Scope>, RunError> {
    let sagas: Vec<&str> = definitions
        .scopes
        .iter()
        .flat_map(|scope| scope.sagas.iter().map(|saga| &*saga.name))
        .collect();
    for wanted in &options.sagas {
        if !sagas.contains(&wanted.as_str()) {
            return Err(RunError::Filter(unknown("saga", wanted, &sagas)));
        }
    }
    let mut scopes = definitions.scopes.clone();
    for scope in &mut scopes {
        scope.sagas.retain(|saga| is_wanted(options, &saga.name));
    }
    if !options.sagas.is_empty() {
        scopes.retain(|scope| !scope.sagas.is_empty());
    }
    if scopes.is_empty() && options.log.is_some() {
        scopes.push(Scope::default());
    }
    if scopes.is_empty() {
        return Err(RunError::NoLog);
    }
    if options.log.is_some() && scopes.len() > 1 {
        return Err(RunError::Filter(format!(
            "--log names one file, but the definitions speak of {} logs; name the folder or file of one of them",
            scopes.len()
        )));
    }
    for scope in &mut scopes {
        if scope.log.is_none() {
            let path = options.log.as_ref().ok_or(RunError::NoLog)?;
            scope.log = Some(undeclared(path));
        }
    }
    Ok(scopes)
}

/// Whether the options are about this saga.
fn is_wanted(options: &Options, saga: &str) -> bool {
    options.sagas.is_empty() || options.sagas.iter().any(|wanted| wanted == saga)
}

/// Makes sure that steps which were asked for are some saga's, of those that were asked for.
///
/// # Errors
/// When one is not.
pub fn steps(
    definitions: &Definitions,
    options: &Options,
    steps: &[String],
) -> Result<(), RunError> {
    let sagas = definitions.scopes.iter().flat_map(|scope| &scope.sagas);
    let known: Vec<&str> = sagas
        .filter(|saga| is_wanted(options, &saga.name))
        .flat_map(|saga| saga.steps.iter().map(|step| &*step.name))
        .collect();
    match steps.iter().find(|step| !known.contains(&step.as_str())) {
        None => Ok(()),
        Some(step) => Err(RunError::Filter(unknown("step", step, &known))),
    }
}

/// The scopes that have a projection of this name, each with that one alone.
///
/// # Errors
/// When none has, or as [`scopes`].
pub fn projected(
    definitions: &Definitions,
    name: &str,
    options: &Options,
) -> Result<Vec<Scope>, RunError> {
    let mut scopes = scopes(definitions, options)?;
    let all: Vec<Arc<Projection>> = (scopes.iter())
        .flat_map(|scope| scope.projections.iter().cloned())
        .collect();
    for scope in &mut scopes {
        scope
            .projections
            .retain(|projection| &*projection.name == name);
        scope.requirements.clear();
        let is_of_events = |one: &Arc<Invariant>| matches!(one.total, Total::Events(_));
        scope.invariants.retain(is_of_events);
    }
    scopes.retain(|scope| !scope.projections.is_empty());
    if scopes.is_empty() {
        let names: Vec<&str> = all.iter().map(|projection| &*projection.name).collect();
        return Err(RunError::Filter(unknown("projection", name, &names)));
    }
    Ok(scopes)
}

/// A log that no document declares: what its mapping is has to be recognised in the file.
fn undeclared(path: &Path) -> LogDefinition {
    let name = path
        .file_stem()
        .map_or_else(|| "log".into(), |stem| stem.to_string_lossy());
    LogDefinition {
        database: Some(path.to_path_buf()),
        ..LogDefinition::undeclared(&name)
    }
}

/// A message for a name that does not exist, with the nearest that does, or else with those that do.
pub(super) fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    // Several logs may each have one of the same name.
    let known: BTreeSet<&str> = known.iter().copied().collect();
    match did_you_mean(name, known) {
        Some(offer) => format!("no {kind} is called `{name}`; {offer}"),
        None => format!("no {kind} is called `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn a_name_that_does_not_exist_is_told_with_those_that_do() {
        for (name, known, told) in [
            ("ac", &["acc", "orders"][..], "; did you mean `acc`?"),
            (
                "nope",
                &["orders", "acc", "acc"],
                "; there are `acc`, `orders`",
            ),
            ("nope", &["acc"], "; the only one is `acc`"),
            ("nope", &[], ""),
        ] {
            let expected = format!("no projection is called `{name}`{told}");
            assert_eq!(unknown("projection", name, known), expected);
        }
    }
}
