//! Documents that need a field of the log which no source of it maps: whatever happened, they would
//! find nothing.

use crate::definition::Scope;
use crate::definition::fault::{self, Fault, Place};
use crate::definition::log::{LogDefinition, Source};
use crate::definition::projection::Key;
use crate::definition::reaction::{Matching, Reaction};
use crate::definition::saga::Saga;
use crate::finding::Severity;

/// A field of the log, as its mapping calls it, and what a source says of it.
type Needed = (&'static str, fn(&Source) -> bool);

const CORRELATION: Needed = ("correlation", |source| source.correlation.is_some());
const ID: Needed = ("id", |source| source.id.is_some());
const CAUSATION: Needed = ("causation", |source| source.causation.is_some());
const KEY: Needed = ("idempotency", |source| source.key.is_some());
const STREAM: Needed = ("stream", |source| source.stream.is_some());

/// Finds what needs such a field. Where the mapping is a preset's, a JSON Lines file's, or left to be
/// recognised, only the open log knows it, and nothing is said.
pub(crate) fn check(scope: &Scope, faults: &mut Vec<Fault>) {
    let Some(log) = scope.log.as_ref().filter(|log| log.tells_its_fields()) else {
        return;
    };
    for saga in scope.sagas.iter().filter(|saga| uses_correlation(saga)) {
        let about = ("no event tells its instance", CORRELATE);
        faults.extend(of((&saga.name, &saga.place), &[CORRELATION], log, about));
    }
    for reaction in &scope.reactions {
        let needed: &[Needed] = match &reaction.matching {
            Matching::Causation => &[ID, CAUSATION],
            Matching::Value { .. } if matches_correlation(reaction) => &[CORRELATION],
            Matching::Value { .. } => continue,
        };
        let about = ("no event tells what it is matched by", MATCH);
        let own = (&*reaction.name, &reaction.place);
        faults.extend(of(own, needed, log, about));
    }
    for rule in scope.idempotency.iter().filter(|rule| rule.key.is_none()) {
        let about = ("no event tells its key", COMPUTE);
        faults.extend(of((&rule.name, &rule.place), &[KEY], log, about));
    }
    for projection in &scope.projections {
        if let Key::Stream { .. } = projection.key {
            let about = ("no event tells its key", COMPUTE);
            let own = (&*projection.name, &projection.place);
            faults.extend(of(own, &[STREAM], log, about));
        }
    }
}

const CORRELATE: &str = "say with `correlate:` what tells an instance";
const MATCH: &str = "match by something else";
const COMPUTE: &str = "say with `key:` what it is";

/// What is wrong with a document that needs these fields.
fn of(
    (name, place): (&str, &Place),
    needed: &[Needed],
    log: &LogDefinition,
    (label, instead): (&str, &str),
) -> Option<Fault> {
    let is_mapped = |(_, maps): &&Needed| log.sources.iter().any(maps);
    let unmapped = needed.iter().filter(|needed| !is_mapped(needed));
    let fields: Vec<&str> = unmapped.map(|(field, _)| *field).collect();
    if fields.is_empty() {
        return None;
    }
    let list = |mark: &str| {
        let marked = fields.iter().map(|field| format!("`{field}{mark}`"));
        marked.collect::<Vec<_>>().join(" and ")
    };
    let message = format!(
        "`{name}` needs {}, which the log {} does not map",
        list(""),
        log.name
    );
    let fault = Fault::lint(
        fault::UNMAPPED_FIELD,
        Severity::Warning,
        place.clone(),
        message,
    );
    let help = format!("map {} under `events:`, or {instead}", list(":"));
    Some(fault.label(label).help(help))
}

/// Whether the log's correlation tells of some event which instance of a saga it belongs to.
fn uses_correlation(saga: &Saga) -> bool {
    let by_log = |kind: &str| {
        let by = &saga.correlate;
        let by = by.by_type.get(kind).or(by.default.as_ref());
        by.is_none_or(|by| by.source() == "event.correlation")
    };
    saga.types().any(|kind| by_log(kind))
}

/// Whether some event of a reaction is matched by the log's correlation.
fn matches_correlation(reaction: &Reaction) -> bool {
    let Matching::Value { default, by_type } = &reaction.matching else {
        return false;
    };
    let mut patterns = reaction.triggers.iter().chain(&reaction.effects);
    patterns.any(|pattern| by_type.get(&pattern.kind).unwrap_or(default).is_none())
}
