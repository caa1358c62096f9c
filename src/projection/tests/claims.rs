//! What a version in a row claims, where other events than those of its key have versions, too.

use super::{Bench, Told, told};

fn definition(key: &str, version: &str) -> String {
    format!(
        "
projection: view
{key}
on:
  Opened: {{ set: {{ status: open }} }}
  Deposited: {{ add: {{ balance: =data.n }} }}
within: 30s
stored:
  table: view
  key: k
  columns: {{ status: status, balance: balance }}
  version: {version}
"
    )
}

fn said(key: &str, version: &str, events: &[Told<'_>], row: &str) -> Vec<String> {
    let sql = format!("CREATE TABLE view (k, status, balance, at); INSERT INTO view VALUES {row};");
    told(&Bench::new(&definition(key, version), events, &sql).audit(1000))
}

const BY_STREAM: &str = "from: { stream: \"a-{key}\" }";
const BY_DATA: &str = "key: data.k";
const VERSION: &str = "at";
const POSITION: &str = "{ column: at, counts: position }";

/// The projection does not name the last event of the stream, at version 4, nor that of another one.
const NOTED: [Told<'_>; 5] = [
    (0, "Opened", "a-1", 1, r#"{"k":"1"}"#),
    (10, "Deposited", "a-1", 2, r#"{"k":"1","n":2}"#),
    (20, "Deposited", "a-1", 3, r#"{"k":"1","n":5}"#),
    (30, "Noted", "a-1", 4, "{}"),
    (40, "Ticked", "z", 9, "{}"),
];

#[test]
fn a_row_may_claim_events_that_its_projection_does_not_name() {
    for key in [BY_STREAM, BY_DATA] {
        for (version, claim, what, end) in [
            (VERSION, 4, "version", "its last event has version 4"),
            (POSITION, 5, "position", "the log ends at 5"),
        ] {
            let said = |balance: i64, claim: i64| {
                let row = format!("('1', 'open', {balance}, {claim})");
                said(key, version, &NOTED, &row)
            };
            assert_eq!(said(7, 3), Vec::<String>::new());
            assert_eq!(said(7, claim), Vec::<String>::new(), "{key} {version}");
            // What it claims and lacks is lost, whatever stands behind that.
            assert_eq!(said(5, claim), ["1 skipped [2]"], "{key} {version}");
            let beyond = claim + 1;
            assert_eq!(
                said(7, beyond),
                [format!(
                    "1 ahead [1 3] (the row is at {what} {beyond}, {end})"
                )],
                "{key}"
            );
        }
    }
}

#[test]
fn a_version_is_no_claim_of_a_key_whose_events_are_in_several_streams() {
    let mut events = NOTED.to_vec();
    events.push((990, "Deposited", "b-1", 1, r#"{"k":"1","n":9}"#));
    // The event of the other stream is on its way: that its version is lower says nothing.
    let row = "('1', 'open', 7, 3)";
    assert_eq!(said(BY_DATA, VERSION, &events, row), ["1 converging [6]"]);
    assert_eq!(said(BY_DATA, POSITION, &events, row), ["1 converging [6]"]);
    // Nor is a version beyond that of the last event one beyond the log.
    let row = "('1', 'open', 16, 3)";
    assert_eq!(said(BY_DATA, VERSION, &events, row), Vec::<String>::new());
    // A stream of its own per key says what it says.
    let row = "('1', 'open', 2, 3)";
    assert_eq!(said(BY_DATA, VERSION, &NOTED, row), ["1 skipped [3]"]);
}

#[test]
fn an_event_beyond_the_version_of_a_row_is_not_claimed_for_a_later_one_with_a_lower_version() {
    let deposited = |seconds, version, data| (seconds, "Deposited", "a-1", version, data);
    let events = [
        deposited(970, 1, r#"{"n":1}"#),
        deposited(980, 2, r#"{"n":2}"#),
        deposited(985, 3, r#"{"n":4}"#),
        deposited(990, 2, r#"{"n":8}"#),
    ];
    let said = |balance: i64, version: i64| {
        let row = format!("('1', null, {balance}, {version})");
        said(BY_STREAM, VERSION, &events, &row)
    };
    assert_eq!(said(3, 2), ["1 converging [3]"]);
    assert_eq!(said(1, 2), ["1 skipped [2]"]);
    // A row that claims the third event claims the fourth one, too.
    assert_eq!(said(7, 3), ["1 skipped [4]"]);
    assert_eq!(said(15, 3), Vec::<String>::new());
}

#[test]
fn keys_of_which_nothing_tells_how_far_their_consumer_has_come_are_counted() {
    let untold = |key: &str, events: &[Told<'_>], rows: &str| {
        let sql =
            format!("CREATE TABLE view (k, status, balance, at); INSERT INTO view VALUES {rows};");
        let conclusion = Bench::new(&definition(key, VERSION), events, &sql).audit(1000);
        (conclusion.untold.skipped, conclusion.untold.ahead)
    };
    let other = (50, "Deposited", "b-1", 1, r#"{"k":"1","n":9}"#);
    let spanning = [&NOTED[..], &[other]].concat();
    for (events, row, told) in [
        (&NOTED[..], "('1', 'open', 7, 3)", (0, 0)),
        (&NOTED, "('1', 'open', 2, 2)", (0, 0)),
        (&NOTED, "('1', 'open', 7, null)", (0, 1)),
        (&NOTED, "('1', 'open', 2, null)", (1, 1)),
        (&NOTED, "('1', 'open', 99, null)", (1, 1)),
        // What cannot be read, and what has no events, claims nothing.
        (
            &NOTED,
            "('1', 'open', 7, 'x'), ('2', 'open', 0, null)",
            (0, 0),
        ),
        (&spanning, "('1', 'open', 7, 3)", (1, 1)),
        (&spanning, "('1', 'open', 16, 3)", (0, 1)),
    ] {
        assert_eq!(untold(BY_DATA, events, row), told, "{row}");
    }
}

#[test]
fn a_log_without_events_has_no_position_to_claim() {
    let projection =
        definition(BY_STREAM, VERSION).replace("version: at", "ignore: at\n  checkpoint: 1");
    let sql =
        "CREATE TABLE view (k, status, balance, at); INSERT INTO view VALUES (1, 'open', 0, 0);";
    let conclusion = Bench::new(&projection, &[], sql).audit(0);
    assert_eq!(conclusion.ahead, Some((1, None)));
    let lost = "it looks orphan, which may come of events that the log has lost: the checkpoint is ahead of it";
    assert_eq!(told(&conclusion), [format!("1 unknown [] ({lost})")]);
    let projection = projection.replace("checkpoint: 1", "checkpoint: 0");
    assert_eq!(Bench::new(&projection, &[], sql).audit(0).ahead, None);
}

#[test]
fn a_row_of_another_kind_of_value_is_behind_where_events_gave_that() {
    let projection = "
projection: view
key: data.k
on: { Set: { set: { field: =data.v } }, Noted: { add: { notes: 1 } } }
within: 30s
stored: { table: view, key: k, checkpoint: CHECKPOINT }
";
    let events: [Told<'_>; 4] = [
        (0, "Noted", "s", 1, r#"{"k":"1"}"#),
        (10, "Set", "s", 2, r#"{"k":"1","v":"pending"}"#),
        (990, "Set", "s", 3, r#"{"k":"1","v":5}"#),
        (991, "Noted", "s", 4, r#"{"k":"1"}"#),
    ];
    let said = |checkpoint: &str, row: &str| {
        let sql = format!("CREATE TABLE view (k, field, notes); INSERT INTO view VALUES {row};");
        let projection = projection.replace("CHECKPOINT", checkpoint);
        told(&Bench::new(&projection, &events, &sql).audit(1000))
    };
    assert_eq!(said("2", "(1, 'pending', 1)"), ["1 converging [3]"]);
    assert_eq!(said("4", "(1, 'pending', 1)"), ["1 skipped [3 4]"]);
    // No first part of the events, but without the third one they give it.
    let either = "positions 2 and 3 swapped; position 3 left out";
    assert_eq!(
        said("4", "(1, 'pending', 2)"),
        [format!(
            "1 divergent [1 4] (any of these would give it: {either})"
        )]
    );
    let unreadable = "1 unreadable [] (`field` holds \"lost\" where a number is expected)";
    assert_eq!(said("4", "(1, 'lost', 2)"), [unreadable]);
}
