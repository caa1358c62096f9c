//! What speaks for one candidate rather than another: dead letters, and ids that stand twice.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixture;

const DEFINITIONS: &str = "
log: bank
database: bank.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, id: event_id, data: data }
---
projection: accounts
key: data.account
on:
  Opened:    { set: { state: open } }
  Deposited: { add: { balance: =data.amount } }
within: 5s
stored:
  table: accounts
  key: account
  checkpoint: { table: mark, column: position }
  dead-letters: LETTERS
";

/// One account whose seven deposits of one amount are told apart by nothing that they say. The sixth
/// has the id of an event of another account.
fn bank(letters: &str, rows: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let definitions = DEFINITIONS.replace("LETTERS", letters);
    fs::write(folder.path().join("bank.yaml"), definitions).expect("definitions");
    let log = Connection::open(folder.path().join("bank.db")).expect("a log");
    log.execute_batch(
        r#"CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time, type, event_id, data);
           CREATE TABLE accounts (account, state, balance);
           CREATE TABLE letters (consumer, event, note);
           CREATE TABLE mark (position);
           INSERT INTO events (time, type, event_id, data) VALUES
             (0, 'Opened', 'e-1', '{"account": "a"}'),
             (1, 'Opened', 'e-2', '{"account": "b"}');"#,
    )
    .expect("tables");
    for number in 3..=9 {
        let id = if number == 8 { 2 } else { number };
        log.execute(
            "INSERT INTO events (time, type, event_id, data) VALUES (?, 'Deposited', ?, ?)",
            (
                number,
                format!("e-{id}"),
                r#"{"account": "a", "amount": 5}"#,
            ),
        )
        .expect("an event");
    }
    log.execute_batch("INSERT INTO accounts VALUES ('a', 'open', 30), ('b', 'open', null);")
        .expect("rows");
    log.execute_batch(rows).expect("letters");
    log.execute_batch("INSERT INTO mark SELECT max(position) FROM events;")
        .expect("a checkpoint");
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Value {
    let output = fixture::run(
        folder,
        &[&["-q"], arguments, &["--format", "json"]].concat(),
    );
    let text = String::from_utf8(output.stderr).expect("text");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The candidates of the one account, as `diff` lists them; `audit` has to tell the same.
fn candidates(folder: &Path) -> Vec<String> {
    let document = run(folder, &["diff", "accounts", "."]);
    let explanation = &document["projections"][0]["keys"][0]["explanation"];
    let candidates = explanation["candidates"].as_array().expect("candidates");
    let line = |candidate: &Value| format!("{} {}", candidate["events"], candidate["support"]);
    let candidates: Vec<String> = candidates.iter().map(line).collect();
    let audit = run(folder, &["audit", ".", "--rule", "projection/skipped"]);
    let message = audit["findings"][0]["message"].as_str().expect("a message");
    let first = explanation["candidates"][0]["support"][0].as_str();
    let first = first.expect("what supports the first");
    assert!(message.contains(first), "{message}");
    candidates
}

#[test]
fn candidates_for_which_something_speaks_come_first() {
    let letters = "{ table: letters, where: \"consumer = 'accounts'\", position: event }";
    let rows = "INSERT INTO letters VALUES ('accounts', '009', ''), ('others', 5, '');";
    let folder = bank(letters, rows);
    assert_eq!(
        candidates(folder.path()),
        [
            r#"[8] ["under the id of position 2"]"#,
            r#"[9] ["among the dead letters"]"#,
            "[3] null",
            "[4] null",
            "[5] null",
        ]
    );
}

#[test]
fn dead_letters_may_be_known_by_their_ids() {
    let letters = "{ query: 'SELECT event AS letter FROM letters', id: letter }";
    let rows =
        "INSERT INTO letters VALUES ('accounts', 'e-7', ''), (null, 'e-2', ''), (null, null, '');";
    let folder = bank(letters, rows);
    assert_eq!(
        candidates(folder.path())[..3],
        [
            r#"[8] ["among the dead letters","under the id of position 2"]"#,
            r#"[7] ["among the dead letters"]"#,
            "[3] null",
        ]
    );
    let document = run(folder.path(), &["diff", "accounts", "."]);
    assert_eq!(
        document["projections"][0]["remarks"],
        serde_json::json!(["projection accounts: 1 of its dead letters names no event"])
    );
}

#[test]
fn what_speaks_for_the_loss_of_the_only_event_that_may_be_lost_is_told_with_it() {
    let letters = "{ query: 'SELECT event AS letter FROM letters', id: letter }";
    let rows = |third: &str| {
        format!(
            r#"INSERT INTO events (time, type, event_id, data) VALUES
                 (20, 'Opened', 'e-20', '{{"account": "c"}}'),
                 (21, 'Deposited', 'e-21', '{{"account": "c", "amount": 1}}'),
                 (22, 'Deposited', '{third}', '{{"account": "c", "amount": 2}}'),
                 (23, 'Deposited', 'e-23', '{{"account": "c", "amount": 4}}');
               INSERT INTO accounts VALUES ('c', 'open', 5);
               INSERT INTO letters VALUES ('accounts', 'e-21', '');"#
        )
    };
    for (third, told) in [
        (
            "e-20",
            "claimed and not applied, under the id of position 10:",
        ),
        (
            "e-21",
            "claimed and not applied, among the dead letters, under the id of position 11:",
        ),
        ("e-22", "1 event claimed and not applied:"),
    ] {
        let folder = bank(letters, &rows(third));
        let audit = run(
            folder.path(),
            &["audit", ".", "--rule", "projection/skipped"],
        );
        let findings = audit["findings"].as_array().expect("findings");
        let mut messages = findings.iter().filter_map(|it| it["message"].as_str());
        assert!(messages.any(|it| it.contains(told)), "{findings:?}");
    }
}
