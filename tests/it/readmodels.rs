//! Read models that other software kept: what is said of their rows must be what happened to them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use sagactl::definition;
use sagactl::expression::Scope;
use sagactl::finding::Finding;
use sagactl::log::{Filter, Log, OpenOptions};
use sagactl::projection::{Audit, Ledger, Note, ReadModels, Reader, Verdict};
use sagactl::rules;
use sagactl::texts::Texts;

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

/// Hands every note of a log to `take`.
fn pass(log: &Log, reader: &Reader, take: &mut dyn FnMut(&Note, &Texts)) {
    let mut texts = Texts::default();
    let mut notes = Vec::new();
    log.scan(reader.fields(), Filter::All, &mut |row| {
        let row = row.expect("every row can be read");
        let kind = log.type_name(row.kind);
        let scope = Scope {
            position: row.position,
            kind: &kind,
            time: Some(row.time),
            stream: row.stream,
            version: row.version,
            id: row.id,
            correlation: row.correlation,
            causation: row.causation,
            key: row.key,
            data: row.data,
            metadata: row.metadata,
        };
        reader.note(&reader.route(&kind), &scope, &mut texts, &mut notes);
        for note in notes.drain(..) {
            take(&note, &texts);
        }
        texts.clear(1 << 20);
        ControlFlow::Continue(())
    })
    .expect("the log can be read");
}

/// The findings, by key, and how many keys are exact.
fn findings(path: &Path) -> (BTreeMap<String, Finding>, u64) {
    let definitions = definition::load(&[folder()], &rules::names()).expect("sound definitions");
    let scope = &definitions.scopes[0];
    let models = ReadModels::open(&scope.projections).expect("no other database");
    let log = Log::open(
        scope.log.as_ref().expect("a log"),
        &OpenOptions {
            path: Some(path.to_owned()),
        },
    )
    .expect("the log can be opened");
    let reader = Reader::new(&scope.projections);
    let mut ledger = Ledger::new(&scope.projections);
    pass(&log, &reader, &mut |note, texts| ledger.take(note, texts));
    let mut audit = Audit::new(&ledger, &models, &log, false).expect("the rows can be read");
    let suspects = audit.suspects().expect("some rows differ");
    pass(&log, &reader, &mut |note, texts| suspects.take(note, texts));
    let tail = log.tail(1).expect("the log can be read");
    let (head, end) = tail.last().copied().expect("the log holds events");
    let mut found = BTreeMap::new();
    let mut exact = 0;
    for conclusion in audit.conclude(end, Some(head)) {
        let remarks = rules::projection::remarks(&conclusion);
        assert_eq!(remarks, Vec::<String>::new());
        exact += conclusion
            .counts
            .get(&Verdict::Exact)
            .copied()
            .unwrap_or_default();
        for finding in rules::projection::findings(&conclusion, end) {
            found.insert(finding.subject.id.clone(), finding);
        }
    }
    (found, exact)
}

/// The versions of the events that a finding shows.
fn versions(path: &Path, finding: &Finding) -> Vec<Option<i64>> {
    let definitions = definition::load(&[folder()], &rules::names()).expect("sound definitions");
    let log = Log::open(
        definitions.scopes[0].log.as_ref().expect("a log"),
        &OpenOptions {
            path: Some(path.to_owned()),
        },
    )
    .expect("the log can be opened");
    let (events, _) = log
        .events(Filter::Positions(&finding.evidence))
        .expect("events");
    events.into_iter().map(|event| event.version).collect()
}

#[test]
fn rows_of_a_hand_kept_read_model_are_judged_as_they_came_about() {
    let path = folder().join("accounts.sqlite");
    let text = std::fs::read_to_string(folder().join("accounts.truth.json")).expect("the truth");
    let truth: BTreeMap<String, Truth> = serde_json::from_str(&text).expect("JSON");
    let (found, exact) = findings(&path);
    let keys = |keys: Vec<&String>| keys.into_iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(found.keys().collect()), keys(truth.keys().collect()));
    assert_eq!(exact, 12);
    for (key, truth) in &truth {
        let finding = &found[key];
        let said = (finding.rule, versions(&path, finding));
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
