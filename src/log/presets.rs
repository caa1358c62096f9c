//! Writers of SQLite logs whose schema is known. Each has a file here and a line in the table.

mod dbos;
mod eventsourcing;
mod eventstore;

use super::error::LogError;
use super::open::Database;
use super::recognise::Evidence;
use super::schema::nearest;
use crate::definition::log::{Encoding, Field, Source, TimeField, TimeUnit, TypeField};

/// A known writer.
#[derive(Debug)]
pub(crate) struct Preset {
    /// As definitions write it.
    pub(crate) name: &'static str,
    /// The sources that a source with this preset stands for, with all that the preset knows
    /// filled in where the source says nothing.
    pub(crate) complete: fn(&Database, &Source) -> Result<Vec<Source>, LogError>,
    /// Whether a file looks like this writer's.
    pub(crate) recognise: fn(&Database) -> Result<Option<Evidence>, LogError>,
}

/// All presets; the more particular first.
pub(crate) const PRESETS: [Preset; 3] = [eventsourcing::PRESET, dbos::PRESET, eventstore::PRESET];

/// The sources that `source` stands for: itself, if it has no preset.
pub(crate) fn complete(database: &Database, source: &Source) -> Result<Vec<Source>, LogError> {
    let Some(wanted) = &source.preset else {
        return Ok(vec![source.clone()]);
    };
    match PRESETS.iter().find(|preset| preset.name == wanted) {
        Some(preset) => (preset.complete)(database, source),
        None => {
            let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
            Err(LogError::new(format!(
                "there is no preset `{wanted}`{}",
                nearest(wanted, &names).replace("it has", "there are")
            )))
        }
    }
}

/// What the source says, and what the preset knows where it says nothing.
fn filled(source: &Source, known: Source) -> Source {
    let own = source.clone();
    let kind = match (own.kind, known.kind) {
        (Some(own), Some(known)) => Some(TypeField {
            last_segment: match own.field {
                Some(_) => own.last_segment,
                None => own.last_segment.or(known.last_segment),
            },
            field: own.field.or(known.field),
            renames: own.renames,
        }),
        (own, known) => own.or(known),
    };
    Source {
        place: own.place,
        preset: None,
        relation: own.relation.or(known.relation),
        attach: own.attach,
        position: own.position.or(known.position),
        time: own.time.or(known.time),
        kind,
        stream: own.stream.or(known.stream),
        version: own.version.or(known.version),
        id: own.id.or(known.id),
        correlation: own.correlation.or(known.correlation),
        causation: own.causation.or(known.causation),
        key: own.key.or(known.key),
        data: own.data.or(known.data),
        metadata: own.metadata.or(known.metadata),
    }
}

/// A plain field of this name.
pub(crate) fn field(name: &str) -> Field {
    Field {
        name: name.to_owned(),
        encoding: Encoding::Plain,
        place: None,
    }
}

fn time(name: &str, unit: TimeUnit) -> Option<TimeField> {
    Some(TimeField {
        field: field(name),
        unit,
    })
}

fn kind(name: &str, last_segment: Option<&str>) -> Option<TypeField> {
    Some(TypeField {
        field: Some(field(name)),
        last_segment: last_segment.map(str::to_owned),
        renames: Default::default(),
    })
}

#[cfg(test)]
#[path = "presets_tests.rs"]
mod tests;
