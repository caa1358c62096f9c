//! What is refused before anything is sent, and the dry run that says the same as the real one.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use super::{Bench, REFUSED, items, told};

const APPEND: &str = "idempotent: true, record: append";

/// Runs a command, and answers its exit code and the one document that it prints.
fn document(bench: &Bench, line: &str) -> (Option<i32>, Value) {
    let output = bench.command(line).output().unwrap();
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    let parsed = serde_json::from_str(&printed);
    (
        output.status.code(),
        parsed.unwrap_or_else(|_| panic!("{line}: {:?}", told(&output))),
    )
}

/// What spoils a plan on a bench, what is typed besides, the word that says so, and whether the dry run
/// says it as well.
type Spoilt = (fn(&Bench), &'static str, &'static str, bool);

const WRITES: &str = "--write --yes --reason INC-1";

const SPOILT: [Spoilt; 10] = [
    (|_| {}, "--write --yes", "no-reason", false),
    (|_| {}, "--write --reason INC-1", "nobody-there", false),
    (edit, WRITES, "edited", true),
    (change_definitions, WRITES, "stale", true),
    (
        |bench| {
            bench.apply("");
        },
        WRITES,
        "begun",
        true,
    ),
    (need_a_tenant, WRITES, "unrecordable", true),
    (
        |bench| fs::write(bench.path("shop.journal.db"), "").unwrap(),
        "",
        "no-journal",
        true,
    ),
    (
        |bench| {
            let other = Connection::open(bench.path("shop.journal.db")).unwrap();
            other.execute_batch("CREATE TABLE t (x)").unwrap();
        },
        WRITES,
        "no-journal",
        true,
    ),
    (
        |bench| fs::create_dir(bench.path("shop.journal.db")).unwrap(),
        WRITES,
        "no-journal",
        true,
    ),
    (
        |_| {},
        "--write --yes --reason INC-1 --journal gone/j.db",
        "no-journal",
        false,
    ),
];

fn edit(bench: &Bench) {
    let text = fs::read_to_string(bench.path("plan.json")).unwrap();
    let edited = text.replace("\"backward\"", "\"forward\"");
    fs::write(bench.path("plan.json"), edited).unwrap();
}

fn change_definitions(bench: &Bench) {
    let text = fs::read_to_string(bench.path("shop.yaml")).unwrap();
    fs::write(bench.path("shop.yaml"), text + "# changed\n").unwrap();
}

fn need_a_tenant(bench: &Bench) {
    let log = Connection::open(bench.path("shop.db")).unwrap();
    log.execute_batch(
        "CREATE TABLE more AS SELECT * FROM events; DROP TABLE events;
         CREATE TABLE events (position INTEGER PRIMARY KEY, time, type, stream, version, id,
             correlation, causation, key, data, metadata, tenant TEXT NOT NULL);
         INSERT INTO events SELECT *, 't' FROM more",
    )
    .unwrap();
}

#[test]
fn every_refusal_has_a_word_for_programs() {
    for (spoil, options, word, is_rehearsed) in SPOILT {
        let bench = Bench::new(APPEND, &[("o-1", &REFUSED)]);
        bench.plan();
        spoil(&bench);
        let before = bench.effects();
        let rehearsed = if is_rehearsed { "" } else { options };
        for options in [options, rehearsed] {
            for format in ["json", "jsonl"] {
                let line = format!("apply plan.json shop.yaml {options} --format {format}");
                let (code, said) = document(&bench, &line);
                assert_eq!(
                    (code, &said["refused"]),
                    (Some(4), &Value::from(word)),
                    "{line}: {said}"
                );
                assert!(!said["message"].as_str().unwrap().is_empty());
            }
            let (code, said) = bench.run(&format!("apply plan.json shop.yaml {options}"));
            assert_eq!(code, Some(4));
            assert!(said.starts_with("error: "), "{said}");
        }
        assert_eq!(bench.effects(), before, "{word}");
    }
}

#[test]
fn logs_with_journals_of_their_own_are_not_driven_together() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    for name in ["one", "two"] {
        let folder = bench.path("sagas").join(name);
        fs::create_dir_all(&folder).unwrap();
        let text = fs::read_to_string(bench.path("shop.yaml")).unwrap();
        let text = text.replace("log: shop", &format!("log: {name}"));
        let text = text.replace("saga: order", &format!("saga: {name}-order"));
        fs::write(folder.join("shop.yaml"), text).unwrap();
        fs::copy(bench.path("shop.db"), folder.join("shop.db")).unwrap();
    }
    assert_eq!(bench.run("plan sagas -o plan.json").0, Some(0));
    for writes in ["", WRITES] {
        let line = format!("apply plan.json sagas {writes} --format json");
        let (code, said) = document(&bench, &line);
        assert_eq!(
            (code, &said["refused"]),
            (Some(4), &Value::from("several-logs"))
        );
    }
    assert_eq!(
        bench.run("apply plan.json sagas --journal both.db").0,
        Some(0)
    );
}

#[test]
fn a_place_where_no_result_can_stand_is_noticed_before_anything_is_sent() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    for place in ["gone/result", ".", "shop.db", "plan.json"] {
        let (code, said) = bench.apply(&format!("-o {place}"));
        assert_eq!(code, Some(2), "{said}");
    }
    assert_eq!(bench.effects(), Vec::<String>::new());
}

#[test]
fn a_step_that_no_saga_has_is_no_empty_answer() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    for line in [
        "compensate o-1 shop.yaml --step stokc",
        "plan shop.yaml --step stokc",
        "list shop.yaml --step stokc",
    ] {
        let (code, said) = bench.run(line);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("did you mean `stock`?"), "{said}");
    }
}

#[test]
fn a_dry_run_knows_what_the_journal_knows() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED), ("o-2", &REFUSED)]);
    bench.plan();
    bench.mode("fail-o-2");
    assert_eq!(bench.apply("").0, Some(4));
    let (code, said) = bench.run("apply plan.json shop.yaml --resume --format jsonl");
    let done = ["courier", "payment", "stock"].map(|step| format!("o-1 {step} done"));
    assert_eq!(
        (code, items(&said, "outcome")),
        (Some(0), done.to_vec()),
        "{said}"
    );
}

#[test]
fn a_plan_is_the_same_from_wherever_it_is_made_and_applied() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    let here = bench.plan();
    let elsewhere = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let mut command = bench.command(line);
        told(&command.current_dir(elsewhere.path()).output().unwrap())
    };
    let named = |name: &str| bench.path(name).display().to_string();
    let (definitions, plan) = (named("shop.yaml"), named("plan.json"));
    let (code, said) = run(&format!("plan {definitions} --format json"));
    assert_eq!(code, Some(0), "{said}");
    let there: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(there["instances"], here["instances"]);
    for writes in ["", WRITES] {
        let (code, said) = run(&format!("apply {plan} {definitions} {writes}"));
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!(bench.effects().len(), 3);
    assert!(Path::new(&named("shop.journal.db")).exists());
}
