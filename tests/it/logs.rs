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
