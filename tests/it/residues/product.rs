//! The same events as the product judges them, and its findings as the evaluator tells them.

use std::collections::BTreeMap;

use sagactl::definition::{self, Definitions};
use sagactl::finding::{Finding, Severity};
use sagactl::inspect::{self, Go, Options};
use sagactl::rules;

use super::*;

/// The definitions of all events, and of nothing else.
pub(super) fn definitions() -> Definitions {
    let types = |who: &str| {
        let all = ALL.iter().map(|what| format!("{who}{}", what.name()));
        format!("[{}]", all.collect::<Vec<_>>().join(", "))
    };
    let steps: String = (0..STEPS)
        .map(|step| {
            format!(
                "  - {{ step: s{step}, succeeds: {}, timeout: 1h, compensation: {{ succeeds: {}, timeout: 1h }} }}\n",
                types(&format!("S{step}")),
                types(&format!("U{step}"))
            )
        })
        .collect();
    let [
        asked,
        begun,
        failed,
        refused,
        undo_begun,
        done,
        undone,
        ended,
    ] = OTHERS.map(types);
    let mut text = format!(
        "saga: pairs\nstarts: {asked}\ndeadline: 1d\nsteps:\n{steps}\
        \x20 - {{ step: more, optional: true, begins: {begun}, fails: {failed}, succeeds: More, timeout: 1h, \
             compensation: {{ begins: {undo_begun}, succeeds: Less, timeout: 1h }} }}\n\
        \x20 - {{ step: go, pivot: true, succeeds: Gone, timeout: 1h }}\n\
        \x20 - {{ step: end, after: go, succeeds: {ended}, timeout: 1h }}\n\
         aborts: {refused}\ncompletes: {done}\ncompensated: {undone}\n"
    );
    for (projection, key) in [("p0", "a"), ("p1", "b")] {
        text += &format!("---\nprojection: {projection}\nkey: data.{key}\non:\n");
        let who = (0..STEPS).flat_map(|step| [format!("S{step}"), format!("U{step}")]);
        let others = OTHERS.map(str::to_owned);
        for who in who.chain(["N".to_owned()]).chain(others) {
            for what in ALL {
                text += &format!("  {who}{}: {}\n", what.name(), what.effect());
            }
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("pairs.yaml");
    std::fs::write(&path, text).expect("it can be written");
    definition::load(&[path], &rules::names()).expect("sound")
}

pub(super) fn quickly(told: &[Told], definitions: &Definitions) -> BTreeMap<(usize, usize), Blame> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log.jsonl");
    let lines = told.iter().enumerate().map(|(index, one)| {
        let name = one.what.name();
        let (kind, correlation) = match one.who {
            Who::Step(instance, step) => (format!("S{step}{name}"), format!("\"{instance}\"")),
            Who::Undo(instance, step) => (format!("U{step}{name}"), format!("\"{instance}\"")),
            Who::Pivot(instance) => ("Gone".to_owned(), format!("\"{instance}\"")),
            Who::Other(instance, kind) => {
                (format!("{}{name}", OTHERS[kind]), format!("\"{instance}\""))
            }
            Who::Nobody => (format!("N{name}"), "null".to_owned()),
        };
        let ([a, b], value) = (one.keys, one.value);
        format!(
            r#"{{"position":{},"time":"2026-03-01T08:00:{index:02}Z","type":"{kind}","correlation":{correlation},"data":{{"a":{a},"b":{b},"value":{value},"items":[{value}],"word":"w{value}"}}}}"#,
            index + 1
        )
    });
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).expect("it can be written");
    let options = Options {
        log: Some(path),
        threads: 1,
        ..Options::new("2026-11-01T00:00:00Z".parse().expect("an instant"))
    };
    let report = inspect::audit(definitions, &options, &|_| Go::On).expect("it can be read");
    for info in ["compensation/residue", "isolation/dirty-touch"] {
        let count = report.rules.iter().find(|count| count.rule == info);
        assert_eq!(count.map(|count| count.unknown), Some(0), "{info}");
        if info == "compensation/residue" {
            assert_eq!(count.map(|count| count.checked), Some(undone(told)));
        }
    }
    let mut blames: BTreeMap<(usize, usize), Blame> = BTreeMap::new();
    for finding in &report.findings {
        let step = finding
            .step
            .as_deref()
            .and_then(|step| step.strip_prefix('s'));
        let (Ok(instance), Some(step)) = (finding.subject.id.parse(), step) else {
            continue;
        };
        let own = (instance, step.parse().expect("a number"));
        match finding.rule {
            "compensation/residue" => blames.entry(own).or_default().residue = left(finding),
            "isolation/dirty-touch" => blames.entry(own).or_default().dirty = touched(finding),
            _ => {}
        }
    }
    blames
}

/// `p0 1` as a key.
fn key(text: &str) -> Key {
    let (projection, key) = text.split_once(' ').expect("a key");
    let projection = projection.strip_prefix('p').expect("a projection");
    (
        projection.parse().expect("a number"),
        key.parse().expect("a number"),
    )
}

fn field(name: &str) -> &'static str {
    let known = FIELDS.into_iter().find(|known| *known == name);
    known.expect("a field")
}

/// The fields of a message like `…left behind on p0 1: `amount` +2, `list` with 3; p1 0: …`.
fn left(finding: &Finding) -> Parts {
    let (_, all) = finding.message.split_once(" on ").expect("a list");
    let mut parts = Parts::new();
    for part in all.split("; ") {
        let (on, fields) = part.split_once(": ").expect("a key and fields");
        let mut pieces = fields.split('`').skip(1);
        while let (Some(name), Some(how)) = (pieces.next(), pieces.next()) {
            let how = how.trim_end_matches(", ").trim();
            let how = match field(name) {
                "amount" => how.to_owned(),
                _ => String::new(),
            };
            parts.insert((key(on), field(name)), how);
        }
    }
    parts
}

/// The touches of a message like `1 wrote `word` of p0 1; …before this effect was undone`.
fn touched(finding: &Finding) -> BTreeMap<Key, (&'static str, usize, bool)> {
    let is_definite = finding.severity == Severity::Error;
    let all = finding.message.split("; ");
    all.map(|part| {
        let (other, rest) = part.split_once(" wrote `").expect("who");
        let (name, on) = rest.split_once("` of ").expect("a field");
        let on: Vec<&str> = on.split(' ').take(2).collect();
        let other = other.parse().expect("a number");
        (key(&on.join(" ")), (field(name), other, is_definite))
    })
    .collect()
}
