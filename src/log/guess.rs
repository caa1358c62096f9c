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
    "aggversion",
    "aggregateseq",
    "streamposition",
    "originatorversion",
    "revision",
    "eventnumber",
];
/// Names of versions that others give to what counts the whole log, or the forms of a type's data:
/// what they are is for the values to say.
const COUNTED: [&str; 4] = ["sequencenumber", "sequence", "seq", "eventversion"];
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
    let stream = named(shape, &STREAM);
    let counted = match stream.filter(|_| named(shape, &VERSION).is_none()) {
        Some(stream) => within_streams(database, shape, stream)?,
        None => None,
    };
    let named_so = POSITION.iter().filter_map(|name| named(shape, &[*name]));
    let positions: Vec<&Column> = named_so.chain(shape.rowid_alias()).collect();
    let uncounted = positions.iter().find(|column| Some(**column) != counted);
    let position = uncounted.or(positions.first()).copied();
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
        version: find(&VERSION).or_else(|| {
            let version = counted.filter(|column| Some(*column) != position);
            version.map(|column| field(&column.name))
        }),
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

/// The column that counts the events of each stream, by its first rows: in every stream each number
/// after the one before it, and the same numbers in several.
fn within_streams<'a>(
    database: &Database,
    shape: &'a Shape,
    stream: &Column,
) -> Result<Option<&'a Column>, LogError> {
    let failure = |error| database.failure(&error);
    let stream = quote(&stream.name);
    for column in COUNTED.iter().filter_map(|name| named(shape, &[*name])) {
        let version = quote(&column.name);
        let sql = format!(
            "WITH some AS (SELECT {stream} AS stream, {version} AS version FROM {} LIMIT 1000),
               streams AS (SELECT min(version) AS first, max(version) AS last, count(*) AS events,
                 count(DISTINCT version) AS versions FROM some WHERE stream IS NOT NULL GROUP BY stream)
             SELECT (SELECT count(*) FROM some WHERE typeof(version) <> 'integer') = 0
               AND (SELECT count(*) FROM streams WHERE events <> versions OR last - first <> events - 1) = 0
               AND (SELECT count(*) FROM streams WHERE events > 1) > 1
               AND (SELECT count(DISTINCT version) FROM some) < (SELECT sum(events) FROM streams)",
            shape.from
        );
        let _watch =
            matches!(shape.kind, Kind::View | Kind::Query).then(|| database.pulse().watch());
        let counts = database
            .connection()
            .query_row(&sql, [], |row| row.get::<_, Option<bool>>(0));
        if counts.map_err(failure)? == Some(true) {
            return Ok(Some(column));
        }
    }
    Ok(None)
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

    /// The position and the version that a table is taken to have, with these columns beside its stream,
    /// type and time, and in each row the stream and what these columns hold.
    fn guessed(columns: &str, rows: &[(&str, &str)]) -> [Option<String>; 2] {
        let table = format!("CREATE TABLE e (stream_id, type, occurred_at, {columns});");
        let rows = rows.iter().map(|(stream, values)| {
            format!("INSERT INTO e VALUES ('{stream}', 'A', '2024-06-02T11:00:00Z', {values});")
        });
        let bench = Bench::new(&(table + &rows.collect::<String>()));
        let mut found = recognise(&bench.path).expect("it is recognised");
        let source = found.definition.sources.remove(0);
        [source.position, source.version].map(|field| field.map(|field| field.name.to_string()))
    }

    fn both(position: &str, version: &str) -> [Option<String>; 2] {
        [position, version].map(|name| Some(name.to_owned()).filter(|name| !name.is_empty()))
    }

    #[test]
    fn a_version_is_known_by_its_name() {
        for name in [
            "agg_version",
            "aggregate_version",
            "Aggregate_Seq",
            "aggSeq",
        ] {
            let columns = format!("id INTEGER PRIMARY KEY, {name}");
            let known = if name == "aggSeq" { "" } else { name };
            assert_eq!(guessed(&columns, &[]), both("id", known), "{name}");
        }
    }

    #[test]
    fn what_may_count_something_else_is_a_version_where_it_counts_within_streams() {
        let versions = [("a", "1, 1"), ("b", "2, 1"), ("a", "3, 2"), ("b", "4, 2")];
        let doubtful = ["event_version", "sequence_number", "sequence", "seq"];
        for name in doubtful {
            let columns = format!("id INTEGER PRIMARY KEY, {name}");
            assert_eq!(guessed(&columns, &versions), both("id", name), "{name}");
        }
        let columns = "position INTEGER PRIMARY KEY, event_version INT";
        let found = |rows: &[(&str, &str)]| guessed(columns, rows);
        assert_eq!(found(&versions), both("position", "event_version"));
        for (rows, why) in [
            (&[][..], "nothing is known"),
            (&[("a", "1, 1"), ("b", "2, 1")], "each stream has one"),
            (
                &[("a", "1, 1"), ("b", "2, 1"), ("a", "3, 1"), ("b", "4, 2")],
                "a stream has one twice, as the form of its data",
            ),
            (
                &[("a", "1, 1"), ("b", "2, 1"), ("a", "3, 3"), ("b", "4, 2")],
                "one is left out",
            ),
            (
                &[("a", "1, 1"), ("a", "2, 2"), ("b", "3, 3"), ("b", "4, 4")],
                "it counts the log",
            ),
            (
                &[("a", "1, 1"), ("b", "2, 1"), ("a", "3, 2"), ("b", "4, 'x'")],
                "one is no number",
            ),
        ] {
            assert_eq!(found(rows), both("position", ""), "{why}");
        }
        let columns = "id INTEGER PRIMARY KEY, sequence_number";
        let global = [("a", "1, 1"), ("b", "2, 2"), ("a", "3, 3"), ("b", "4, 4")];
        assert_eq!(guessed(columns, &global), both("sequence_number", ""));
        let alone = [("a", "1"), ("b", "1"), ("a", "2"), ("b", "2")];
        assert_eq!(
            guessed("sequence_number", &alone),
            both("sequence_number", "")
        );
        let columns = "id INTEGER PRIMARY KEY, seq, version";
        let named = [
            ("a", "1, 1, 7"),
            ("b", "2, 1, 7"),
            ("a", "3, 2, 8"),
            ("b", "4, 2, 8"),
        ];
        assert_eq!(guessed(columns, &named), both("seq", "version"));
    }
}
