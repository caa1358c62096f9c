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
}
