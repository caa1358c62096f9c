//! What a rule says does not depend on which others are asked: on logs with rows of which one thing
//! or another cannot be read, each rule alone says what it says among all.

use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::fixture::run;

/// What becomes of a row.
const DAMAGE: [&str; 9] = [
    "version = 'seven'",
    "version = x'0102'",
    "payload = '{\"broken'",
    "payload = NULL",
    "occurred_at = 'at noon'",
    "type = NULL",
    "headers = '{'",
    "headers = json_remove(headers, '$.cause')",
    "headers = json_set(headers, '$.id', json('{}'))",
];

const BY_TIME: &str = "order: { time: { lateness: 1h } }\n";
const CUT: &str = "cut: true\n";

/// States of which every event may be one, and what they have to add up to.
const STATES: &str = "\
projection: beside
key: data.currency
on:
  InvoiceIssued: { set: { issued: =data.amount } }
  \"*\": { add: { applied: 1 } }
---
projection: traced
key: metadata.trace
on: { CardCharged: { set: { charged: =data.amount } }, \"*\": { add: { applied: 1 } } }
---
invariant: nothing-beside
total: { of: =state.applied, states-of: beside }
equals: 0
---
invariant: nothing-traced
total: { of: =state.applied, states-of: traced, per: =key }
equals: 0
---
invariant: none-charged
for-each: traced
let: { beside: \"=projection('beside', 'EUR')\" }
require: state.charged is undefined
";

/// A copy of a shipped example, whose ids stand where they may not be read, with states of ours.
fn example(name: &str, folder: &Path) -> Connection {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("sagas")
        .join(name);
    for file in std::fs::read_dir(shipped).expect("it is shipped") {
        let from = file.expect("it can be listed").path();
        let to = folder.join(from.file_name().expect("it has a name"));
        if from.extension().is_some_and(|it| it == "yaml") {
            let text = std::fs::read_to_string(from).expect("it is text");
            let text = text
                .replace(", record: append", "")
                .replace("causation: causation_id", "causation: headers.cause")
                .replace("id: event_id\n  corr", "id: headers.id\n  corr")
                .replace("idempotency: idempotency_key", "idempotency: headers.key");
            std::fs::write(to, text).expect("it can be written");
        } else if from.extension().is_some_and(|it| it == "db") {
            std::fs::copy(from, to).expect("it can be copied");
        }
    }
    std::fs::write(folder.join("states.yaml"), STATES).expect("it can be written");
    let log = Connection::open(folder.join(format!("{name}.db"))).expect("it can be opened");
    log.execute(
        "UPDATE events SET headers = json_object('id', event_id, 'cause', causation_id, 'key', idempotency_key)",
        [],
    )
    .expect("it can be written");
    log
}

/// The findings of each rule and what it counts, by its name.
fn said(folder: &Path, arguments: &[&str]) -> Vec<(String, Value, Vec<Value>)> {
    let all = ["audit", ".", "--format", "json", "--limit", "0"];
    let output = run(folder, &[&all, arguments].concat());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let list = |key: &str| report[key].as_array().expect("it is a list").clone();
    let findings = list("findings");
    let told = list("rules").into_iter().map(|count| {
        let own = findings.iter().filter(|one| one["rule"] == count["rule"]);
        let own = own.cloned().collect();
        let rule = count["rule"].as_str().expect("it has a name").to_owned();
        (rule, count, own)
    });
    told.collect()
}

/// Which rules say something else alone, of an example whose log declares this.
fn differences(name: &str, seed: i64, declared: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = example(name, folder.path());
    if declared == CUT {
        log.execute("DELETE FROM events WHERE position <= 60", [])
            .expect("it can be cut");
    }
    for (number, damage) in (0_i64..).zip(DAMAGE) {
        let statement =
            format!("UPDATE events SET {damage} WHERE abs((position * 7919 + ?1) % 997) % 90 = ?2");
        log.execute(&statement, [seed, number * 10]).expect(damage);
    }
    drop(log);
    let file = folder.path().join(match name {
        "shop" => "log.yaml",
        _ => "bank.yaml",
    });
    let text = std::fs::read_to_string(&file).expect("it is text");
    let header = format!("log: {name}\n");
    let mut text = text.replacen(&header, &format!("{header}{declared}"), 1);
    if declared == CUT {
        // No key rests on the stream, and no row on the version.
        text = text.replace("key: transfer\n  version: version\n", "key: transfer\n");
        for kind in ["account", "transfer"] {
            let stream = format!("from: {{ stream: \"{kind}-{{key}}\" }}");
            let key = format!(
                "key: event.stream | replace('{kind}-', '')\nwhere: event.stream is startingwith '{kind}-'"
            );
            text = text.replace(&stream, &key);
        }
    }
    std::fs::write(&file, text).expect("it can be written");
    let whole = said(folder.path(), &[]);
    assert!(whole.iter().any(|(_, _, found)| !found.is_empty()));
    let mut differing = Vec::new();
    for among in &whole {
        let alone = said(folder.path(), &["--rule", &among.0]);
        if alone != std::slice::from_ref(among) {
            let (rule, count, found) = among;
            let (_, own_count, own) = &alone[0];
            let more: Vec<&Value> = own.iter().filter(|it| !found.contains(it)).collect();
            let less: Vec<&Value> = found.iter().filter(|it| !own.contains(it)).collect();
            differing.push(format!(
                "{name} {seed} {rule}: {own_count} alone, {count} among all; more {more:?}, less {less:?}"
            ));
        }
    }
    differing
}

#[test]
fn a_rule_says_alone_what_it_says_among_all() {
    let mut differing = Vec::new();
    for name in ["shop", "bank"] {
        for (seed, declared) in [(3, ""), (401, ""), (77, BY_TIME), (5, CUT)] {
            differing.extend(differences(name, seed, declared));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
