//! Read models that other software kept: what is said of their rows must be what happened to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sagactl::definition;
use sagactl::finding::Finding;
use sagactl::inspect::{self, Go, Options};
use sagactl::log::{Filter, Log, OpenOptions};
use sagactl::projection::Verdict;
use sagactl::report::Report;
use sagactl::rules;

use crate::repairs::{diff, keyed};

/// What really happened to a row, in the words of the one who made it happen.
#[derive(serde::Deserialize)]
struct Truth {
    kind: String,
    at_version: Option<i64>,
    events_behind: Option<u64>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/accounts")
}

fn audit() -> Report {
    let definitions = definition::load(&[folder()], &rules::names()).expect("sound definitions");
    let options = Options {
        threads: 2,
        rules: vec!["projection/*".to_owned()],
        ..Options::new("2026-11-01T00:00:00Z".parse().expect("an instant"))
    };
    inspect::audit(&definitions, &options, &|_| Go::On).expect("the log can be read")
}

/// The versions of the events that a finding shows.
fn versions(finding: &Finding) -> Vec<Option<i64>> {
    let definitions = definition::load(&[folder()], &rules::names()).expect("sound definitions");
    let log = Log::open(
        definitions.scopes[0].log.as_ref().expect("a log"),
        &OpenOptions::default(),
    )
    .expect("the log can be opened");
    let (events, _) = log
        .events(Filter::Positions(&finding.evidence))
        .expect("events");
    events.into_iter().map(|event| event.version).collect()
}

#[test]
fn rows_of_a_hand_kept_read_model_are_judged_as_they_came_about() {
    let text = std::fs::read_to_string(folder().join("accounts.truth.json")).expect("the truth");
    let truth: BTreeMap<String, Truth> = serde_json::from_str(&text).expect("JSON");
    let report = audit();
    let found: BTreeMap<String, &Finding> = report
        .findings
        .iter()
        .map(|finding| (finding.subject.id.clone(), finding))
        .collect();
    assert_eq!(found.len(), report.findings.len());
    let is_exact = |verdict: &Verdict| *verdict == Verdict::Exact;
    let place = Verdict::ALL.iter().position(is_exact).expect("a verdict");
    let exact: u64 = report.projections.iter().map(|it| it.verdicts[place]).sum();
    let keys = |keys: Vec<&String>| keys.into_iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(found.keys().collect()), keys(truth.keys().collect()));
    assert_eq!(exact, 12);
    for (key, truth) in &truth {
        let finding = found[key];
        let said = (finding.rule, versions(finding));
        match truth.kind.as_str() {
            "stale_tail" => {
                assert_eq!(finding.rule, "projection/late", "{key}");
                let behind = truth.events_behind.expect("how far it is behind");
                let says = format!("{behind} event");
                assert!(finding.message.starts_with(&says), "{}", finding.message);
            }
            "skipped_event" => {
                assert_eq!(
                    said,
                    ("projection/skipped", vec![truth.at_version]),
                    "{key}"
                );
            }
            // The one event of these accounts that says `closed` did not reach the status.
            "wrong_status" => assert_eq!(finding.rule, "projection/skipped", "{key}"),
            "double_applied_event" => assert_eq!(finding.rule, "projection/divergent", "{key}"),
            "missing_row" => assert_eq!(said, ("projection/missing", vec![Some(1)]), "{key}"),
            "orphan_row" => assert_eq!(said, ("projection/orphan", vec![]), "{key}"),
            other => panic!("{key}: {other} has no meaning here"),
        }
    }
}

/// What an audit says to type next about stored rows is typed as it stands.
#[test]
fn the_next_command_shows_the_row_that_the_finding_is_about() {
    let run = |words: &[String]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sagactl"))
            .args(words)
            .env_clear()
            .output()
            .expect("the program runs");
        String::from_utf8(output.stdout).expect("text")
    };
    let folder = folder().display().to_string();
    let words = [
        "audit",
        &folder,
        "--rule",
        "projection/*",
        "--format",
        "jsonl",
    ];
    let lines = run(&words.map(str::to_owned));
    let mut typed = 0;
    for line in lines.lines() {
        let finding: serde_json::Value = serde_json::from_str(line).expect("a finding");
        let command = finding["next"]["command"].as_str().expect("a command");
        let words = shlex::split(command).expect("words of a shell");
        let shown = run(&words[1..]);
        let key = finding["subject"]["id"].as_str().expect("a key");
        let verdict = finding["rule"].as_str().expect("a rule");
        let verdict = verdict.trim_start_matches("projection/");
        let heading = format!("{key}  {verdict}");
        assert!(
            shown.contains(&heading),
            "{command} shows no `{heading}`:\n{shown}"
        );
        typed += 1;
    }
    assert!(typed > 10, "only {typed} findings");
}

#[test]
fn a_read_model_without_an_end_is_no_read_model() {
    let view = "CREATE VIEW view AS WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM r)
                SELECT NULL AS k, 'x' AS state FROM r;";
    let folder = keyed(&["a", "b"], ", checkpoint: 3", view);
    let (told, code) = diff(folder.path(), &[]);
    assert_eq!(code, Some(2), "{told}");
    let why = "`view` gives more than 4,000,008 rows, the most there can be for the projection `accounts`";
    assert!(told.contains(why), "{told}");
}
