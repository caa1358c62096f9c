//! From a saga document as written to the checked saga.

use std::collections::BTreeMap;

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::raw::saga as raw;
use crate::definition::raw::shape::{OneOrMany, Short};
use crate::definition::raw::written::{By, Name};
use crate::definition::saga::{Compensation, Correlate, EventPattern, Saga, Step, StepSet};
use crate::definition::validate::action;
use crate::definition::validate::lints;
use crate::definition::validate::meanings::{self, Mention};
use crate::definition::validate::order::{self, Rank};
use crate::definition::validate::record;
use crate::expression::Expression;

/// The checked saga; `None` where something fatal is wrong with it.
pub(crate) fn check(raw: raw::Saga, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Saga> {
    let from = faults.len();
    if raw.steps.len() > StepSet::CAPACITY {
        let place = at.key("steps").item(StepSet::CAPACITY).place();
        let message = format!("a saga has at most {} steps", StepSet::CAPACITY);
        faults.push(
            Fault::fatal(fault::BAD_VALUE, place, message)
                .label("one too many")
                .help("split it into several sagas".to_owned()),
        );
        return None;
    }
    names(&raw.steps, at, faults);
    let ranks = order::resolve(&raw.steps, at.key("steps"), faults);
    pivots(&raw.steps, &ranks, at, faults);
    meanings::check(&mentions(&raw, at), faults);
    let steps = raw
        .steps
        .into_iter()
        .zip(ranks)
        .enumerate()
        .map(|(index, (step, rank))| checked_step(step, rank, at.key("steps").item(index), faults))
        .collect();
    let saga = Saga {
        name: raw.saga.0.0,
        about: raw.about,
        place: at.key("saga").place(),
        correlate: correlate(raw.correlate, at.key("correlate"), faults),
        narrow: raw.r#where.map(|text| text.0),
        starts: patterns(raw.starts),
        deadline: raw.deadline.map(|text| text.0),
        steps,
        completes: patterns(raw.completes),
        aborts: patterns(raw.aborts),
        compensated: patterns(raw.compensated),
        abandons: patterns(raw.abandons),
        undo_ambiguous: raw.undo_ambiguous,
        undo_failed: raw.undo_failed,
        strict_reverse: raw.strict_reverse,
        null_compensation: raw.null_compensation,
        wedged_after: raw.wedged_after,
        namespace: raw.namespace.0.into_iter().map(|text| text.0).collect(),
        keyed: StepSet::EMPTY,
        must_have_key: StepSet::EMPTY,
    };
    if saga.starts.is_empty() {
        let place = at.key("starts").place();
        faults.push(
            Fault::fatal(fault::BAD_VALUE, place, "`starts` cannot be empty")
                .label("no event starts an instance")
                .help("name the event type that does".to_owned()),
        );
    }
    record::check_saga(&saga, faults);
    if faults[from..].iter().any(|fault| fault.fatal) {
        return None;
    }
    lints::check(&saga, at, faults);
    Some(saga)
}

fn names(steps: &[raw::Step], at: At<'_>, faults: &mut Vec<Fault>) {
    let mut known = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        let place = at.key("steps").item(index).key("step").place();
        match known.get(&step.step.0) {
            Some(line) => faults.push(
                Fault::fatal(
                    fault::DUPLICATE_NAME,
                    place,
                    format!("two steps are called `{}`", step.step.0),
                )
                .label(format!("line {line} has one of this name"))
                .help("give each step a name of its own".to_owned()),
            ),
            None => {
                known.insert(&step.step.0, place.line);
            }
        }
    }
}

fn pivots(steps: &[raw::Step], ranks: &[Rank], at: At<'_>, faults: &mut Vec<Fault>) {
    for (index, rank) in ranks
        .iter()
        .enumerate()
        .filter(|(index, _)| steps[*index].pivot)
    {
        let Some(first) = rank
            .before
            .iter()
            .find(|earlier| steps[*earlier].pivot && *earlier != index)
        else {
            continue;
        };
        let message = format!(
            "`{}` cannot be a pivot: there is no way back from `{}` before it",
            steps[index].step.0, steps[first].step.0
        );
        faults.push(
            Fault::fatal(
                fault::TWO_PIVOTS,
                at.key("steps").item(index).name_of("pivot").place(),
                message,
            )
            .label("the second pivot on one path")
            .help(
                "keep the one after which there is no way back; the other is `retriable`"
                    .to_owned(),
            ),
        );
    }
}

fn checked_step(raw: raw::Step, rank: Rank, at: At<'_>, faults: &mut Vec<Fault>) -> Step {
    if raw.succeeds.0.is_empty() {
        faults.push(never_succeeds(at));
    }
    let succeeds = patterns(raw.succeeds);
    Step {
        name: raw.step.0.0,
        place: at.key("step").place(),
        pivot: raw.pivot,
        retriable: raw.retriable,
        optional: raw.optional,
        after: rank.after,
        before: rank.before,
        requires: rank.requires,
        begins: patterns(raw.begins),
        fails: failures(raw.fails),
        rejects: failures(raw.rejects),
        timeout: raw.timeout.map(|text| text.0),
        retries: raw.retries,
        action: raw
            .action
            .and_then(|action| action::check(action, &succeeds, at.key("action"), faults)),
        succeeds,
        compensation: raw
            .compensation
            .map(|compensation| checked_compensation(compensation, at.key("compensation"), faults)),
    }
}

fn checked_compensation(
    raw: raw::Compensation,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Compensation {
    if raw.succeeds.0.is_empty() {
        faults.push(never_succeeds(at));
    }
    let succeeds = patterns(raw.succeeds);
    Compensation {
        begins: patterns(raw.begins),
        fails: failures(raw.fails),
        timeout: raw.timeout.map(|text| text.0),
        retries: raw.retries,
        action: raw
            .action
            .and_then(|action| action::check(action, &succeeds, at.key("action"), faults)),
        succeeds,
    }
}

fn never_succeeds(at: At<'_>) -> Fault {
    Fault::fatal(
        fault::BAD_VALUE,
        at.key("succeeds").place(),
        "`succeeds` cannot be empty",
    )
    .label("it could never take effect")
    .help("name the event type that says so".to_owned())
}

fn correlate(raw: Option<Short<raw::Correlate>>, at: At<'_>, faults: &mut Vec<Fault>) -> Correlate {
    let mut correlate = Correlate::default();
    for (kind, by) in raw.into_iter().flat_map(|raw| raw.0.0) {
        match (kind.as_str(), by.0) {
            ("*", By::Correlation) => {}
            ("*", By::Expression(expression)) => correlate.default = Some(expression),
            (_, By::Expression(expression)) => {
                correlate.by_type.insert(kind.into(), expression);
            }
            (_, By::Correlation) => match Expression::parse("event.correlation") {
                Ok(expression) => {
                    correlate.by_type.insert(kind.into(), expression);
                }
                Err(error) => faults.push(Fault::fatal(
                    fault::BAD_EXPRESSION,
                    at.key(&kind).place(),
                    error.message,
                )),
            },
        }
    }
    correlate
}

pub(super) fn patterns(raw: OneOrMany<Short<raw::EventPattern>>) -> Vec<EventPattern> {
    raw.0
        .into_iter()
        .map(|Short(pattern)| EventPattern {
            kind: pattern.event.0.0,
            when: pattern.when.map(|text| text.0),
            error: None,
        })
        .collect()
}

fn failures(raw: OneOrMany<Short<raw::FailurePattern>>) -> Vec<EventPattern> {
    raw.0
        .into_iter()
        .map(|Short(pattern)| EventPattern {
            kind: pattern.event.0.0,
            when: pattern.when.map(|text| text.0),
            error: pattern.error.map(|text| text.0),
        })
        .collect()
}

/// Every event type that the saga mentions, in the order of the document's meanings.
fn mentions(raw: &raw::Saga, at: At<'_>) -> Vec<Mention> {
    let mut found = Vec::new();
    events(
        &raw.starts,
        at.key("starts"),
        "an instance starts",
        &mut found,
    );
    for (index, step) in raw.steps.iter().enumerate() {
        let at = at.key("steps").item(index);
        let name = &step.step.0;
        events(
            &step.begins,
            at.key("begins"),
            &format!("step `{name}` begins"),
            &mut found,
        );
        events(
            &step.succeeds,
            at.key("succeeds"),
            &format!("step `{name}` succeeded"),
            &mut found,
        );
        reports(
            &step.fails,
            at.key("fails"),
            &format!("step `{name}` failed"),
            &mut found,
        );
        reports(
            &step.rejects,
            at.key("rejects"),
            &format!("step `{name}` is rejected"),
            &mut found,
        );
        if let Some(undo) = &step.compensation {
            let at = at.key("compensation");
            let what = format!("the compensation of `{name}`");
            events(
                &undo.begins,
                at.key("begins"),
                &format!("{what} begins"),
                &mut found,
            );
            events(
                &undo.succeeds,
                at.key("succeeds"),
                &format!("{what} succeeded"),
                &mut found,
            );
            reports(
                &undo.fails,
                at.key("fails"),
                &format!("{what} failed"),
                &mut found,
            );
        }
    }
    events(
        &raw.completes,
        at.key("completes"),
        "the saga is complete",
        &mut found,
    );
    events(&raw.aborts, at.key("aborts"), "the saga aborts", &mut found);
    events(
        &raw.compensated,
        at.key("compensated"),
        "the saga is compensated",
        &mut found,
    );
    events(
        &raw.abandons,
        at.key("abandons"),
        "the saga is abandoned",
        &mut found,
    );
    found
}

fn events(
    patterns: &OneOrMany<Short<raw::EventPattern>>,
    at: At<'_>,
    meaning: &str,
    found: &mut Vec<Mention>,
) {
    let each = patterns
        .0
        .iter()
        .map(|Short(pattern)| (&pattern.event.0, pattern.when.is_some()));
    note(each, at, meaning, found);
}

fn reports(
    patterns: &OneOrMany<Short<raw::FailurePattern>>,
    at: At<'_>,
    meaning: &str,
    found: &mut Vec<Mention>,
) {
    let each = patterns
        .0
        .iter()
        .map(|Short(pattern)| (&pattern.event.0, pattern.when.is_some()));
    note(each, at, meaning, found);
}

/// Notes each event type with whether it is meant only under a condition.
fn note<'p>(
    patterns: impl Iterator<Item = (&'p Name, bool)>,
    at: At<'_>,
    meaning: &str,
    found: &mut Vec<Mention>,
) {
    found.extend(
        patterns
            .enumerate()
            .map(|(index, (kind, conditional))| Mention {
                kind: kind.to_string(),
                meaning: meaning.to_owned(),
                conditional,
                place: at.item(index).key("event").place(),
            }),
    );
}
