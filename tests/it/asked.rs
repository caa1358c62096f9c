//! An audit of which only some subjects are asked for.

use std::path::Path;

use serde_json::Value;

use crate::fixture::run;

/// The exit code, the report and what is said beside it.
fn audit(arguments: &[&str]) -> (Option<i32>, Value, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = run(
        root,
        &[&["audit", "--format", "json"], arguments, &["--limit", "0"]].concat(),
    );
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), report, said)
}

fn list(report: &Value, key: &str) -> Vec<Value> {
    report[key].as_array().cloned().unwrap_or_default()
}

fn said(report: &Value, words: &str) -> bool {
    let remarks = list(report, "remarks");
    remarks.iter().any(|it| it.as_str() == Some(words))
}

#[test]
fn of_a_key_only_what_concerns_it_is_told_whatever_it_is_a_key_of() {
    let (_, whole, _) = audit(&["sagas/bank"]);
    let (code, some, _) = audit(&["sagas/bank", "--key", "1", "--key", "pay-17"]);
    assert_eq!(code, Some(1));
    let mut wanted = list(&whole, "findings");
    let before = wanted.len();
    let families = [
        "projection/",
        "invariant/",
        "reaction/",
        "idempotency/",
        "transaction/",
    ];
    let of_keys = |one: &Value| {
        let rule = one["rule"].as_str().unwrap_or_default();
        families.iter().any(|family| rule.starts_with(family))
    };
    let others = wanted.iter().filter(|one| of_keys(one));
    let others = others.filter(|one| one["subject"]["id"] != "1").count();
    wanted.retain(|one| of_keys(one) && one["subject"]["id"] == "1");
    assert!(!wanted.is_empty() && wanted.len() < before);
    assert_eq!(list(&some, "findings"), wanted);
    assert!(said(
        &some,
        &format!("{others} findings about other keys are left out")
    ));
    assert!(said(&some, "no event is of key pay-17"));
    for count in list(&some, "rules") {
        let among_all = list(&whole, "rules");
        let same = among_all.iter().find(|one| one["rule"] == count["rule"]);
        let same = same.expect("a whole audit asks every rule");
        assert_eq!(same["checked"], count["checked"]);
        assert_eq!(same["unknown"], count["unknown"]);
    }
}

#[test]
fn what_is_in_no_log_is_not_fine() {
    for (what, asked) in [("key", "--key"), ("instance", "--instance")] {
        let (code, report, _) = audit(&["sagas/shop", "sagas/bank", asked, "nosuch"]);
        assert_eq!(code, Some(3), "{asked}");
        assert!(said(&report, &format!("no event is of {what} nosuch")));
        assert_eq!(list(&report, "findings"), Vec::<Value>::new());
    }
    let (code, _, said) = audit(&["sagas/shop", "--rule", "saga/*", "--key", "order-1"]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("no rule that `saga/*` names speaks of keys"),
        "{said}"
    );
    for narrow in [["--instance", "order-1"], ["--saga", "order-fulfilment"]] {
        let all = [&["sagas/shop", "--rule", "isolation/*"][..], &narrow].concat();
        let (code, _, said) = audit(&all);
        assert_eq!(code, Some(2));
        let told = "no rule that `isolation/*` names is judged of some sagas or instances alone";
        assert!(said.contains(told), "{said}");
        let (_, report, _) = audit(&[&["sagas/shop"][..], &narrow].concat());
        let mut counts = list(&report, "rules").into_iter();
        let own = counts.find(|count| count["rule"] == "isolation/dirty-touch");
        let reason = "not judged of some sagas or instances alone";
        assert_eq!(own.expect("every rule is counted")["idle"], reason);
    }
}

/// A folder with a log of these lines and a definition.
fn folder(lines: &[&str], definition: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    };
    write("log.jsonl", &lines.join("\n"));
    let log = "log: lines\ndatabase: log.jsonl\n---\n";
    write("log.yaml", &format!("{log}{definition}"));
    folder
}

fn audited(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let all = ["audit", ".", "--format", "json", "--limit", "0"];
    let output = run(folder, &[&all, arguments].concat());
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

#[test]
fn a_reaction_is_asked_for_by_its_match_value_and_not_by_where_its_event_stands() {
    let folder = folder(
        &[
            r#"{"type":"B","time":"2024-01-01T00:00:00Z","correlation":"i1"}"#,
            r#"{"type":"B","time":"2024-01-01T00:00:01Z","correlation":"i2"}"#,
            r#"{"type":"B","time":"2024-01-01T00:00:02Z","correlation":"2"}"#,
            r#"{"type":"Q","time":"2024-01-01T01:00:00Z","correlation":"i1"}"#,
        ],
        "reaction: r\nwhen: B\nthen: C\nmatch: correlation\nwithin: 1m\n",
    );
    let evidence = |key: &str| {
        let (code, report) = audited(folder.path(), &["--key", key]);
        let found = list(&report, "findings");
        let found: Vec<Value> = found.iter().map(|one| one["evidence"].clone()).collect();
        (code, found)
    };
    assert_eq!(evidence("i1"), (Some(1), vec![serde_json::json!([1])]));
    assert_eq!(evidence("2"), (Some(1), vec![serde_json::json!([3])]));
    assert_eq!(evidence("3"), (Some(3), vec![]));
}

#[test]
fn what_a_broken_line_may_hold_is_not_said_to_be_missing() {
    let folder = folder(
        &[
            r#"{"type":"B","time":"2024-01-01T00:00:00Z","id":"e1","correlation":"i1"}"#,
            r#"{"type":"B","time":"2024-01-01T00:00:01Z","id":"e2","corr"#,
            r#"{"type":"B","time":"2024-01-01T00:00:02Z","id":"e3","causation":"e2","correlation":"i1"}"#,
            r#"{"type":"B","time":"2024-01-01T00:00:03Z","id":"e4","version":"abc","stream":"s","correlation":"i1"}"#,
        ],
        "projection: p\nfrom: { stream: \"{key}\" }\non: { B: { add: { events: 1 } } }\n",
    );
    let (code, report) = audited(folder.path(), &[]);
    assert_eq!(code, Some(1));
    let found: Vec<String> = list(&report, "findings")
        .iter()
        .map(|one| format!("{} {}", one["rule"], one["evidence"]))
        .collect();
    assert_eq!(found, [r#""log/bad-row" [2]"#, r#""log/bad-row" [4]"#]);
    let count = |rule: &str, what: &str| {
        let rules = list(&report, "rules");
        let one = rules.iter().find(|one| one["rule"] == rule);
        one.map_or(Value::Null, |one| one[what].clone())
    };
    assert_eq!(count("causation/dangling", "unknown"), 2);
    assert_eq!(count("log/duplicate-id", "unknown"), 1);
    assert_eq!(count("log/bad-row", "checked"), 4);
}

#[test]
fn a_line_whose_time_cannot_be_read_says_whose_it_is() {
    let folder = folder(
        &[
            r#"{"type":"T","time":"2026-03-01T12:00:00Z","data":{"k":1}}"#,
            r#"{"type":"E","time":"soon","data":{"k":2}}"#,
            r#"{"type":"Nop","time":"2026-03-01T13:00:00Z"}"#,
        ],
        "reaction: r\nwhen: T\nthen: E\nmatch: data.k\nwithin: 5s\ncount: once\n",
    );
    let (code, report) = audited(folder.path(), &["--rule", "reaction/missing"]);
    assert_eq!(code, Some(1));
    let found = list(&report, "findings");
    assert_eq!(found.len(), 1, "{report}");
    assert_eq!(found[0]["evidence"], serde_json::json!([1]));
}
