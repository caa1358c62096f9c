//! What applying does, and what it leaves.

use std::collections::BTreeMap;
use std::fs;

use rusqlite::Connection;

use super::{Bench, REFUSED, items};

fn files(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(bench.path("."))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

#[test]
fn without_write_nothing_is_touched() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    let before = files(&bench);
    let (code, said) = bench.run("apply plan.json shop.yaml");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3. undo stock, after courier"), "{said}");
    bench.run("compensate o-1 shop.yaml");
    for line in ["--write", "--write --reason INC-1", "--write --yes"] {
        let (code, said) = bench.run(&format!("apply plan.json shop.yaml {line}"));
        assert_eq!(code, Some(4), "{said}");
    }
    assert!(files(&bench) == before, "the folder changed");
}

#[test]
fn an_applied_plan_is_submitted_until_the_log_confirms_it() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    let verdicts = || {
        let (code, said) = bench.run("verify plan.json shop.yaml --format jsonl");
        (code, items(&said, "verdict"))
    };
    let all = |word: &str| ["courier", "payment", "stock"].map(|step| format!("o-1 {step} {word}"));
    assert_eq!(verdicts(), (Some(1), all("unsent").to_vec()));
    let (code, said) = bench.apply("");
    assert_eq!(
        (code, items(&said, "outcome")),
        (Some(0), all("done").to_vec()),
        "{said}"
    );
    let order = [
        "o-1 courier backward",
        "o-1 payment backward",
        "o-1 stock backward",
    ];
    assert_eq!(bench.effects(), order);
    assert_eq!(verdicts(), (Some(1), all("submitted").to_vec()));

    bench.happens("o-1", "CourierCancelled");
    bench.happens("o-1", "StockReleaseFailed");
    let mixed = [
        "o-1 courier confirmed",
        "o-1 payment submitted",
        "o-1 stock contradicted",
    ];
    assert_eq!(verdicts(), (Some(1), mixed.map(str::to_owned).to_vec()));
    bench.happens("o-1", "StockReleased");
    bench.happens("o-1", "PaymentVoided");
    assert_eq!(verdicts(), (Some(0), all("confirmed").to_vec()));

    let (code, said) = bench.run("journal export shop.yaml");
    assert_eq!(code, Some(0));
    assert_eq!(said.lines().count(), 3);
    assert!(said.contains(r#""actor":"ann","reason":"INC-1""#), "{said}");
    assert_eq!(bench.run("journal show 1 shop.yaml").0, Some(0));
    assert_eq!(bench.run("journal show 2 shop.yaml").0, Some(2));
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(4), "a plan that was begun is not begun again");
    assert!(said.contains("--resume"), "{said}");
    assert_eq!(bench.effects().len(), 3);
}

#[test]
fn an_instance_that_moved_is_left_alone_and_the_others_are_not() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED), ("o-2", &REFUSED)]);
    bench.plan();
    bench.happens("o-1", "CourierCancelled");
    assert_eq!(
        bench.run("apply plan.json shop.yaml").0,
        Some(4),
        "the dry run says so too"
    );
    let (code, said) = bench.apply("");
    let expected = [
        "o-1 courier moved",
        "o-1 payment moved",
        "o-1 stock moved",
        "o-2 courier done",
        "o-2 payment done",
        "o-2 stock done",
    ];
    assert_eq!(
        (code, items(&said, "outcome")),
        (Some(4), expected.map(str::to_owned).to_vec())
    );
}

#[test]
fn what_came_after_the_instant_that_is_judged_at_counts_too() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.happens("o-1", "CourierCancelled");
    let (code, said) = bench.apply("--as-of 2023-11-14T23:18:20Z");
    assert_eq!(code, Some(4));
    assert_eq!(items(&said, "outcome")[0], "o-1 courier moved", "{said}");
    assert_eq!(bench.effects(), Vec::<String>::new());
}

#[test]
fn another_log_of_the_same_name_is_not_acted_on() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    let log = Connection::open(bench.path("shop.db")).unwrap();
    log.execute("UPDATE events SET time = time - 1 WHERE position = 1", [])
        .unwrap();
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(4));
    assert!(said.contains("the log is another"), "{said}");
    assert_eq!(bench.effects(), Vec::<String>::new());
}

#[test]
fn a_failure_stops_its_instance_and_no_other() {
    let instances = [("o-1", &REFUSED[..]), ("o-2", &REFUSED), ("o-3", &REFUSED)];
    let bench = Bench::new("idempotent: true", &instances);
    bench.plan();
    bench.mode("fail-o-1");
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(4));
    assert!(said.contains("exit 1: no such thing"), "{said}");
    let mut outcomes = items(&said, "outcome");
    outcomes.sort();
    assert_eq!(outcomes[0], "o-1 courier failed");
    assert_eq!(
        outcomes[1..3],
        ["o-1 payment not-reached", "o-1 stock not-reached"]
    );
    assert!(
        outcomes[3..].iter().all(|item| item.ends_with("done")),
        "{outcomes:?}"
    );

    let bench = Bench::new("idempotent: true", &instances);
    bench.plan();
    bench.mode("fail-o-1");
    bench.apply("--stop-after 1");
    assert_eq!(
        bench.effects(),
        Vec::<String>::new(),
        "it stopped after the first failure"
    );
}

#[test]
fn a_program_may_ask_to_be_tried_again() {
    let bench = Bench::new("idempotent: true, backoff: 1ms", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("again");
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.effects().len(), 3);
    let (_, said) = bench.run("journal export shop.yaml");
    assert!(
        said.lines().next().unwrap().contains(r#""attempts":2"#),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_hangs_is_killed_with_its_children_and_its_outcome_is_unknown() {
    let bench = Bench::new("timeout: 500ms", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("hang");
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(4));
    assert_eq!(items(&said, "outcome")[0], "o-1 courier unknown", "{said}");
    let child = fs::read_to_string(bench.path("child")).unwrap();
    let state = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    let is_gone = state.is_empty() || state.contains(") Z ");
    assert!(is_gone, "its child lives on: {state}");
    bench.mode("ok");
    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(4));
    assert_eq!(
        items(&said, "outcome")[0],
        "o-1 courier unknown",
        "nobody may guess: {said}"
    );
    assert_eq!(bench.effects(), Vec::<String>::new());
}

#[test]
fn a_journal_that_cannot_be_used_ends_it_before_anything_is_sent() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    for (journal, why) in [
        ("missing/journal.db", "cannot be used"),
        ("shop.db", "is no journal"),
        ("newer.db", "is of version 3"),
    ] {
        if journal == "newer.db" {
            let newer = Connection::open(bench.path(journal)).unwrap();
            newer
                .execute_batch(
                    "CREATE TABLE t (x); PRAGMA application_id = 0x73676a6c; PRAGMA user_version = 3",
                )
                .unwrap();
        }
        let (code, said) = bench.apply(&format!("--journal {journal}"));
        assert_eq!(code, Some(4), "{said}");
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(bench.effects(), Vec::<String>::new());
}

#[test]
fn what_was_sent_and_cannot_be_recorded_is_unknown_and_ends_it() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED), ("o-2", &REFUSED)]);
    bench.plan();
    bench.mode("spoil");
    let (code, said) = bench.apply("");
    assert_eq!(code, Some(4));
    let outcomes = items(&said, "outcome");
    assert_eq!(outcomes[0], "o-1 courier unknown", "{said}");
    assert!(
        outcomes[1..]
            .iter()
            .all(|item| item.ends_with("not-reached")),
        "{said}"
    );
    assert_eq!(bench.effects(), ["o-1 courier backward"]);
}

#[test]
fn the_journal_refuses_to_be_changed() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.apply("");
    let journal = Connection::open(bench.path("shop.journal.db")).unwrap();
    for table in ["applies", "intents", "results", "leases"] {
        for change in [
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET at = 0"),
        ] {
            let error = journal.execute(&change, []).unwrap_err().to_string();
            assert_eq!(error, "a journal only grows", "{change}");
        }
    }
}
