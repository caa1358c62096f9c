//! Whether the tool can append the event of an action that is done: what its type is, that it would
//! find its instance, and that the log is a table it can be written to.

use crate::definition::action::Record;
use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::log::{Encoding, Field, LogDefinition, Relation, Source, TypeField};
use crate::definition::saga::{EventPattern, Saga};

/// The event to append: the first type that says so by itself.
pub(super) fn event(
    succeeds: &[EventPattern],
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Record> {
    let Some(pattern) = succeeds.iter().find(|pattern| pattern.when.is_none()) else {
        faults.push(
            Fault::fatal(
                fault::BAD_VALUE,
                at.place(),
                "the event cannot be appended: every type of `succeeds` has a `when`",
            )
            .label("what its data would have to be is not known")
            .help("let the service record it, or name a type that needs no condition".to_owned()),
        );
        return None;
    };
    Some(Record {
        kind: pattern.kind.clone(),
        place: at.place(),
    })
}

/// Whether an appended event would belong to its instance.
pub(super) fn check_saga(saga: &Saga, faults: &mut Vec<Fault>) {
    for record in saga.actions().filter_map(|action| action.record.as_ref()) {
        let by = &saga.correlate;
        let by = by.by_type.get(&record.kind).or(by.default.as_ref());
        let is_other = by.is_some_and(|by| by.source() != "event.correlation");
        let why = match (&saga.narrow, is_other) {
            (Some(_), _) => "`where` decides by its data whether it belongs to the saga",
            (None, true) => "an expression finds its instance, not the log's correlation",
            (None, false) => continue,
        };
        let message = format!("`{}` cannot be appended: {why}", record.kind);
        faults.push(
            Fault::fatal(fault::BAD_VALUE, record.place.clone(), message)
                .label("it would be an event of another saga or of none")
                .help("let the service record it".to_owned()),
        );
    }
}

/// Whether the log of a saga can be written to. Where none is declared that is found out before
/// anything is sent.
pub(crate) fn check_log(saga: &Saga, log: &LogDefinition, faults: &mut Vec<Fault>) {
    for record in saga.actions().filter_map(|action| action.record.as_ref()) {
        let Err(why) = appendable(log, &record.kind) else {
            continue;
        };
        let message = format!("`{}` cannot be appended to the log: {why}", record.kind);
        faults.push(
            Fault::fatal(fault::BAD_VALUE, record.place.clone(), message)
                .label("asked for here")
                .help("let the service record it, or map one table under `events:`".to_owned()),
        );
    }
}

fn appendable(log: &LogDefinition, kind: &str) -> Result<(), &'static str> {
    let [source] = log.sources.as_slice() else {
        return Err("it is not declared as one table");
    };
    let is_table = matches!(source.relation, Some(Relation::Table(_)));
    if !is_table || source.preset.is_some() || source.attach.is_some() {
        return Err("it is not declared as one table");
    }
    if !fields(source).all(is_column) {
        return Err("a mapped field is a path into JSON or compressed, not a column");
    }
    if source.correlation.is_none() {
        return Err("it names no correlation column");
    }
    if source.id.is_none() && source.key.is_none() {
        return Err("it names neither `id` nor `idempotency`, so it could stand there twice");
    }
    let recorded = source.kind.as_ref().and_then(|names| names.recorded(kind));
    recorded.map_or(
        Err("the type under which it is recorded is not known"),
        |_| Ok(()),
    )
}

fn fields(source: &Source) -> impl Iterator<Item = &Field> {
    let kind = source.kind.as_ref();
    let mapped = [
        source.position.as_ref(),
        source.time.as_ref().map(|time| &time.field),
        kind.and_then(|TypeField { field, .. }| field.as_ref()),
        source.stream.as_ref(),
        source.version.as_ref(),
        source.id.as_ref(),
        source.correlation.as_ref(),
        source.key.as_ref(),
        source.data.as_ref(),
        source.metadata.as_ref(),
    ];
    mapped.into_iter().flatten()
}

fn is_column(field: &Field) -> bool {
    field.encoding == Encoding::Plain && !field.name.contains('.')
}
