//! Which column is what, guessed from names, declared types and a look at the first values. A guess
//! is printed for a person to correct; only presets rely on it.

use rusqlite::types::ValueRef;

use super::error::LogError;
use super::open::Database;
use super::presets::field;
use super::schema::{Column, Kind, Shape, quote};
use super::{time, value};
use crate::definition::log::{Field, Relation, Source, TimeField, TimeUnit, TypeField};

const POSITION: [&str; 8] = [
    "position",
    "globalposition",
    "sequence",
    "globalsequence",
    "sequencenumber",
    "seq",
    "offset",
    "globalid",
];
const TYPE: [&str; 7] = [
    "type",
    "eventtype",
    "eventname",
    "messagetype",
    "topic",
    "kind",
    "name",
];
const TIME: [&str; 12] = [
    "time",
    "occurredat",
    "timestamp",
    "createdat",
    "eventtime",
    "recordedat",
    "occurredon",
    "insertedat",
    "ts",
    "created",
    "date",
    "at",
];
const STREAM: [&str; 7] = [
    "stream",
    "streamid",
    "streamname",
    "aggregateid",
    "originatorid",
    "entityid",
    "aggregate",
];
const VERSION: [&str; 9] = [
    "version",
    "streamversion",
    "aggregateversion",
    "streamposition",
    "originatorversion",
    "revision",
    "eventnumber",
    "aggversion",
    "aggregateseq",
];
const ID: [&str; 6] = ["eventid", "id", "messageid", "uuid", "guid", "eventuuid"];
const CORRELATION: [&str; 7] = [
    "correlation",
    "correlationid",
    "sagaid",
    "workflowid",
    "processid",
    "transactionid",
    "traceid",
];
const CAUSATION: [&str; 4] = ["causation", "causationid", "causedby", "parentid"];
const KEY: [&str; 5] = [
    "idempotencykey",
    "idempotency",
    "deduplicationid",
    "dedupkey",
    "requestid",
];
const DATA: [&str; 8] = [
    "data",
    "payload",
    "body",
    "eventdata",
    "content",
    "state",
    "json",
    "details",
];
const METADATA: [&str; 5] = ["metadata", "headers", "eventmetadata", "meta", "context"];

/// What the columns' names say of a table.
pub(crate) fn by_names(
    database: &Database,
    shape: &Shape,
    relation: Relation,
) -> Result<Source, LogError> {
    let position = match named(shape, &POSITION) {
        Some(column) => Some(column),
        None => shape.rowid_alias(),
    };
    let find = |names: &[&str]| -> Option<Field> {
        named(shape, names)
            .filter(|column| Some(*column) != position)
            .map(|column| field(&column.name))
    };
    let time = match named(shape, &TIME) {
        Some(column) => Some(TimeField {
            field: field(&column.name),
            unit: unit(database, shape, column)?,
        }),
        None => None,
    };
    Ok(Source {
        relation: Some(relation),
        position: position.map(|column| field(&column.name)),
        time,
        kind: find(&TYPE).map(|field| TypeField {
            field: Some(field),
            last_segment: None,
            renames: Default::default(),
        }),
        stream: find(&STREAM),
        version: find(&VERSION),
        id: find(&ID),
        correlation: find(&CORRELATION),
        causation: find(&CAUSATION),
        key: find(&KEY),
        data: find(&DATA),
        metadata: find(&METADATA),
        ..Source::blank()
    })
}

/// How much a table looks like an event log; `None` where it lacks a type or a time.
pub(crate) fn likeness(source: &Source) -> Option<usize> {
    source.kind.as_ref()?;
    source.time.as_ref()?;
    let optional = [
        source.position.is_some(),
        source.stream.is_some(),
        source.version.is_some(),
        source.id.is_some(),
        source.correlation.is_some(),
        source.causation.is_some(),
        source.data.is_some(),
        source.metadata.is_some(),
    ];
    Some(optional.into_iter().filter(|given| *given).count())
}

/// The column whose name, without case and separators, comes first in the list.
fn named<'a>(shape: &'a Shape, names: &[&str]) -> Option<&'a Column> {
    names.iter().find_map(|wanted| {
        shape.columns.iter().find(|column| {
            column
                .name
                .chars()
                .filter(|c| c.is_alphanumeric())
                .flat_map(char::to_lowercase)
                .eq(wanted.chars())
        })
    })
}

/// The unit in which the first times of the table make sense.
fn unit(database: &Database, shape: &Shape, column: &Column) -> Result<TimeUnit, LogError> {
    let failure = |error| database.failure(&error);
    let name = quote(&column.name);
    let sql = format!(
        "SELECT {name} FROM {} WHERE {name} IS NOT NULL LIMIT 20",
        shape.from
    );
    let _watch = matches!(shape.kind, Kind::View | Kind::Query).then(|| database.pulse().watch());
    let mut statement = database.connection().prepare(&sql).map_err(failure)?;
    let mut rows = statement.query([]).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        if let Some(unit) = unit_of(row.get_ref(0).map_err(failure)?) {
            return Ok(unit);
        }
    }
    Ok(match column.declared.to_ascii_uppercase() {
        declared if declared.contains("INT") => TimeUnit::Milliseconds,
        declared if declared.contains("REAL") => TimeUnit::Seconds,
        _ => TimeUnit::Rfc3339,
    })
}

/// By magnitude: every unit's numbers for the years 1973 to 2286 lie apart.
fn unit_of(value: ValueRef<'_>) -> Option<TimeUnit> {
    let number = match value {
        ValueRef::Text(text) => match time::calendar(text.trim_ascii()) {
            Some(_) => return Some(TimeUnit::Rfc3339),
            None => std::str::from_utf8(text).ok()?.trim().parse().ok()?,
        },
        #[expect(clippy::cast_precision_loss, reason = "only the magnitude counts")]
        ValueRef::Integer(number) => number as f64,
        ValueRef::Real(number) => number,
        ValueRef::Null | ValueRef::Blob(_) => return None,
    };
    match number.abs() {
        day if (2_400_000.0..2_500_000.0).contains(&day) && value::integer(value).is_err() => {
            Some(TimeUnit::Sqlite)
        }
        small if small < 1e8 => None,
        small if small < 1e11 => Some(TimeUnit::Seconds),
        small if small < 1e14 => Some(TimeUnit::Milliseconds),
        small if small < 1e17 => Some(TimeUnit::Microseconds),
        _ => Some(TimeUnit::Nanoseconds),
    }
}

#[cfg(test)]
mod tests {
    use crate::log::recognise;
    use crate::log::testing::Bench;

    #[test]
    fn a_version_is_known_by_its_name_and_what_may_count_something_else_is_none() {
        for (name, is_version) in [
            ("agg_version", true),
            ("aggregate_version", true),
            ("Aggregate_Seq", true),
            ("event_version", false),
            ("schema_version", false),
        ] {
            let bench = Bench::new(&format!(
                "CREATE TABLE e (id INTEGER PRIMARY KEY, stream_id, type, occurred_at, {name});"
            ));
            let found = recognise(&bench.path).expect("it is recognised");
            let version = &found.definition.sources[0].version;
            let known = version.as_ref().map(|field| &*field.name);
            assert_eq!(known, is_version.then_some(name), "{name}");
        }
    }
}
