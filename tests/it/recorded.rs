//! Logs that other software wrote: what is found must be what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sagactl::definition;
use sagactl::definition::settings::AsOf;
use sagactl::inspect::{self, Go, Options};
use sagactl::rules;

type Rules = BTreeSet<&'static str>;

/// What really happened to each saga, in the words of the one who made it happen.
#[derive(serde::Deserialize)]
struct Truth {
    labels: Vec<String>,
    plan: Option<String>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// The saga rules that found something, by instance.
fn found(name: &str, log: &str, as_of: AsOf) -> BTreeMap<String, Rules> {
    let definitions =
        definition::load(&[folder(name)], &rules::names()).expect("sound definitions");
    let report = inspect::audit(
        &definitions,
        &Options {
            log: Some(folder(name).join(log)),
            as_of: Some(as_of),
            threads: 2,
            rules: vec!["saga/*".to_owned(), "compensation/*".to_owned()],
            ..Options::new("2026-11-01T00:00:00Z".parse().expect("an instant"))
        },
        &|_| Go::On,
    )
    .expect("the log can be read");
    let mut found: BTreeMap<String, Rules> = BTreeMap::new();
    for finding in &report.findings {
        found
            .entry(finding.subject.id.clone())
            .or_default()
            .insert(finding.rule);
    }
    found
}

/// What the rules should say, given what happened.
fn expected(name: &str, rule_of: fn(&Truth) -> Rules) -> BTreeMap<String, Rules> {
    let text = std::fs::read_to_string(folder(name).join(format!("{name}.truth.json")))
        .expect("the truth is beside the log");
    let truth: BTreeMap<String, Truth> = serde_json::from_str(&text).expect("the truth is JSON");
    assert!(truth.len() > 50, "only {} sagas", truth.len());
    truth
        .into_iter()
        .map(|(id, truth)| (id, rule_of(&truth)))
        .filter(|(_, rules)| !rules.is_empty())
        .collect()
}

fn has(labels: &[String], start: &str) -> bool {
    labels.iter().any(|label| label.starts_with(start))
}

fn transfer_rules(truth: &Truth) -> Rules {
    let labels = &truth.labels;
    let mut rules = Rules::new();
    if has(labels, "stuck:waiting_refund") {
        // The refund was asked for and never came: the effect in force follows from that.
        rules.insert("compensation/stuck");
    } else if has(labels, "stuck:") {
        rules.insert("saga/stuck-step");
    } else if has(labels, "uncompensated:") {
        rules.insert("compensation/uncompensated");
    }
    if has(labels, "duplicate_effect:") {
        rules.insert("saga/double-effect");
    }
    if has(labels, "double_compensation:") {
        rules.insert("compensation/double");
    }
    if has(labels, "compensation_without_execution:") {
        rules.insert("compensation/empty");
    }
    rules
}

fn order_rules(truth: &Truth) -> Rules {
    let labels = &truth.labels;
    let mut rules = Rules::new();
    if has(labels, "compensation_failed:") {
        // What has to be undone after the failed refund waits for it.
        rules.insert("compensation/failed");
    } else if has(labels, "uncompensated:") {
        rules.insert("compensation/uncompensated");
    }
    if has(labels, "stuck:") {
        // One crashed between its failed shipment and the refund it then owed.
        let went_back = truth.plan.as_deref() == Some("refund_fails");
        rules.insert(if went_back {
            "compensation/uncompensated"
        } else {
            "saga/stuck-step"
        });
    }
    if has(labels, "double_compensation:") {
        rules.insert("compensation/double");
    }
    if has(labels, "compensation_out_of_order") {
        rules.insert("compensation/out-of-order");
    }
    if has(labels, "step_without_dependency:") {
        rules.insert("saga/out-of-order");
    }
    rules
}

#[test]
fn transfers_of_the_eventsourcing_library_are_judged_as_they_happened() {
    for log in ["eventsourcing.sqlite", "eventsourcing_zlib.sqlite"] {
        let found = found("eventsourcing", log, AsOf::End);
        assert_eq!(found, expected("eventsourcing", transfer_rules), "{log}");
    }
}

#[test]
fn orders_of_dbos_are_judged_as_they_happened() {
    // The recording ends seconds after its last crash; an hour later nothing had moved.
    let later = AsOf::Instant("2026-11-23T04:00:00Z".parse().expect("an instant"));
    let found = found("dbos", "dbos.sqlite", later);
    assert_eq!(found, expected("dbos", order_rules));
}
