use std::ops::ControlFlow;

use proptest::prelude::*;
use rusqlite::params;

use crate::definition::log::{Merge, Relation, Source};
use crate::event::{Event, Position, Timestamp};
use crate::log::testing::{
    Bench, EVENTS, all, bare, definition, events, field, open, opened, positions, refusal, table,
};
use crate::log::{BadId, BadRow, Fields, Filter, Log};
use crate::sampling::sampled;

fn plan_of(bench: &Bench, sql: &str) -> String {
    let connection = bench.writer();
    let mut statement = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {}", sql.replace('?', "'a'")))
        .expect("sql");
    let rows = statement
        .query_map([], |row| row.get::<_, String>(3))
        .expect("a plan");
    rows.map(|row| row.expect("a row"))
        .collect::<Vec<_>>()
        .join("; ")
}

fn selected(log: &Log, filter: Filter<'_>) -> String {
    let plan = &log.plans()[0];
    let layout = super::Layout::new(
        plan,
        Fields {
            time: true,
            ..Fields::default()
        },
        false,
    );
    let (condition, _) = super::narrow(plan, filter).unwrap_or_default();
    super::select(plan, &layout, &condition)
}

#[test]
fn every_field_is_read_as_it_stands() {
    let bench = Bench::new(&format!(
        "{EVENTS} INSERT INTO events VALUES
         (7, 'e7', 'order-1', 3, 'Placed', 1717326120250, 'o1', 'e6', 'k', '{{\"a\":1}}', '{{\"b\":2}}');"
    ));
    let (events, bad) = all(&open(&bench, vec![events()]));
    assert_eq!(bad, []);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        events,
        [Event {
            position: Position(7),
            source: None,
            id: text("e7"),
            stream: text("order-1"),
            version: Some(3),
            kind: "Placed".to_owned(),
            time: "2024-06-02T11:02:00.25Z".parse().expect("an instant"),
            correlation: text("o1"),
            causation: text("e6"),
            key: text("k"),
            data: Some(serde_json::json!({"a": 1})),
            metadata: Some(serde_json::json!({"b": 2})),
        }]
    );
}

#[test]
fn an_empty_table_is_an_empty_log() {
    let bench = Bench::new(EVENTS);
    let log = open(&bench, vec![events()]);
    assert_eq!(all(&log), (vec![], vec![]));
    assert_eq!(log.estimate(), 0);
    assert_eq!(log.tail(3), Ok(vec![]));
}

#[test]
fn a_row_that_cannot_be_judged_is_handed_out_and_the_scan_goes_on() {
    let bench = Bench::new(
        "CREATE TABLE t (position, type, time, version, data);
         INSERT INTO t VALUES (1, NULL, 1, 1, '{}'), (2, 'A', NULL, 1, '{}'),
           (3, 'A', 9467085000000000, 1, '{}'), (4, 'A', 'soon', 1, '{}'),
           (5, 'A', 1, 'x', '{}'), (6, 'A', 1, 1, '{bad'), (7, 'A', 1, 1, NULL),
           (NULL, 'A', 1, 1, '{}'), ('p', 'A', 1, 1, '{}');",
    );
    let source = Source {
        position: Some(field("position")),
        version: Some(field("version")),
        data: Some(field("data")),
        ..table("t")
    };
    let (events, bad) = all(&open(&bench, vec![source]));
    assert_eq!(positions(&events), [5, 6, 7]);
    let bad: Vec<_> = bad
        .iter()
        .map(|bad| (bad.position.map(|p| p.0), bad.reason.as_str()))
        .collect();
    assert_eq!(
        bad,
        [
            (None, "position is null"),
            (Some(1), "type is null"),
            (Some(2), "time is null"),
            (
                Some(3),
                "time `9467085000000000` ms lies outside the years 1677 to 2262"
            ),
            (Some(4), "time `soon` is not a number of ms"),
            (Some(5), "version `x` is not a whole number"),
            (
                Some(6),
                "data `{bad` is not JSON: key must be a string at line 1 column 2"
            ),
            (None, "position `p` is not a whole number"),
        ]
    );
}

#[test]
fn a_time_that_is_not_asked_for_is_not_judged() {
    let bench = Bench::new("CREATE TABLE t (type, time); INSERT INTO t VALUES ('A', 'soon');");
    let log = open(&bench, vec![table("t")]);
    let mut seen = 0;
    log.scan(Fields::default(), Filter::All, &mut |row| {
        assert_eq!(row.expect("no bad row").time, Timestamp::from_nanos(0));
        seen += 1;
        ControlFlow::Continue(())
    })
    .expect("reads");
    assert_eq!(seen, 1);
}

#[test]
fn correlations_are_found_under_every_affinity() {
    for declared in ["INTEGER", "TEXT", "NUMERIC", "REAL", "BLOB", ""] {
        let bench = Bench::new(&format!(
            "CREATE TABLE t (type, time, c {declared}); CREATE INDEX i ON t (c);
             INSERT INTO t VALUES ('A', 1, 42), ('A', 1, '42'), ('A', 1, 42.0), ('A', 1, 'x'),
               ('A', 1, '042'), ('A', 1, x'3432'), ('A', 1, 1e20);"
        ));
        let source = Source {
            correlation: Some(field("c")),
            ..table("t")
        };
        let log = open(&bench, vec![source]);
        let every = all(&log).0;
        for event in &every {
            let wanted = event.correlation.as_deref().expect("none is null");
            let by_hand: Vec<i64> = every
                .iter()
                .filter(|other| other.correlation == event.correlation)
                .map(|other| other.position.0)
                .collect();
            let found = log.events(Filter::Correlation(wanted)).expect("reads").0;
            assert_eq!(positions(&found), by_hand, "{declared} {wanted}");
        }
    }
}

#[test]
fn rows_stream_without_a_sort_and_look_ups_use_the_indexes() {
    for (schema, position) in [
        ("position INTEGER PRIMARY KEY", "position"),
        ("position INTEGER PRIMARY KEY AUTOINCREMENT", "position"),
        ("position INTEGER UNIQUE", "position"),
        ("x", "rowid"),
    ] {
        let bench = Bench::new(&format!(
            "CREATE TABLE t ({schema}, type, time, c TEXT); CREATE INDEX by_c ON t (c);"
        ));
        let source = Source {
            position: Some(field(position)),
            correlation: Some(field("c")),
            ..table("t")
        };
        let log = open(&bench, vec![source]);
        let plan = plan_of(&bench, &selected(&log, Filter::All));
        assert!(
            plan.starts_with("SCAN t") && !plan.contains("TEMP B-TREE"),
            "{schema}: {plan}"
        );
        let plan = plan_of(&bench, &selected(&log, Filter::Correlation("a")));
        assert!(
            plan.starts_with("SEARCH t USING INDEX by_c"),
            "{schema}: {plan}"
        );
        assert!(log.facts()[0].indexed_correlation);
    }
}

#[test]
fn rows_at_positions_are_looked_up() {
    for index in ["", "CREATE INDEX p ON t (position);"] {
        let bench = Bench::new(&format!(
            "CREATE TABLE t (position INTEGER, type, time); {index}
             INSERT INTO t VALUES (30, 'C', 1), (10, 'A', 1), (20, 'B', 1), (20, 'B2', 1), (40, NULL, 1);"
        ));
        let log = open(
            &bench,
            vec![Source {
                position: Some(field("position")),
                ..table("t")
            }],
        );
        let wanted = [Position(10), Position(15), Position(20), Position(40)];
        let (events, bad) = log.events(Filter::Positions(&wanted)).expect("reads");
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["A", "B", "B2"]);
        assert_eq!(bad.len(), 1);
    }
}

fn two_tables() -> Bench {
    Bench::new(
        "CREATE TABLE a (type, time, c); CREATE TABLE b (type, time, c);
         INSERT INTO a VALUES ('A1', 10, 'x'), ('A2', 30, 'y'), ('A3', NULL, 'x'), ('A4', 50, 'x');
         INSERT INTO b VALUES ('B1', 10, 'y'), ('B2', 20, 'x'), ('B3', 40, 'x'), ('B4', 60, 'y');",
    )
}

#[test]
fn sources_are_merged_by_time_and_numbered() {
    let bench = two_tables();
    let source = |name| Source {
        correlation: Some(field("c")),
        ..table(name)
    };
    let log = open(&bench, vec![source("a"), source("b")]);
    let (events, bad) = all(&log);
    let seen: Vec<_> = events
        .iter()
        .map(|e| {
            (
                e.position.0,
                e.kind.as_str(),
                e.source.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (1, "A1", "a:1"),
            (2, "B1", "b:1"),
            (3, "B2", "b:2"),
            (4, "A2", "a:2"),
            (6, "B3", "b:3"),
            (7, "A4", "a:4"),
            (8, "B4", "b:4"),
        ]
    );
    let kind = log.intern("A3");
    assert_eq!(
        bad,
        [BadRow {
            position: Some(Position(5)),
            reason: "time is null".to_owned(),
            id: BadId::None,
            kind: Some(kind),
            correlation: Some("x".to_owned()),
            rest: bad[0].rest.clone(),
        }]
    );
    let (found, bad) = log.events(Filter::Correlation("x")).expect("reads");
    assert_eq!(
        positions(&found),
        [1, 3, 6, 7],
        "the numbers of the full scan"
    );
    assert_eq!(bad.len(), 1);
    let found = log
        .events(Filter::Positions(&[Position(3), Position(8)]))
        .expect("reads")
        .0;
    assert_eq!(positions(&found), [3, 8]);
    let tail: Vec<i64> = log
        .tail(2)
        .expect("reads")
        .iter()
        .map(|(p, _)| p.0)
        .collect();
    assert_eq!(tail, [7, 8]);
    assert_eq!(log.estimate(), 8);
}

#[test]
fn sources_in_other_files_are_merged_by_a_shared_position() {
    let first = Bench::new(
        "CREATE TABLE t (p INTEGER PRIMARY KEY, type, time); INSERT INTO t VALUES (1, 'A', 9), (4, 'A', 9);",
    );
    let second = Bench::new(
        "CREATE TABLE t (p INTEGER PRIMARY KEY, type, time); INSERT INTO t VALUES (2, 'B', 1), (3, 'B', 1);",
    );
    let source = Source {
        position: Some(field("p")),
        ..table("t")
    };
    let other = Source {
        attach: Some(second.path.clone()),
        ..source.clone()
    };
    let mut definition = definition(&first.path, vec![source, other]);
    definition.merge = Merge::Position;
    let log = opened(&definition);
    assert_eq!(positions(&all(&log).0), [1, 2, 3, 4]);
    let found = log
        .events(Filter::Positions(&[Position(2), Position(4)]))
        .expect("reads")
        .0;
    assert_eq!(positions(&found), [2, 4]);
}

#[test]
fn a_query_gives_rows_in_its_own_order_or_by_position() {
    let bench = two_tables();
    let query = |sql: &str| bare(Relation::Query(sql.to_owned()));
    let log = open(
        &bench,
        vec![query(
            "SELECT * FROM b WHERE c = 'x' ORDER BY time DESC; -- done",
        )],
    );
    let events = all(&log).0;
    assert_eq!(
        events.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(),
        ["B3", "B2"]
    );
    assert_eq!(positions(&events), [1, 2]);
    let source = Source {
        correlation: Some(field("c")),
        ..query("SELECT 100 - time AS position, time, type, c FROM b")
    };
    let log = open(&bench, vec![source]);
    assert_eq!(positions(&all(&log).0), [40, 60, 80, 90]);
    let found = log.events(Filter::Correlation("x")).expect("reads").0;
    assert_eq!(positions(&found), [60, 80]);
}

#[test]
fn a_query_can_only_read() {
    let bench = two_tables();
    let before = bench.contents();
    for sql in [
        "DELETE FROM a RETURNING *",
        "INSERT INTO a VALUES (1, 2, 3) RETURNING *",
        "ATTACH 'x.db' AS x",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode",
        "SELECT * FROM pragma_database_list",
        "SELECT load_extension('x') AS type, 1 AS time",
        "SELECT random() AS type, 1 AS time",
        "SELECT 'A' AS type, 1 AS time; DELETE FROM a",
        "CREATE TEMP TABLE x AS SELECT 1",
        "COMMIT",
        "VACUUM INTO 'x.db'",
        "SELECT",
        "",
    ] {
        let message = refusal(&bench, bare(Relation::Query(sql.to_owned())));
        assert!(message.contains("log.db"), "{sql}: {message}");
    }
    assert!(bench.contents() == before);
    let message = refusal(
        &bench,
        bare(Relation::Query("SELECT \"tipe\" FROM a".to_owned())),
    );
    assert!(message.contains("no such column: \"tipe\""), "{message}");
}

#[test]
fn a_scan_ends_where_the_visitor_breaks_and_may_be_nested() {
    let bench = two_tables();
    let log = open(&bench, vec![table("b")]);
    let mut seen = Vec::new();
    log.scan(Fields::default(), Filter::All, &mut |row| {
        let row = row.expect("a row");
        seen.push(log.type_name(row.kind).to_string());
        assert_eq!(log.tail(1).expect("reads")[0].0, Position(4));
        if seen.len() == 2 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .expect("reads");
    assert_eq!(seen, ["B1", "B2"]);
}

#[test]
fn a_log_can_be_moved_to_another_thread() {
    fn sendable<T: Send>() {}
    sendable::<Log>();
}

#[derive(Debug, Clone)]
enum Stored {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

fn stored() -> impl Strategy<Value = Stored> {
    prop_oneof![
        Just(Stored::Null),
        (-3_i64..50).prop_map(Stored::Integer),
        (-3_i64..50).prop_map(|n| Stored::Real(n as f64 / 4.0)),
        "[a-c0-9 é\"]{0,4}".prop_map(Stored::Text),
        prop::collection::vec(any::<u8>(), 0..3).prop_map(Stored::Blob),
        any::<[u8; 16]>().prop_map(|bytes| Stored::Blob(bytes.to_vec())),
    ]
}

/// SQL does not see digits in bytes as the reader does.
fn times() -> impl Strategy<Value = Stored> {
    stored().prop_map(|stored| match stored {
        Stored::Blob(mut bytes) => {
            bytes.retain(|byte| !byte.is_ascii_digit());
            Stored::Blob(bytes)
        }
        other => other,
    })
}

impl rusqlite::ToSql for Stored {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        match self {
            Stored::Null => rusqlite::types::Null.to_sql(),
            Stored::Integer(number) => number.to_sql(),
            Stored::Real(number) => number.to_sql(),
            Stored::Text(text) => text.to_sql(),
            Stored::Blob(bytes) => bytes.to_sql(),
        }
    }
}

proptest! {
    #![proptest_config(sampled(64))]

    /// The reader against ten lines of SQL that say the same slowly.
    #[test]
fn rows_are_what_plain_sql_says(
        rows in prop::collection::vec((any::<i16>(), stored(), times(), stored()), 0..40)
    ) {
        let bench = Bench::new("CREATE TABLE t (p INTEGER, type, time, c); CREATE INDEX i ON t (c)");
        let connection = bench.writer();
        for (position, kind, time, correlation) in &rows {
            connection
                .execute("INSERT INTO t VALUES (?1, ?2, ?3, ?4)", params![position, kind, time, correlation])
                .expect("inserted");
        }
        let source = Source {
            position: Some(field("p")),
            correlation: Some(field("c")),
            ..table("t")
        };
        let log = open(&bench, vec![source]);
        let (events, bad) = all(&log);
        let text = "CASE typeof(c) WHEN 'null' THEN NULL WHEN 'blob' THEN CASE length(c) WHEN 16 THEN
              lower(substr(hex(c),1,8)||'-'||substr(hex(c),9,4)||'-'||substr(hex(c),13,4)||'-'||substr(hex(c),17,4)||'-'||substr(hex(c),21)) ELSE lower(hex(c)) END
              WHEN 'real' THEN CASE c WHEN CAST(c AS INTEGER) THEN CAST(CAST(c AS INTEGER) AS TEXT) ELSE CAST(c AS TEXT) END
              ELSE CAST(c AS TEXT) END";
        let expected: Vec<(i64, i64, Option<String>)> = connection
            .prepare(&format!(
                "SELECT p, CAST(time * 1000000 AS INTEGER), {text} FROM t WHERE type IS NOT NULL AND
                 (typeof(time) IN ('integer', 'real') OR trim(time) GLOB '[0-9]*' AND trim(time) NOT GLOB '*[^0-9]*'
                  AND typeof(time) = 'text')
                 ORDER BY p, rowid"
            ))
            .expect("sql")
            .query_map([], |row| {
                let correlation: Option<String> = row.get(2)?;
                let correlation = correlation.filter(|text| !text.trim().is_empty());
                Ok((row.get(0)?, row.get(1)?, correlation))
            })
            .expect("rows")
            .collect::<Result<_, _>>()
            .expect("rows");
        let seen: Vec<_> = events
            .iter()
            .map(|e| (e.position.0, e.time.as_nanos(), e.correlation.clone()))
            .collect();
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(events.len() + bad.len(), rows.len());
        for event in &events {
            if let Some(wanted) = &event.correlation {
                let by_hand: Vec<_> =
                    events.iter().filter(|e| e.correlation.as_ref() == Some(wanted)).cloned().collect();
                prop_assert_eq!(log.events(Filter::Correlation(wanted)).expect("reads").0, by_hand);
            }
            let by_hand: Vec<_> =
                events.iter().filter(|e| e.position == event.position).cloned().collect();
            prop_assert_eq!(log.events(Filter::Positions(&[event.position])).expect("reads").0, by_hand);
        }
    }
}
