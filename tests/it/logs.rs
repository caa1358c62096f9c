//! Several logs in one report: what is told of one is not taken for another's.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const SAGA: &str = "database: shop.jsonl
---
saga: order
starts: Asked
steps: [{ step: send, succeeds: { event: Sent, when: data.parcel != '' }, timeout: 1m }]
";

const EVENTS: &str = r#"{"position":1,"time":"2026-03-01T10:00:00Z","type":"Asked","correlation":"o-1"}
{"position":2,"time":"2026-03-01T10:00:30Z","type":"Sent","correlation":"o-2","data":{}}
{"position":3,"time":"2026-03-01T10:00:40Z","type":"Asked"}
{"position":4,"time":"2026-03-01T11:00:00Z","type":"Rained"}
"#;

/// A folder with these folders in it, each with a log of the same events, and its name.
fn logs(logs: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (place, name) in logs {
        let own = folder.path().join(place);
        fs::create_dir_all(&own).expect("a folder");
        fs::write(own.join("shop.yaml"), format!("log: {name}\n{SAGA}")).expect("definitions");
        fs::write(own.join("shop.jsonl"), EVENTS).expect("a log");
    }
    folder
}

fn told(folder: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(arguments)
        .args(["--format", "json"])
        .env_clear()
        .current_dir(folder)
        .output()
        .expect("the program runs");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn fingerprints(findings: &Value) -> BTreeSet<String> {
    let findings = findings.as_array().expect("findings").iter();
    let stuck = findings.filter(|one| one["rule"] == "saga/stuck-step");
    let print = |one: &Value| one["fingerprint"].as_str().map(str::to_owned);
    stuck.filter_map(print).collect()
}

#[test]
fn a_fault_has_one_fingerprint_wherever_it_is_told_and_another_in_each_log() {
    let alone = logs(&[("eu", "shop")]);
    let one = fingerprints(&told(alone.path(), &["audit", "."])["findings"]);
    assert_eq!(one.len(), 1);
    for names in [["shop", "outlet"], ["shop", "shop"]] {
        let both = logs(&[("eu/here", names[0]), ("us", names[1])]);
        let audited = fingerprints(&told(both.path(), &["audit", "."])["findings"]);
        assert_eq!(audited.len(), 2, "{names:?}");
        let views = told(both.path(), &["show", "o-1", "."]);
        let views = views["views"].as_array().expect("views").iter();
        let shown = views.flat_map(|view| fingerprints(&view["findings"]));
        assert_eq!(shown.collect::<BTreeSet<_>>(), audited, "{names:?}");
        // The folder that they have in common may be another one elsewhere.
        let parts = fingerprints(&told(both.path(), &["audit", "us", "eu"])["findings"]);
        assert_eq!(parts, audited, "{names:?}");
        let elsewhere = logs(&[("shops/eu/here", names[0]), ("shops/us", names[1])]);
        let moved = fingerprints(&told(elsewhere.path(), &["audit", "shops"])["findings"]);
        assert_eq!(moved, audited, "{names:?}");
    }
}

#[test]
fn a_remark_names_its_log_among_several() {
    let remarks = |names: &[(&str, &str)]| -> Vec<String> {
        let report = told(logs(names).path(), &["audit", "."]);
        let remarks = report["remarks"].as_array().expect("remarks").iter();
        let of_log = remarks.filter_map(Value::as_str);
        let of_log = of_log.filter(|one| one.contains("saga"));
        of_log.map(|one| one.chars().take(40).collect()).collect()
    };
    let alone = [
        "saga order: o-2 cannot be judged fully: ",
        "log shop: 1 event of a saga type carries",
    ];
    assert_eq!(remarks(&[("eu", "shop")]), alone);
    let two = [
        "log shop: saga order: o-2 cannot be judg",
        "log shop: 1 event of a saga type carries",
        "log outlet: saga order: o-2 cannot be ju",
        "log outlet: 1 event of a saga type carri",
    ];
    assert_eq!(remarks(&[("eu", "shop"), ("us", "outlet")]), two);
    let namesakes = [
        "log shop (eu): saga order: o-2 cannot be",
        "log shop (eu): 1 event of a saga type ca",
        "log shop (us): saga order: o-2 cannot be",
        "log shop (us): 1 event of a saga type ca",
    ];
    assert_eq!(remarks(&[("eu", "shop"), ("us", "shop")]), namesakes);
}

#[test]
fn what_else_stands_under_the_id_of_an_instance_is_shown_with_it() {
    const REACTION: &str = "---
reaction: told
when: Sent
then: Told
within: 1m
";
    let events = |count: usize| -> String {
        let told = |at: usize| {
            format!(
                r#"{{"position":{},"time":"2026-03-01T10:00:{:02}Z","type":"Told","stream":"mail","correlation":"o-1"}}"#,
                at + 2,
                at + 20
            )
        };
        let told: Vec<String> = (0..count).map(told).collect();
        format!(
            "{}\n{}\n{}\n",
            r#"{"position":1,"time":"2026-03-01T10:00:00Z","type":"Asked","correlation":"o-1"}"#,
            told.join("\n"),
            r#"{"position":90,"time":"2026-03-01T10:00:59Z","type":"Sent","correlation":"o-1","data":{"parcel":"p"}}"#,
        )
    };
    let show = |folder: &TempDir, options: &[&str]| -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
            .args(["show", "o-1", "eu"])
            .args(options)
            .env_clear()
            .env("COLUMNS", "100")
            .current_dir(folder.path())
            .output()
            .expect("the program runs");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).expect("text")
    };
    let elsewhere = "sagactl audit eu --key o-1";
    let folder = logs(&[("eu", "shop")]);
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join("eu").join(name), text).expect("a file");
    };
    write("shop.jsonl", &events(22));
    let shown = show(&folder, &[]);
    for part in [
        "not of this saga",
        "2  2026-03-01T10:00:20Z  Told",
        "21  2026-03-01T10:00:39Z  Told",
        "and 2 more events under the same correlation value; --format json has them",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(
        !shown.contains("10:00:40Z") && !shown.contains(elsewhere),
        "{shown}"
    );
    let document: Value =
        serde_json::from_str(&show(&folder, &["--format", "json"])).expect("JSON");
    let view = &document["views"][0];
    assert_eq!(view["timeline"].as_array().expect("a list").len(), 2);
    let others = view["others"].as_array().expect("a list");
    assert_eq!(others.len(), 22);
    assert_eq!(others[0]["position"], 2);
    let early = show(&folder, &["--as-of", "2026-03-01T10:00:21Z"]);
    assert_eq!(early.matches("  Told").count(), 2, "{early}");
    write("beside.yaml", REACTION);
    assert!(show(&folder, &[]).contains(elsewhere));
    write("shop.jsonl", &events(0));
    let shown = show(&folder, &[]);
    assert!(!shown.contains("not of this saga"), "{shown}");
}
