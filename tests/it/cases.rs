//! The cases under `tests/cases`, run by the product's own runner; every rule has one that fires
//! and one near miss.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use sagactl::casefile::{self, Case, CaseResult};
use sagactl::definition;
use sagactl::inspect::{self, Go, Options};
use sagactl::rules;

/// Relative to the package, where Cargo runs tests: findings about definitions name files as they
/// were reached.
const FOLDER: &str = "tests/cases";

/// Looks at how the log's table was made, which no case can say; see
/// [`positions_that_can_be_given_again_are_told`].
const ABOUT_THE_TABLE: &str = "log/position-reuse";

fn cases() -> Vec<Case> {
    let loaded = casefile::load(&[PathBuf::from(FOLDER)]);
    loaded
        .unwrap_or_else(|faulty| panic!("{:#?}", faulty.faults))
        .cases
}

/// The file of a case below the folder, without its ending: the rule's name, for a rule's cases.
fn file(case: &Case) -> String {
    let path = case
        .place
        .file
        .strip_prefix(FOLDER)
        .unwrap_or(&case.place.file);
    path.with_extension("").to_string_lossy().into_owned()
}

fn fires(case: &Case, rule: &str) -> bool {
    case.expect.iter().any(|expected| expected.rule == rule)
}

fn told(case: &Case, result: &CaseResult) -> String {
    let about = case.about.as_deref().unwrap_or_default();
    let mut text = format!("{}:{}: {about}", case.place.file.display(), case.place.line);
    for missing in &result.missing {
        text.push_str(&format!(
            "\n  missing: {} {:?}",
            missing.rule, missing.evidence
        ));
    }
    for unexpected in &result.unexpected {
        text.push_str(&format!(
            "\n  unexpected: {} ({})",
            unexpected.text, unexpected.message
        ));
    }
    for mismatch in &result.mismatches {
        text.push_str(&format!("\n  mismatch: {}", mismatch.message));
    }
    text
}

#[test]
fn every_case_comes_out_as_it_says() {
    let failed: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let result = casefile::run(case).expect("the case's log can be judged");
            (!result.passed()).then(|| told(case, &result))
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn every_rule_has_a_case_that_fires_and_a_near_miss() {
    let cases = cases();
    let mut wanting = Vec::new();
    for rule in rules::names() {
        let own = || cases.iter().filter(|case| file(case) == rule);
        if rule != ABOUT_THE_TABLE && !own().any(|case| fires(case, rule)) {
            wanting.push(format!("{FOLDER}/{rule}.yaml has no case that fires"));
        }
        if own().all(|case| fires(case, rule)) {
            wanting.push(format!("{FOLDER}/{rule}.yaml has no near miss"));
        }
    }
    assert!(wanting.is_empty(), "{}", wanting.join("\n"));
}

#[test]
fn every_case_tells_its_story_in_one_sentence() {
    let mute: Vec<String> = cases()
        .iter()
        .filter(|case| !case.about.as_deref().is_some_and(is_one_sentence))
        .map(|case| format!("{}:{}", case.place.file.display(), case.place.line))
        .collect();
    assert!(mute.is_empty(), "{}", mute.join("\n"));
}

fn is_one_sentence(about: &str) -> bool {
    about.ends_with('.') && !about.contains(". ") && !about.contains('\n')
}

#[test]
fn files_in_the_folder_of_a_family_are_named_after_its_rules() {
    let rules: BTreeSet<&str> = rules::names().into_iter().collect();
    let families: BTreeSet<&str> = rules
        .iter()
        .filter_map(|rule| rule.split_once('/'))
        .map(|(family, _)| family)
        .collect();
    let strays: BTreeSet<String> = cases()
        .iter()
        .map(file)
        .filter(|name| {
            let family = name.split_once('/').map_or("", |(family, _)| family);
            families.contains(family) && !rules.contains(name.as_str())
        })
        .collect();
    assert!(strays.is_empty(), "no rules: {strays:?}");
}

/// What the rule says of a table with this kind of position after `sql`.
fn position_findings(position: &str, sql: &str) -> usize {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log.db");
    let connection = Connection::open(&path).expect("a database");
    connection
        .execute_batch(&format!(
            "CREATE TABLE events (position {position}, time TEXT, type TEXT, correlation TEXT);
             INSERT INTO events (time, type, correlation) VALUES
               ('2026-03-01T11:00:00Z', 'SignupRequested', 'ann'),
               ('2026-03-01T11:01:00Z', 'AccountOpened', 'ann');
             {sql}"
        ))
        .expect("the SQL works");
    drop(connection);
    let log = folder.path().join("log.yaml");
    let mapping = "log: signups\nevents: { table: events, position: position, time: time, type: \
                   type, correlation: correlation }\n";
    std::fs::write(&log, mapping).expect("a definition");
    let definitions = definition::load(&[log], &rules::names()).expect("a sound definition");
    let options = Options {
        log: Some(path),
        rules: vec![ABOUT_THE_TABLE.to_owned()],
        ..Options::new("2026-03-01T12:00:00Z".parse().expect("an instant"))
    };
    let report = inspect::audit(&definitions, &options, &|_| Go::On).expect("the log can be read");
    report
        .findings
        .iter()
        .filter(|finding| finding.rule == ABOUT_THE_TABLE)
        .count()
}

#[test]
fn positions_that_can_be_given_again_are_told() {
    let deleted = "DELETE FROM events WHERE position = 2;";
    assert_eq!(position_findings("INTEGER PRIMARY KEY", ""), 1);
    assert_eq!(
        position_findings("INTEGER PRIMARY KEY AUTOINCREMENT", deleted),
        1
    );
    assert_eq!(
        position_findings("INTEGER PRIMARY KEY AUTOINCREMENT", ""),
        0
    );
}

#[test]
fn the_shared_definitions_are_sound() {
    let folder = Path::new("tests/definitions");
    let definitions = definition::load(&[folder.to_owned()], &rules::names());
    let definitions = definitions.unwrap_or_else(|unusable| panic!("{:#?}", unusable.faults));
    assert!(definitions.lints.is_empty(), "{:#?}", definitions.lints);
}
