//! A recorded log as JSON Lines, loaded into an in-memory database that the one reader reads.
//!
//! Our own field names and the attribute names of CloudEvents are both understood. Attributes that
//! have no field are kept in the metadata. A line that cannot be used is kept as a bad row.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::value::RawValue;

use super::error::LogError;
use super::mapping::{self, Plan, Slot};
use super::open::Database;
use super::presets::field;
use super::{json, record, time, value};
use crate::definition::log::{Encoding, Field, Source, TimeUnit, TypeField};

/// The fields in the order of the table's columns after `line` and `fault`, each with the names
/// under which an object may give it.
const FIELDS: [(&str, &[&str]); 11] = [
    ("position", &["position"]),
    ("id", &["id", "event_id"]),
    (
        "stream",
        &["stream", "stream_id", "subject", "partitionkey"],
    ),
    ("version", &["version"]),
    ("type", &["type"]),
    ("time", &["time"]),
    (
        "correlation",
        &[
            "correlation",
            "correlation_id",
            "correlationid",
            "correlationId",
            "saga_id",
        ],
    ),
    (
        "causation",
        &["causation", "causation_id", "causationid", "causationId"],
    ),
    (
        "idempotency",
        &[
            "idempotency_key",
            "key",
            "idempotency",
            "idempotencykey",
            "idempotencyKey",
        ],
    ),
    ("data", &["data"]),
    ("metadata", &["metadata"]),
];

type Object<'a> = BTreeMap<String, &'a RawValue>;

/// Loads the file.
pub(crate) fn load(path: &Path) -> Result<Database, LogError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => LogError::no_file(path),
        _ => unreadable(path, &error),
    })?;
    let failure = |error: rusqlite::Error| LogError::sqlite(path, &error);
    let connection = Connection::open_in_memory().map_err(failure)?;
    let columns: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
    let marks = vec!["?"; columns.len() + 2].join(", ");
    connection
        .execute_batch(&format!(
            "BEGIN; CREATE TABLE events (line INTEGER PRIMARY KEY, fault, {})",
            columns.join(", ")
        ))
        .map_err(failure)?;
    fill(
        path,
        file,
        &connection,
        &format!("INSERT INTO events VALUES ({marks})"),
    )?;
    let unplaced: i64 = connection
        .query_row(
            "SELECT count(*) FROM events WHERE position IS NULL AND fault IS NULL",
            [],
            |row| row.get(0),
        )
        .map_err(failure)?;
    if unplaced > 0 {
        connection
            .execute("UPDATE events SET position = line", [])
            .map_err(failure)?;
    }
    connection
        .execute_batch(
            "CREATE INDEX by_position ON events (position);
             CREATE INDEX by_correlation ON events (correlation); COMMIT",
        )
        .map_err(failure)?;
    Database::loaded(path, connection).map_err(failure)
}

fn unreadable(path: &Path, error: &std::io::Error) -> LogError {
    LogError::new(format!("{} cannot be read: {error}", path.display()))
}

fn fill(path: &Path, file: File, connection: &Connection, sql: &str) -> Result<(), LogError> {
    let failure = |error: rusqlite::Error| LogError::sqlite(path, &error);
    let mut insert = connection.prepare(sql).map_err(failure)?;
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    let mut number = 0_i64;
    loop {
        bytes.clear();
        if reader
            .read_until(b'\n', &mut bytes)
            .map_err(|error| unreadable(path, &error))?
            == 0
        {
            return Ok(());
        }
        number += 1;
        let line = match number {
            1 => bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes),
            _ => &bytes,
        }
        .trim_ascii();
        if line.is_empty() {
            continue;
        }
        let mut row = vec![Value::Integer(number), Value::Null];
        match parse(line, &mut row) {
            Ok(()) => {}
            Err(reason) => {
                row[1] = Value::Text(format!(
                    "line {number} {reason}: {}",
                    value::excerpt(ValueRef::Text(line))
                ));
            }
        }
        row.resize(FIELDS.len() + 2, Value::Null);
        insert.execute(params_from_iter(row)).map_err(failure)?;
    }
}

/// Appends the object's fields to `row`, as far as they can be read.
fn parse(line: &[u8], row: &mut Vec<Value>) -> Result<(), String> {
    let object: Object<'_> =
        serde_json::from_slice(line).map_err(|error| format!("is not a JSON object ({error})"))?;
    let mut fault = Ok(());
    for (field, names) in FIELDS {
        let raw = names
            .iter()
            .find_map(|name| object.get(*name))
            .map(|raw| raw.get());
        let stored = match field {
            "time" => instant(raw),
            "position" => whole(field, raw),
            // Whoever reads the column says what is wrong with it; the other fields can be judged.
            "version" => {
                let written = || Value::Text(raw.unwrap_or_default().to_owned());
                Ok(whole(field, raw).unwrap_or_else(|_| written()))
            }
            "type" => match text(raw) {
                Value::Null => Err("has no `type`".to_owned()),
                name => Ok(name),
            },
            "metadata" => Ok(metadata(raw, &object)),
            "data" => Ok(raw.map_or(Value::Null, |raw| Value::Text(raw.to_owned()))),
            _ => Ok(text(raw)),
        };
        row.push(stored.unwrap_or_else(|reason| {
            fault = std::mem::replace(&mut fault, Ok(())).and(Err(reason));
            Value::Null
        }));
    }
    fault
}

fn text(raw: Option<&str>) -> Value {
    let mut scratch = String::new();
    match json::scalar(raw, &mut scratch) {
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => Value::Null,
    }
}

fn whole(field: &str, raw: Option<&str>) -> Result<Value, String> {
    let mut scratch = String::new();
    match value::integer(json::scalar(raw, &mut scratch)) {
        Ok(Some(number)) => Ok(Value::Integer(number)),
        Ok(None) => Ok(Value::Null),
        Err(raw) => Err(format!(
            "has the {field} {raw}, which is not a whole number"
        )),
    }
}

fn instant(raw: Option<&str>) -> Result<Value, String> {
    let mut scratch = String::new();
    let unit = match raw {
        None | Some("null") => return Err("has no `time`".to_owned()),
        Some(raw) if raw.starts_with('"') => TimeUnit::Rfc3339,
        Some(_) => TimeUnit::Milliseconds,
    };
    time::read(json::scalar(raw, &mut scratch), unit)
        .map(|time| Value::Integer(time.as_nanos()))
        .map_err(|reason| format!("cannot be used ({reason})"))
}

/// The metadata with every attribute that is no field of its own.
fn metadata(raw: Option<&str>, object: &Object<'_>) -> Value {
    let mut merged: Object<'_> = object
        .iter()
        .filter(|(name, _)| {
            !FIELDS
                .iter()
                .any(|(field, names)| name == field || names[0] == *name)
        })
        .map(|(name, raw)| (name.clone(), *raw))
        .collect();
    merged.remove("key");
    match raw.map(|raw| (raw, serde_json::from_str::<Object<'_>>(raw))) {
        Some((_, Ok(own))) => merged.extend(own),
        Some((raw, Err(_))) => return Value::Text(raw.to_owned()),
        None => {}
    }
    if merged.is_empty() && raw.is_none() {
        return Value::Null;
    }
    serde_json::to_string(&merged).map_or(Value::Null, Value::Text)
}

/// The loaded table's plan. Of a mapping written for a database, what still makes sense is kept:
/// renames of types, and fields that are paths into the data or metadata.
pub(crate) fn plan(database: &Database, declared: Option<&Source>) -> Result<Plan, LogError> {
    let own = record::source();
    let over = |own: Option<Field>, get: fn(&Source) -> Option<&Field>| {
        declared
            .and_then(|source| into_document(source, get(source)?))
            .map_or(own, |path| Some(field(&path)))
    };
    let declared_kind = declared.and_then(|source| source.kind.as_ref());
    let source = Source {
        kind: Some(TypeField {
            field: Some(field("type")),
            last_segment: declared_kind.and_then(|kind| kind.last_segment.clone()),
            renames: declared_kind.map_or_else(BTreeMap::new, |kind| kind.renames.clone()),
        }),
        stream: over(own.stream, |source| source.stream.as_ref()),
        version: over(own.version, |source| source.version.as_ref()),
        id: over(own.id, |source| source.id.as_ref()),
        correlation: over(own.correlation, |source| source.correlation.as_ref()),
        causation: over(own.causation, |source| source.causation.as_ref()),
        key: over(Some(field("idempotency")), |source| source.key.as_ref()),
        ..own
    };
    let mut plan = mapping::resolve(database, 0, &source)?;
    plan.fault = Some(Slot {
        column: "fault".to_owned(),
        encoding: Encoding::Plain,
        path: Vec::new(),
        name: "fault".to_owned(),
    });
    plan.facts.position_reuse = false;
    Ok(plan)
}

/// The field as a path from `data` or `metadata`, where it is one.
fn into_document(source: &Source, field: &Field) -> Option<String> {
    let (first, rest) = field.name.split_once('.')?;
    let named = |document: &Option<Field>| {
        document
            .as_ref()
            .is_some_and(|document| document.name == first)
    };
    if first == "data" || named(&source.data) {
        Some(format!("data.{rest}"))
    } else if first == "metadata" || named(&source.metadata) {
        Some(format!("metadata.{rest}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::log::LogDefinition;
    use crate::event::{Event, Position};
    use crate::log::testing::{definition, events, field};
    use crate::log::{BadRow, Filter, Log, OpenOptions};

    fn read(text: &str, sources: Vec<Source>) -> (Vec<Event>, Vec<BadRow>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log.jsonl");
        std::fs::write(&path, text).expect("written");
        let definition: LogDefinition = definition(&path, sources);
        let log = Log::open(&definition, &OpenOptions::default()).expect("it opens");
        log.events(Filter::All).expect("it can be read")
    }

    #[test]
    fn whole_numbers_are_one_name_however_they_are_written() {
        for id in ["7", "7.0", "70e-1", "\"7\""] {
            let line = format!(
                "{{\"type\":\"A\",\"time\":\"2024-06-02T11:02:00Z\",\"id\":{id},\"stream\":{id},\
                 \"correlation\":{id},\"causation\":{id},\"key\":{id}}}"
            );
            let (events, bad) = read(&line, vec![]);
            assert_eq!(bad, [], "{id}");
            let Event {
                id: own,
                stream,
                correlation,
                causation,
                key,
                ..
            } = &events[0];
            for text in [own, stream, correlation, causation, key] {
                assert_eq!(text.as_deref(), Some("7"), "{id}");
            }
        }
    }

    #[test]
    fn our_own_names_and_those_of_cloudevents_are_read() {
        let (events, bad) = read(
            "\u{feff}{\"type\":\"A\",\"time\":\"2024-06-02T11:02:00Z\",\"id\":\"1\",\"stream\":\"s\",\
             \"version\":2,\"correlation\":7,\"causation\":\"c\",\"key\":\"k\",\"data\":{\"n\":1.10},\
             \"metadata\":{\"m\":1}}\r\n\n\
             {\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"/shop\",\"subject\":\"order-7\",\
             \"type\":\"B\",\"time\":1717326120250,\"correlationid\":\"o\\u00e9\",\"causationid\":\"1\",\
             \"data\":[]}\n",
            vec![],
        );
        assert_eq!(bad, []);
        let texts = |event: &Event| {
            [
                &event.id,
                &event.stream,
                &event.correlation,
                &event.causation,
                &event.key,
            ]
            .map(|text| text.clone().unwrap_or_default())
        };
        assert_eq!(texts(&events[0]), ["1", "s", "7", "c", "k"]);
        assert_eq!(events[0].metadata, Some(serde_json::json!({"m": 1})));
        assert_eq!(events[0].version, Some(2));
        assert_eq!(texts(&events[1]), ["2", "order-7", "oé", "1", ""]);
        assert_eq!(events[1].position, Position(3), "the line");
        assert_eq!(events[1].time.to_string(), "2024-06-02T11:02:00.25Z");
        let metadata = events[1]
            .metadata
            .as_ref()
            .expect("what has no field of its own");
        assert_eq!(metadata["source"], "/shop");
        assert_eq!(metadata["specversion"], "1.0");
    }

    #[test]
    fn a_bad_line_is_a_bad_row_and_nothing_else_is_lost() {
        let (events, bad) = read(
            "{\"type\":\"A\",\"time\":1}\nnonsense\n{\"time\":1}\n{\"type\":\"B\",\"time\":\"soon\"}\n\
             {\"type\":\"C\"}\n[1]\n{\"type\":\"D\",\"time\":2}",
            vec![],
        );
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["A", "D"]);
        let bad: Vec<_> = bad
            .iter()
            .map(|bad| (bad.position.map(|p| p.0), bad.reason.as_str()))
            .collect();
        assert_eq!(
            bad,
            [
                (None, "line 2 is not a JSON object (expected ident at line 1 column 2): `nonsense`"),
                (Some(3), "line 3 has no `type`: `{\"time\":1}`"),
                (
                    Some(4),
                    "line 4 cannot be used (time `soon` is not a date and time of the years 1677 to \
                     2262): `{\"type\":\"B\",\"time\":\"soon\"}`"
                ),
                (Some(5), "line 5 has no `time`: `{\"type\":\"C\"}`"),
                (
                    Some(6),
                    "line 6 is not a JSON object (invalid type: sequence, expected a map at line 1 \
                     column 0): `[1]`"
                ),
            ]
            .map(|(position, reason)| (position.or(Some(2)), reason))
        );
    }

    #[test]
    fn positions_count_only_if_every_event_has_one() {
        let own = "{\"type\":\"B\",\"time\":1,\"position\":9}\n{\"type\":\"A\",\"time\":1,\"position\":4}\n";
        let positions = |text: &str| -> Vec<i64> {
            read(text, vec![])
                .0
                .iter()
                .map(|event| event.position.0)
                .collect()
        };
        assert_eq!(positions(own), [4, 9]);
        assert_eq!(
            positions(&format!("{own}{{\"type\":\"C\",\"time\":1}}")),
            [1, 2, 3]
        );
        assert_eq!(positions(""), Vec::<i64>::new());
    }

    #[test]
    fn a_mapping_for_a_database_keeps_its_paths_and_renames() {
        let mut source = events();
        source.correlation = Some(field("payload.order"));
        if let Some(kind) = &mut source.kind {
            kind.renames = [("A".to_owned(), "Placed".into())].into();
        }
        let (events, _) = read(
            "{\"type\":\"A\",\"time\":1,\"data\":{\"order\":\"o1\"}}",
            vec![source],
        );
        assert_eq!(events[0].correlation.as_deref(), Some("o1"));
        assert_eq!(events[0].kind, "Placed");
    }
}
