use std::ops::ControlFlow;
use std::sync::Arc;

use crate::definition::fault::Place;
use crate::definition::log::{Claims, Encoding, Field, Relation, Source, TimeUnit};
use crate::event::Position;
use crate::log::testing::{
    Bench, all, definition, field, kind, open, opened, positions, refusal, table, time,
};
use crate::log::{ClaimRow, Filter, Log, LogError};

#[test]
fn ids_are_texts_whatever_they_are_stored_as() {
    let bench = Bench::new(
        "CREATE TABLE t (type, time, c);
         INSERT INTO t VALUES ('A', 1, 'o1'), ('A', 1, 42), ('A', 1, 1.5),
           ('A', 1, x'00112233445566778899aabbccddeeff'), ('A', 1, x'beef'), ('A', 1, NULL),
           ('A', 1, CAST(x'61ff62' AS TEXT)), ('A', 1, '042'), ('A', 1, CAST(x'61fe62' AS TEXT)),
           ('A', 1, 'a\u{fffd}''ff''b'), ('A', 1, 'a\u{fffd}b');",
    );
    let source = Source {
        correlation: Some(field("c")),
        ..table("t")
    };
    let log = open(&bench, vec![source]);
    let seen: Vec<_> = all(&log)
        .0
        .into_iter()
        .map(|event| event.correlation)
        .collect();
    let texts = [
        Some("o1"),
        Some("42"),
        Some("1.5"),
        Some("00112233-4455-6677-8899-aabbccddeeff"),
        Some("beef"),
        None,
        Some("a\u{fffd}'ff'b"),
        Some("042"),
        Some("a\u{fffd}'fe'b"),
        Some("a\u{fffd}'efbfbd''ff'b"),
        Some("a\u{fffd}b"),
    ];
    assert_eq!(seen, texts.map(|text| text.map(str::to_owned)));
    for (at, text) in texts.iter().enumerate() {
        if let Some(text) = text {
            let found = log.events(Filter::Correlation(text)).expect("reads").0;
            assert_eq!(positions(&found), [at as i64 + 1], "{text}");
        }
    }
}

#[test]
fn positions_that_are_texts_are_ordered_as_numbers() {
    let bench = Bench::new(
        "CREATE TABLE t (p TEXT, type, time); CREATE INDEX i ON t (p);
         INSERT INTO t VALUES ('10', 'B', 1), ('9', 'A', 1), ('0011', 'C', 1);",
    );
    let log = open(
        &bench,
        vec![Source {
            position: Some(field("p")),
            ..table("t")
        }],
    );
    assert_eq!(positions(&all(&log).0), [9, 10, 11]);
    let found = log
        .events(Filter::Positions(&[Position(11)]))
        .expect("reads")
        .0;
    assert_eq!(positions(&found), [11]);
    let tail: Vec<i64> = log
        .tail(2)
        .expect("reads")
        .iter()
        .map(|(p, _)| p.0)
        .collect();
    assert_eq!(tail, [10, 11]);
}

#[test]
fn a_table_without_rowid_is_numbered_by_its_key() {
    let bench = Bench::new(
        "CREATE TABLE t (a, b, type, time, PRIMARY KEY (b, a)) WITHOUT ROWID;
         INSERT INTO t VALUES (2, 1, 'B', 1), (1, 2, 'C', 1), (1, 1, 'A', 1);",
    );
    let log = open(&bench, vec![table("t")]);
    let events = all(&log).0;
    assert_eq!(positions(&events), [1, 2, 3]);
    assert_eq!(
        events.iter().map(|e| e.kind.as_str()).collect::<String>(),
        "ABC"
    );
    assert!(log.remarks()[0].contains("numbered in the order of its primary key"));
    let found = log
        .events(Filter::Positions(&[Position(2)]))
        .expect("reads")
        .0;
    assert_eq!(found[0].kind, "B");
    let message = refusal(
        &bench,
        Source {
            position: Some(field("rowid")),
            ..table("t")
        },
    );
    assert!(
        message.starts_with("log.db: `t` is a WITHOUT ROWID table"),
        "{message}"
    );
}

#[test]
fn names_may_hold_anything() {
    let bench = Bench::new(
        r#"CREATE TABLE "my ""events"": all" ("select" TEXT, "ocel:time" INT, "a.b" TEXT, "Saga Id" TEXT, rowid);
           INSERT INTO "my ""events"": all" VALUES ('A', 5, '{"x":{"y":"z"}}', 's', 77);"#,
    );
    let source = Source {
        time: time("ocel:time", TimeUnit::Seconds),
        kind: kind("select"),
        correlation: Some(field("saga id")),
        id: Some(field("a.b.x.y")),
        data: Some(field("a.b")),
        ..table("my \"events\": all")
    };
    let events = all(&open(&bench, vec![source])).0;
    assert_eq!(events[0].correlation.as_deref(), Some("s"));
    assert_eq!(events[0].id.as_deref(), Some("z"));
    assert_eq!(
        events[0].position,
        Position(1),
        "the real rowid, not the column that hides it"
    );
}

#[test]
fn what_is_misspelt_is_named_with_what_there_is() {
    let bench = Bench::new(
        "CREATE TABLE events (id, type, time, saga_id, payload); CREATE VIEW v AS SELECT 1 AS type, 2 AS time;",
    );
    assert_eq!(
        refusal(&bench, table("event")),
        "log.db has no table `event`; did you mean `events`? it has `events`, `v`"
    );
    let source = Source {
        correlation: Some(field("sagaid")),
        ..table("events")
    };
    assert_eq!(
        refusal(&bench, source),
        "log.db: `events` has no column `sagaid`; did you mean `saga_id`? it has `id`, `type`, \
         `time`, `saga_id`, `payload` (for `correlation`)"
    );
    let source = Source {
        correlation: Some(field("data.order")),
        ..table("events")
    };
    assert!(refusal(&bench, source).contains("no `data:` is mapped"));
    assert!(refusal(&bench, table("v")).contains("is a view and has no rowid"));
    let source = Source {
        position: Some(field("payload.p")),
        ..table("events")
    };
    assert!(refusal(&bench, source).contains("a position must be a column"));
}

#[test]
fn fields_are_found_in_json_through_wrappers_and_lists() {
    let bench = Bench::new(
        r#"CREATE TABLE t (type, time, payload, headers);
           INSERT INTO t VALUES
             ('A', 1, '{"transfer_id":{"_type_":"uuid","_data_":"t\u00e9\"1"},"items":[{"n":7},{"n":8}]}', '{"k":{"deep":[]}}'),
             ('A', 1, '{"items":[]}', NULL), ('A', 1, '[1]', '3'), ('A', 1, 'nonsense', '{}');"#,
    );
    let source = Source {
        data: Some(field("payload")),
        metadata: Some(field("headers")),
        correlation: Some(field("data.transfer_id._data_")),
        id: Some(field("payload.items.1.n")),
        key: Some(field("metadata.k")),
        ..table("t")
    };
    let log = open(&bench, vec![source]);
    let (events, bad) = all(&log);
    let seen: Vec<_> = events
        .iter()
        .map(|e| (e.correlation.as_deref(), e.id.as_deref(), e.key.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            (Some("té\"1"), Some("8"), Some(r#"{"deep":[]}"#)),
            (None, None, None),
            (None, None, None),
            (None, None, None)
        ]
    );
    assert!(
        bad[0]
            .reason
            .starts_with("data.transfer_id._data_ `nonsense` is not JSON"),
        "{bad:?}"
    );
    let found = log.events(Filter::Correlation("té\"1")).expect("reads").0;
    assert_eq!(positions(&found), [1]);
}

#[test]
fn types_are_cut_to_their_last_segment_and_renamed() {
    let bench = Bench::new(
        "CREATE TABLE t (type, time); INSERT INTO t VALUES ('shop.domain:Order.Placed', 1),
           ('shop:Other', 1), ('Plain', 1), (5, 1);",
    );
    let mut source = table("t");
    let types = source.kind.as_mut().expect("a type");
    types.last_segment = Some(":".to_owned());
    types.renames = [
        ("shop.domain:Order.Placed", "OrderPlaced"),
        ("Plain", "Fancy"),
        ("5", "Five"),
    ]
    .map(|(from, to)| (from.to_owned(), Arc::from(to)))
    .into();
    let log = open(&bench, vec![source]);
    let known = log.intern("Other");
    let events = all(&log).0;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["OrderPlaced", "Other", "Fancy", "Five"]);
    assert_eq!(log.type_name(known).as_ref(), "Other");
    assert_eq!(log.types().len(), 4);
}

#[test]
fn packed_data_is_unpacked() {
    use std::io::Write;
    let zlib = |bytes: &[u8]| {
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).expect("compressed");
        encoder.finish().expect("compressed")
    };
    let bench = Bench::new("CREATE TABLE t (type, time, data);");
    let connection = bench.writer();
    let mut insert = connection
        .prepare("INSERT INTO t VALUES ('A', 1, ?1)")
        .expect("sql");
    insert.execute([zlib(br#"{"id":"z"}"#)]).expect("inserted");
    insert
        .execute([br#"{"id":"blob"}"#.to_vec()])
        .expect("inserted");
    insert.execute([r#"{"id":"text"}"#]).expect("inserted");
    insert
        .execute([zlib(&vec![b' '; 257 << 20])])
        .expect("inserted");
    let mut torn = zlib(br#"{"id":"a longer text that is torn"}"#);
    torn.truncate(20);
    insert.execute([torn]).expect("inserted");
    connection
        .execute_batch(r#"INSERT INTO t VALUES ('A', 1, jsonb('{"id":"b","l":[1,-2.5,null,true,"\u00e9\n"]}'))"#)
        .expect("inserted");
    drop(insert);
    drop(connection);
    let source = Source {
        data: Some(Field {
            encoding: Encoding::Zlib,
            ..field("data")
        }),
        correlation: Some(field("data.id")),
        ..table("t")
    };
    let (events, bad) = all(&open(&bench, vec![source]));
    let ids: Vec<_> = events
        .iter()
        .filter_map(|event| event.correlation.as_deref())
        .collect();
    assert_eq!(ids, ["z", "blob", "text", "b"]);
    let last = events
        .iter()
        .find(|event| event.correlation.as_deref() == Some("b"));
    assert_eq!(
        last.expect("it can be read").data,
        Some(serde_json::json!({"id": "b", "l": [1, -2.5, null, true, "é\n"]}))
    );
    assert!(
        bad.iter()
            .any(|bad| bad.reason.ends_with("inflates to more than 256 MiB")),
        "{bad:?}"
    );
    assert!(
        bad.iter()
            .any(|bad| bad.reason.contains("cannot be inflated")),
        "{bad:?}"
    );
    assert_eq!(bad.len(), 2);
}

#[test]
fn facts_tell_what_the_schema_proves() {
    let fact = |schema: &str| {
        let bench = Bench::new(&format!(
            "{schema}; INSERT INTO t (type, time) VALUES ('A', 1);"
        ));
        let source = Source {
            id: Some(field("id")),
            correlation: Some(field("c")),
            ..table("t")
        };
        open(&bench, vec![source]).facts()[0].clone()
    };
    let plain = fact("CREATE TABLE t (id, c, type, time)");
    assert!(plain.position_reuse && !plain.unique_id && !plain.indexed_correlation);
    assert_eq!((plain.name.as_str(), plain.sequence), ("t", None));
    let strict = fact(
        "CREATE TABLE t (p INTEGER PRIMARY KEY AUTOINCREMENT, id UNIQUE, c, type, time);
         CREATE INDEX i ON t (c, time)",
    );
    assert!(!strict.position_reuse && strict.unique_id && strict.indexed_correlation);
    assert_eq!(strict.sequence, Some(1));
    let partial = fact(
        "CREATE TABLE t (id /* AUTOINCREMENT */, c DEFAULT 'AUTOINCREMENT', type, time);
         CREATE UNIQUE INDEX i ON t (id) WHERE c IS NULL; CREATE UNIQUE INDEX j ON t (id, c);
         CREATE INDEX k ON t (lower(c))",
    );
    assert!(partial.position_reuse && !partial.unique_id && !partial.indexed_correlation);
}

#[test]
fn claims_are_read_as_texts() {
    let bench = Bench::new(
        "CREATE TABLE events (type, time);
         CREATE TABLE status (saga_id, state);
         INSERT INTO status VALUES (1, 'DONE'), ('o2', NULL), ('o3', 'RUNNING');",
    );
    let mut definition = definition(&bench.path, vec![table("events")]);
    let claims = |status: &str| Claims {
        place: Place {
            file: Arc::new("sagas/log.yaml".into()),
            line: 4,
            column: 3,
            start: 0,
            end: 0,
        },
        saga: Arc::from("order"),
        relation: Relation::Table("status".to_owned()),
        id: "saga_id".to_owned(),
        status: status.to_owned(),
        completed: vec![],
        compensated: vec![],
        running: vec![],
    };
    definition.claims = vec![claims("state"), claims("stat")];
    let log = opened(&definition);
    let rows = claimed(&log, 0, None).expect("reads");
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (row.id.as_str(), row.status.as_str()))
        .collect();
    assert_eq!(rows, [("1", "DONE"), ("o3", "RUNNING")]);
    for (only, there) in [("1", 1), ("o3", 1), ("o2", 0), ("O3", 0)] {
        assert_eq!(claimed(&log, 0, Some(only)).expect("reads").len(), there);
    }
    let message = claimed(&log, 1, None).expect_err("no such column").message;
    assert!(
        message.contains("sagas/log.yaml:4:3") && message.contains("`state`"),
        "{message}"
    );
}

#[test]
fn a_payload_of_100_megabytes_is_read() {
    let bench = Bench::new("CREATE TABLE t (type, time, data);");
    let text = format!("\"{}\"", "x".repeat(100_000_000));
    bench
        .writer()
        .execute("INSERT INTO t VALUES ('A', 1, ?1)", [&text])
        .expect("inserted");
    let log = open(
        &bench,
        vec![Source {
            data: Some(field("data")),
            ..table("t")
        }],
    );
    let mut len = 0;
    log.scan(log.maps(), Filter::All, &mut |row| {
        len = row.expect("a row").data.map_or(0, <[u8]>::len);
        ControlFlow::Continue(())
    })
    .expect("reads");
    assert_eq!(len, text.len());
}

fn claimed(log: &Log, index: usize, only: Option<&str>) -> Result<Vec<ClaimRow>, LogError> {
    let mut rows = Vec::new();
    log.claims(index, only, &mut |row| rows.push(row))?;
    Ok(rows)
}
