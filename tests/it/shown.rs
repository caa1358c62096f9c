//! What `diff` and `state` print of a log: at any width, of values of any length, and of what they
//! cannot tell.

use std::fs;
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr;

const LOG: &str = "log: bank
database: bank.db
events: { table: events, position: position, time: { column: time, unit: s }, type: type, stream: stream, version: version, data: data }
---
";
const PROJECTION: &str = r#"projection: accounts
from: { stream: "account-{key}" }
on:
  Opened: { set: { owner: =data.owner } }
  Deposited: { add: { balance: =data.amount }, append: { seen: =data.amount } }
within: 5s
stored: { table: accounts, key: key, columns: { owner: owner, balance: balance, seen: seen }, checkpoint: { table: checkpoint, column: position } }
"#;

struct Ran {
    code: Option<i32>,
    out: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("a document")
    }

    fn has(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.out.contains(part), "no `{part}` in\n{}", self.out);
        }
    }
}

/// A bank with these events (stream, type, data) and rows.
struct Bank(TempDir);

impl Bank {
    fn new(definition: &str, events: &[(&str, &str, Value)], rows: &str) -> Bank {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(
            folder.path().join("bank.yaml"),
            format!("{LOG}{definition}"),
        )
        .expect("definitions");
        let log = Connection::open(folder.path().join("bank.db")).expect("a log");
        log.execute_batch(
            "CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, time, type, stream, version, data);
             CREATE TABLE accounts (key TEXT, owner TEXT, balance INTEGER, seen TEXT);
             CREATE TABLE checkpoint (position);",
        )
        .expect("tables");
        let bank = Bank(folder);
        for (number, (stream, kind, data)) in (0_i64..).zip(events) {
            let row = (number * 10, kind, stream, data.to_string());
            log.execute(
                "INSERT INTO events (time, type, stream, version, data) VALUES (?1, ?2, ?3, 1, ?4)",
                row,
            )
            .expect("an event");
        }
        bank.sql(rows);
        bank
    }

    fn sql(&self, text: &str) {
        let log = Connection::open(self.0.path().join("bank.db")).expect("the log");
        log.execute_batch(text).expect("it runs");
    }

    fn run(&self, width: usize, words: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
            .args(words)
            .args(["."])
            .env_clear()
            .env("COLUMNS", width.to_string())
            .current_dir(self.0.path())
            .output()
            .expect("the program runs");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
        }
    }

    fn diff(&self, more: &[&str]) -> Ran {
        self.run(80, &[&["diff", "accounts"], more].concat())
    }

    fn other(&self, text: &str) -> String {
        let path = self.0.path().with_extension("yaml");
        fs::write(&path, text).expect("definitions");
        path.to_str().expect("text").to_owned()
    }
}

fn deposits(count: usize) -> Vec<(&'static str, &'static str, Value)> {
    let deposit = |amount: usize| ("account-a", "Deposited", json!({ "amount": amount }));
    (0..count).map(deposit).collect()
}

#[test]
fn values_of_any_length_fit_the_page_and_say_that_they_are_cut() {
    let long = "x".repeat(70_000);
    let events = [("account-a", "Opened", json!({ "owner": long }))];
    let rows = format!(
        "INSERT INTO accounts VALUES ('a', '{}y', NULL, NULL);
         INSERT INTO checkpoint VALUES (1);",
        &long[1..]
    );
    let bank = Bank::new(PROJECTION, &events, &rows);
    for width in [40, 80, 120] {
        for words in [&["diff", "accounts"][..], &["state", "accounts", "a"][..]] {
            let shown = bank.run(width, words);
            assert_eq!(shown.code, Some(0), "{words:?}");
            let widest = shown.out.lines().map(UnicodeWidthStr::width).max();
            assert!(
                widest <= Some(width),
                "{widest:?} of {width}\n{}",
                shown.out
            );
            shown.has(&["(70002", "--format json"]);
        }
    }
    let shown = bank.diff(&[]);
    shown.has(&["xxxy\"", "xxxx\""]);
    let whole = &bank.diff(&["--format", "json"]).json()["projections"][0]["keys"][0];
    assert_eq!(whole["differences"][0]["expected"], format!("\"{long}\""));
    let audit = bank.run(80, &["audit", "--format", "jsonl"]);
    assert!(audit.out.len() < 3_000, "{}", audit.out);
    audit.has(&["owner is …", "(70002 characters) instead of …"]);
}

#[test]
fn a_long_list_is_shown_where_it_differs_however_the_column_spells_it() {
    let numbers: Vec<String> = (0..1_000)
        .filter(|it| *it != 500)
        .map(|it| it.to_string())
        .collect();
    let rows = format!(
        "INSERT INTO accounts VALUES ('a', NULL, 499500, '[{}]'); INSERT INTO checkpoint VALUES (1000);",
        numbers.join(", ")
    );
    let bank = Bank::new(PROJECTION, &deposits(1_000), &rows);
    let audit = bank.run(
        80,
        &["audit", "--rule", "projection/*", "--format", "jsonl"],
    );
    audit.has(&["499,501,502", "499,500,501"]);
    assert!(audit.out.len() < 2_000, "{}", audit.out);
}

#[test]
fn the_head_says_where_the_checkpoint_stands() {
    let events = deposits(2);
    for (rows, said, json) in [
        (
            "",
            "it tells nothing: no row is the consumer's",
            json!({"absent": "no row is the consumer's"}),
        ),
        (
            "INSERT INTO checkpoint VALUES (1)",
            "position 1; the log ends at 2",
            json!({"position": 1}),
        ),
        (
            "INSERT INTO checkpoint VALUES (2)",
            "position 2, where the log ends",
            json!({"position": 2}),
        ),
        (
            "INSERT INTO checkpoint VALUES (7)",
            "position 7, beyond the log's last position 2",
            json!({"position": 7}),
        ),
        (
            "INSERT INTO checkpoint VALUES ('soon')",
            "it cannot be read: `position` holds \"soon\"",
            json!({"unreadable": "`position` holds \"soon\""}),
        ),
    ] {
        let bank = Bank::new(PROJECTION, &events, rows);
        bank.diff(&[]).has(&[&format!("\ncheckpoint   {said}\n")]);
        let document = bank.diff(&["--format", "json"]).json();
        assert_eq!(document["projections"][0]["checkpoint"], json);
        assert_eq!(document["projections"][0]["last_position"], 2);
    }
    let undeclared =
        PROJECTION.replace(", checkpoint: { table: checkpoint, column: position }", "");
    let bank = Bank::new(&undeclared, &events, "");
    let shown = bank.run(80, &["-q", "diff", "accounts"]);
    shown.has(&["\ncheckpoint   none is declared\n"]);
}

#[test]
fn what_is_not_compared_is_said_with_the_reason() {
    let empty = Bank::new(PROJECTION, &[], "").diff(&[]);
    assert_eq!(empty.code, Some(3));
    empty.has(&["log          bank  ./bank.db", "it holds no events"]);
    let early = Bank::new(PROJECTION, &deposits(3), "");
    let (more, said) = (["--as-of", "1970-01-01T00:00:01Z"], "they tell of now");
    let shown = early.diff(&more);
    assert_eq!(shown.code, Some(3));
    shown.has(&["log          bank  ./bank.db", "were not compared", said]);
    let json = early
        .diff(&[&more[..], &["--format", "json"]].concat())
        .json();
    let why = json["projections"][0]["not_compared"].as_str();
    assert!(why.expect("why").starts_with(said), "{why:?}");
    early
        .diff(&[&more[..], &["--sql"]].concat())
        .has(&["-- nothing was compared: "]);
}

#[test]
fn an_event_that_was_lost_is_said_to_be_so_and_a_key_without_a_name_is_seen() {
    let bank = Bank::new(
        PROJECTION,
        &deposits(3),
        "INSERT INTO accounts VALUES ('a', NULL, 2, '[0, 2]'), ('', NULL, 0, NULL);
         INSERT INTO checkpoint VALUES (3);",
    );
    bank.diff(&[]).has(&[
        "1 event claimed and not applied, under the version of position 1, under the\n  version of position 3\n  in question: event 2\n",
        "\"\"  orphan\n  a row without any event\n",
    ]);
}

#[test]
fn a_script_is_made_for_the_keys_that_are_asked_for() {
    let bank = Bank::new(
        PROJECTION,
        &deposits(1),
        "INSERT INTO accounts VALUES ('a', NULL, 7, '[0]'), ('b', NULL, 7, NULL);
         INSERT INTO checkpoint VALUES (1);",
    );
    let all = bank.diff(&["--sql"]);
    all.has(&["UPDATE", "DELETE"]);
    let one = bank.diff(&["--sql", "--key", "b"]);
    one.has(&["DELETE"]);
    assert!(!one.out.contains("UPDATE"), "{}", one.out);
}

#[test]
fn a_key_that_is_exact_is_told_from_one_that_is_not_there() {
    let bank = Bank::new(
        PROJECTION,
        &deposits(1),
        "INSERT INTO accounts VALUES ('a', NULL, 0, '[0]'), ('b', NULL, 7, NULL);
         INSERT INTO checkpoint VALUES (1);",
    );
    let none = "c  no event that can be judged and no row has this key\n";
    let known = bank.diff(&["--key", "b", "--key", "a"]);
    assert_eq!(known.code, Some(0));
    known.has(&["b  orphan", "\na  exact\n"]);
    let one = bank.diff(&["--key", "c", "--key", "a"]);
    assert_eq!(one.code, Some(3));
    one.has(&[none, "\na  exact\n"]);
    for more in [&["--memory", "20K"][..], &["--sql"], &["--format", "json"]] {
        let shown = bank.diff(&[&["--key", "c"], more].concat());
        assert_eq!(shown.code, Some(3), "{more:?}");
        let exact = bank.diff(&[&["--key", "a"], more].concat());
        assert_eq!(exact.code, Some(0), "{more:?}");
    }
    let json = bank.diff(&["--key", "a", "--format", "json"]).json();
    assert_eq!(json["projections"][0]["exact"], json!(["a"]));
}

#[test]
fn a_script_shows_what_it_is_and_runs() {
    let hostile = "\u{202e}evil\u{200b}";
    let bank = Bank::new(
        PROJECTION,
        &[("account-a", "Opened", json!({ "owner": hostile }))],
        "INSERT INTO accounts VALUES ('a', 'x', NULL, NULL); INSERT INTO checkpoint VALUES (1);",
    );
    let script = bank.diff(&["--sql"]);
    let acts = |one: char| one != '\n' && sagactl::output::escape::acts(one);
    assert!(!script.out.contains(acts), "{}", script.out);
    bank.sql(&script.out);
    bank.diff(&[]).has(&["accounts  1 exact\n"]);
}

#[test]
fn two_definitions_that_cannot_be_told_apart_do_not_pass_for_the_same() {
    let bank = Bank::new(PROJECTION, &deposits(2), "");
    let narrow = PROJECTION.replace("on:\n", "where: data.kind == 'x'\non:\n");
    let unknown = PROJECTION.replace("=data.amount }, append", "=data.missing }, append");
    assert!(narrow != PROJECTION && unknown != PROJECTION);
    let same = bank.diff(&["--against", &bank.other(PROJECTION)]);
    assert_eq!(same.code, Some(0), "{}", same.out);
    same.has(&["both give the same for 1 key, after every event"]);

    let told = bank.diff(&["--against", &bank.other(&narrow)]);
    assert_eq!(told.code, Some(1));
    told.has(&[
        "it cannot be told for 1 of 1 key, first at position 1",
        "a  unknown from position 1 on",
        "`data.kind` is missing",
    ]);
    let other = bank.other(&narrow);
    let json = bank.diff(&["--against", &other, "--format", "json"]).json();
    assert_eq!(json["projections"][0]["unknown"][0]["position"], 1);

    let both = Bank::new(&unknown, &deposits(2), "");
    let told = both.diff(&["--against", &both.other(&unknown)]);
    assert_eq!(told.code, Some(1));
    told.has(&[
        "it cannot be told for 1 of 1 key",
        "`balance` cannot be told",
    ]);
    // One that gives a value where the other cannot tell any is different from it.
    let parted = bank.diff(&["--against", &bank.other(&unknown)]);
    assert_eq!(parted.code, Some(1));
    parted.has(&["they part for 1 of 1 key"]);
}

const KEYED: &str = "projection: accounts
key: data.of
on:
  Deposited: { add: { balance: =data.amount } }
";

#[test]
fn events_and_rows_of_which_the_key_cannot_be_told_are_remarked() {
    let deposit = |data| ("account-a", "Deposited", data);
    let events = [
        deposit(json!({"of": "a", "amount": 1})),
        deposit(json!({"amount": 2})),
        deposit(json!({"of": "a", "amount": 3})),
        deposit(json!({"of": "b", "amount": 4})),
    ];
    let bank = Bank::new(KEYED, &events, "");
    let keyless = "1 event does not tell its key, at position 2: `data.of` is missing";
    bank.run(80, &["state", "accounts", "a"])
        .has(&["balance  4", keyless]);
    let told = bank.diff(&["--against", &bank.other(KEYED)]);
    assert_eq!(told.code, Some(1));
    told.has(&[
        "both give the same for 2 keys, as far as can be told",
        keyless,
    ]);

    bank.sql("UPDATE events SET time = 'never' WHERE position = 3; DELETE FROM events WHERE position = 2");
    let told = bank.run(80, &["state", "accounts", "a"]);
    told.has(&[
        "balance  1",
        "1 row cannot be judged",
        "an event of this key stands in a row that cannot be judged",
    ]);
    let other = bank.run(80, &["state", "accounts", "b"]);
    other.has(&["balance  4", "1 row cannot be judged"]);
    assert!(!other.out.contains("this key"), "{}", other.out);
    let told = bank.diff(&["--against", &bank.other(KEYED)]);
    assert_eq!(told.code, Some(1));
    told.has(&["events of 1 key stand in rows that cannot be judged"]);
    bank.sql("UPDATE events SET type = NULL, data = 'no' WHERE position = 3");
    let told = bank.run(80, &["state", "accounts", "b"]);
    told.has(&["1 of these rows may be an event of this key"]);
}

#[test]
fn a_growing_list_is_told_event_by_event_and_whole_for_machines() {
    let bank = Bank::new(PROJECTION, &deposits(600), "");
    let told = bank.run(80, &["state", "accounts", "a", "--history"]);
    assert!(told.out.len() < 600 * 800, "{} bytes", told.out.len());
    told.has(&[
        "seen: null -> [0]",
        "597,598]",
        "597,598,599]",
        "600 events applied",
    ]);
    let words = [
        "state",
        "accounts",
        "a",
        "--history",
        "--at",
        "3",
        "--format",
        "json",
    ];
    let json = bank.run(80, &words).json();
    let state = &json["states"][0];
    assert_eq!(
        (&state["events"], &state["later"]),
        (&json!(3), &json!(597))
    );
    let seen = |fields: &Value| fields.as_array().expect("fields")[2]["value"].clone();
    let each = state["history"].as_array().expect("a history").iter();
    let each: Vec<Value> = each.map(|step| seen(&step["state"])).collect();
    assert_eq!(each, [json!([0]), json!([0, 1]), json!([0, 1, 2])]);
    assert_eq!(seen(&state["state"]), json!([0, 1, 2]));
    assert_eq!(state["history"][2]["type"], "Deposited");
}

#[test]
fn what_cannot_be_read_does_not_pass_for_the_same_where_every_event_counts() {
    const COUNTED: &str = "projection: accounts
key: data.k
on: { Opened: { set: { owner: =data.owner } }, \"*\": { add: { balance: 1 } } }
stored: { table: accounts, key: account, columns: { owner: owner, balance: balance }, checkpoint: 1 }
";
    let twice = COUNTED.replace("balance: 1", "balance: 2");
    let damaged = |damage: &str| {
        let bank = Bank::new(COUNTED, &[("account-a", "Other", json!({}))], "");
        let damage = format!("UPDATE events SET data = '{damage}'");
        bank.sql(&damage);
        let told = bank.diff(&["--against", &bank.other(&twice)]);
        (told.code, told.out)
    };
    let (code, out) = damaged("{oops");
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("as far as can be told"), "{out}");
    let (code, out) = damaged("{}");
    assert_eq!(code, Some(0), "{out}");
}

#[test]
fn a_breach_shows_every_digit_of_the_numbers_that_it_is_about() {
    let bank = Bank::new(
        r#"projection: accounts
key: data.account
on:
  Opened: { set: { limit: =data.limit, twin: =data.twin } }
  Deposited: { add: { balance: =data.amount } }
---
invariant: within-the-limit
for-each: accounts
let: { other: "=projection('accounts', state.twin)" }
require: state.balance <= state.limit and other.balance < 10
"#,
        &[
            (
                "a",
                "Opened",
                json!({"account": "a", "limit": "0.50", "twin": "b"}),
            ),
            (
                "a",
                "Deposited",
                json!({"account": "b", "amount": u64::MAX}),
            ),
            ("a", "Deposited", json!({"account": "b", "amount": 1})),
            ("a", "Deposited", json!({"account": "a", "amount": 0.1})),
        ],
        "",
    );
    let audited = bank.run(200, &["audit", "--rule", "invariant/violated"]);
    audited.has(&[
        "other.balance = 18446744073709551616",
        "state.balance = 0.1",
        "state.limit = \"0.50\"",
    ]);
}
