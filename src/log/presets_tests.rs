use std::collections::BTreeMap;

use super::*;
use crate::definition::log::Relation;
use crate::event::{Event, Position};
use crate::log::describe;
use crate::log::testing::{Bench, definition, field as named};
use crate::log::{Filter, Log, OpenOptions, recognise};

const EVENTSOURCING: &str = include_str!("../../tests/fixtures/eventsourcing.sql");
const EVENTSOURCING_ZLIB: &str = include_str!("../../tests/fixtures/eventsourcing_zlib.sql");
const DBOS: &str = include_str!("../../tests/fixtures/dbos.sql");

fn preset(name: &str) -> Source {
    Source {
        preset: Some(name.to_owned()),
        ..Source::blank()
    }
}

fn read(bench: &Bench, sources: Vec<Source>) -> Vec<Event> {
    let log = match Log::open(&definition(&bench.path, sources), &OpenOptions::default()) {
        Ok(log) => log,
        Err(error) => panic!("{error}"),
    };
    let (events, bad) = log.events(Filter::All).expect("the log can be read");
    assert_eq!(bad, []);
    events
}

fn kinds<'a>(events: &'a [Event], correlation: &str) -> Vec<&'a str> {
    events
        .iter()
        .filter(|event| event.correlation.as_deref() == Some(correlation))
        .map(|event| event.kind.as_str())
        .collect()
}

#[test]
fn eventsourcing_is_read_plain_and_compressed_alike() {
    let plain = Bench::new(EVENTSOURCING);
    let packed = Bench::new(EVENTSOURCING_ZLIB);
    let events = read(&plain, vec![preset("eventsourcing")]);
    assert_eq!(events, read(&packed, vec![preset("eventsourcing")]));
    let first = &events[0];
    assert_eq!(first.position, Position(1));
    assert!(
        first
            .source
            .as_deref()
            .is_some_and(|source| source.contains("_events:"))
    );
    assert!(
        events
            .windows(2)
            .all(|pair| pair[0].position < pair[1].position)
    );
    let transfer = events
        .iter()
        .find(|event| event.kind == "Transfer.Started")
        .expect("a start");
    let id = transfer.correlation.clone().expect("its aggregate");
    assert_eq!(transfer.stream.as_ref(), Some(&id));
    assert_eq!(transfer.version, Some(1));
    assert_eq!(kinds(&events, &id)[0], "Transfer.Started");
    let data = transfer.data.as_ref().expect("a state");
    assert_eq!(
        data["timestamp"]["_data_"]
            .as_str()
            .and_then(|text| text.parse().ok()),
        Some(transfer.time)
    );
}

#[test]
fn what_a_source_says_wins_over_its_preset() {
    let bench = Bench::new(EVENTSOURCING_ZLIB);
    let source = |table: &str, correlation: &str| Source {
        relation: Some(Relation::Table(table.to_owned())),
        correlation: Some(named(correlation)),
        ..preset("eventsourcing")
    };
    let events = read(
        &bench,
        vec![
            source("transfers_events", "originator_id"),
            source("bank_events", "data.transfer_id._data_"),
        ],
    );
    let completed = events
        .iter()
        .find(|event| event.kind == "Transfer.Completed")
        .expect("one");
    assert_eq!(
        kinds(&events, completed.correlation.as_deref().expect("its id")),
        [
            "Transfer.Started",
            "Account.Debited",
            "Transfer.DebitConfirmed",
            "Account.Credited",
            "Transfer.CreditConfirmed",
            "Transfer.Completed"
        ]
    );
}

#[test]
fn dbos_rows_become_events_in_the_order_in_which_they_happened() {
    let bench = Bench::new(DBOS);
    let events = read(&bench, vec![preset("dbos")]);
    let positions: Vec<i64> = events.iter().map(|event| event.position.0).collect();
    assert_eq!(positions, (1..=events.len() as i64).collect::<Vec<_>>());
    assert!(events.windows(2).all(|pair| pair[0].time <= pair[1].time));
    assert_eq!(
        kinds(&events, "order-o0010"),
        [
            "WorkflowStarted",
            "DBOS.setEvent",
            "reserve_inventory",
            "charge_payment",
            "ship_order:failed",
            "DBOS.setEvent",
            "refund_payment:failed",
            "WorkflowFailed"
        ]
    );
    let last = |id: &str| kinds(&events, id).last().copied();
    assert_eq!(last("order-o0002"), Some("WorkflowSucceeded"));
    assert_eq!(last("order-o0010"), Some("WorkflowFailed"));
    assert_eq!(last("order-o0042"), Some("WorkflowCancelled"));
    assert_eq!(last("order-o0000"), Some("WorkflowDeadLettered"));
    assert_eq!(kinds(&events, "order-q0005"), ["WorkflowEnqueued"]);
    assert!(kinds(&events, "order-o0010").contains(&"ship_order:failed"));
    let waits = events
        .iter()
        .find(|event| event.kind == "DBOS.sleep")
        .expect("a sleep");
    assert_eq!(waits.time.to_string(), "2026-11-23T02:35:26.542Z");
    let data = waits.data.as_ref().expect("data");
    assert_eq!(data["name"], "DBOS.sleep");
    assert!(!data.to_string().contains("gAS"), "nothing pickled");
}

#[test]
fn older_dbos_schemas_are_read_as_far_as_they_go() {
    let bench = Bench::new(
        "CREATE TABLE workflow_status (workflow_uuid TEXT PRIMARY KEY, status TEXT, name TEXT,
           output TEXT, error TEXT, executor_id TEXT, created_at INTEGER, updated_at INTEGER);
         CREATE TABLE operation_outputs (workflow_uuid TEXT, function_id INTEGER, output TEXT, error TEXT);
         INSERT INTO workflow_status VALUES ('w', 'RETRIES_EXCEEDED', 'f', NULL, NULL, 'local', 1000, 5000);
         INSERT INTO operation_outputs VALUES ('w', 1, 'x', NULL), ('w', 2, NULL, 'y');",
    );
    let events = read(&bench, vec![preset("dbos")]);
    let seen: Vec<_> = events
        .iter()
        .map(|event| (event.kind.as_str(), event.time.as_nanos()))
        .collect();
    assert_eq!(
        seen,
        [
            ("WorkflowStarted", 1_000_000_000),
            ("", 1_000_000_000),
            (":failed", 1_000_000_000),
            ("WorkflowDeadLettered", 5_000_000_000)
        ]
    );
}

#[test]
fn an_event_store_is_read_under_its_usual_names() {
    let bench = Bench::new(
        "CREATE TABLE events (global_position INTEGER PRIMARY KEY, event_id TEXT, aggregate_id TEXT,
           aggregate_version INT, event_type TEXT, occurred_at REAL, \"correlationId\" TEXT,
           causation_id TEXT, idempotency_key TEXT, payload TEXT, headers TEXT);
         INSERT INTO events VALUES (4, 'e', 's', 1, 'Placed', 1717326120.25, 'o', 'x', 'k', '{}', '{}');",
    );
    let events = read(&bench, vec![preset("eventstore")]);
    let event = &events[0];
    assert_eq!(event.position, Position(4));
    assert_eq!(event.time.to_string(), "2024-06-02T11:02:00.25Z");
    let texts = [
        &event.id,
        &event.stream,
        &event.correlation,
        &event.causation,
        &event.key,
    ];
    assert_eq!(
        texts.map(Option::as_deref),
        ["e", "s", "o", "x", "k"].map(Some)
    );
    assert_eq!(event.version, Some(1));
    assert!(event.data.is_some() && event.metadata.is_some());
}

#[test]
fn a_file_is_recognised_and_its_mapping_printed() {
    for (sql, name, lines) in [
        (
            EVENTSOURCING_ZLIB,
            Some("eventsourcing"),
            &[
                "  - table: transfers_events",
                "    position: rowid",
                "    time: { column: state.timestamp._data_, unit: rfc3339 }",
                "    type: { column: topic, last-segment: \":\" }",
                "    data: { column: state, encoding: zlib }",
                "  - table: bank_events",
            ][..],
        ),
        (DBOS, Some("dbos"), &["events:", "  preset: dbos"][..]),
        (
            "CREATE TABLE other (x); CREATE TABLE \"on\" (seq INTEGER PRIMARY KEY, kind, ts INT, \"order id\");
             INSERT INTO \"on\" VALUES (1, 'A', 1717326120250001, 1);",
            None,
            &[
                "  table: \"on\"",
                "  position: seq",
                "  time: { column: ts, unit: us }",
                "  type: kind",
            ][..],
        ),
    ] {
        let bench = Bench::new(sql);
        let found = recognise(&bench.path).expect("it is recognised");
        assert_eq!(found.preset, name);
        let yaml = found.yaml();
        for line in lines {
            assert!(yaml.lines().any(|found| found == *line), "{line}\n{yaml}");
        }
        let yaml: serde_json::Value = serde_yaml::from_str(&yaml).expect("it is YAML");
        assert_eq!(yaml["log"], "log");
        let by_hand = read(&bench, found.definition.sources);
        assert_eq!(read(&bench, vec![]), by_hand, "recognised at opening");
        let description = describe(&bench.path, 2).expect("described");
        assert_eq!(description.events as usize, by_hand.len());
        assert_eq!(description.first, by_hand[..by_hand.len().min(2)]);
        let mut counts = BTreeMap::new();
        for event in &by_hand {
            *counts.entry(event.kind.clone()).or_insert(0) += 1;
        }
        let counted: BTreeMap<String, u64> = description
            .types
            .iter()
            .map(|(name, count)| (name.to_string(), *count))
            .collect();
        assert_eq!(counted, counts);
    }
}

#[test]
fn what_is_not_recognised_is_said() {
    let bench = Bench::new("CREATE TABLE users (name, email);");
    let message = recognise(&bench.path).expect_err("no log").message;
    assert!(
        message.contains("no table looks like an event log"),
        "{message}"
    );
    assert!(message.contains("`users`"), "{message}");
    let unknown = Log::open(
        &definition(&bench.path, vec![preset("dbo")]),
        &OpenOptions::default(),
    );
    let message = unknown.expect_err("no such preset").message;
    assert_eq!(
        message,
        "there is no preset `dbo`; did you mean `dbos`? there are `eventsourcing`, `dbos`, `eventstore`"
    );
}
