//! What a person finds out about an action of which nobody knows whether it was done.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use super::{Bench, REFUSED, items, told};

/// A bench on which the program was killed during its first action, which is not idempotent.
fn killed(mode: &str) -> Bench {
    let bench = Bench::new("idempotent: false", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode(mode);
    assert_eq!(bench.apply("").0, None, "it was killed");
    // The driven side may be at work yet.
    thread::sleep(Duration::from_millis(200));
    bench
}

/// The command that the table proposes, without the program.
fn proposed(said: &str) -> String {
    let mut lines = said.lines().map(str::trim);
    let line = lines.find(|line| line.starts_with("sagactl journal settle"));
    line.unwrap_or_else(|| panic!("{said}"))
        .trim_start_matches("sagactl ")
        .to_owned()
}

#[test]
fn what_nobody_knows_is_settled_by_who_finds_it_out() {
    let writes = "apply plan.json shop.yaml --write --yes --reason INC-1 --resume";
    for (mode, finding, sent) in [
        ("kill-after", "--done", 2),
        ("kill-before", "--not-done", 3),
    ] {
        let bench = killed(mode);
        let before = bench.effects().len();
        for line in [writes, "verify plan.json shop.yaml"] {
            let (code, said) = bench.run(line);
            assert_ne!(code, Some(0));
            proposed(&said);
        }
        let (code, said) = bench.run(writes);
        assert_eq!(code, Some(4));
        assert_eq!(bench.effects().len(), before, "nothing more is sent");
        let settle = proposed(&said);

        let whole = fs::read(bench.path("shop.journal.db")).unwrap();
        let (code, said) = bench.run(&settle);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("add --done or --not-done"), "{said}");
        assert_eq!(bench.run(&format!("{settle} {finding}")).0, Some(0));
        assert_eq!(
            bench.run(&format!("{settle} --write --yes --reason x")).0,
            Some(2)
        );
        for denied in ["--write", "--write --yes", "--write --reason x"] {
            assert_eq!(
                bench.run(&format!("{settle} {finding} {denied}")).0,
                Some(4)
            );
        }
        assert_eq!(fs::read(bench.path("shop.journal.db")).unwrap(), whole);

        let line = format!("{settle} {finding} --write --yes --reason INC-2");
        let (code, said) = bench.run(&line);
        assert_eq!(code, Some(0), "{said}");
        let (_, exported) = bench.run("journal export shop.yaml");
        let entry: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
        let outcome = if finding == "--done" {
            "done"
        } else {
            "failed"
        };
        assert_eq!(entry["outcome"], outcome);
        assert_eq!(entry["settled"]["reason"], "INC-2");
        assert_eq!(entry["settled"]["actor"], "ann");
        assert_eq!(bench.run(&line).0, Some(4), "it is known now");

        let (code, said) = bench.apply("--resume");
        let done = ["courier", "payment", "stock"].map(|step| format!("o-1 {step} done"));
        assert_eq!(
            (code, items(&said, "outcome")),
            (Some(0), done.to_vec()),
            "{said}"
        );
        assert_eq!(bench.effects().len() - before, sent);
        let keys = bench.keys();
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!((keys.len(), distinct.len()), (3, 3));
    }
}

#[test]
fn nothing_is_settled_while_somebody_is_at_it() {
    let bench = Bench::new("idempotent: false", &[("o-1", &REFUSED)]);
    let plan = bench.plan();
    let key = plan["instances"][0]["actions"][0]["key"].as_str().unwrap();
    bench.mode("slow");
    let line = "apply plan.json shop.yaml --write --yes --reason INC-1";
    let child = bench.command(line).spawn().unwrap();
    while bench.run(&format!("journal settle {key} shop.yaml")).0 != Some(0) {
        thread::sleep(Duration::from_millis(20));
    }
    let (code, said) = bench.run(&format!(
        "journal settle {key} shop.yaml --not-done --write --yes --reason INC-2"
    ));
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("ann drives it"), "{said}");
    for writes in ["", "--write --yes --reason INC-2"] {
        let line = format!("compensate o-1 shop.yaml --format jsonl {writes}");
        let (code, said) = bench.run(&line);
        let held = ["courier", "payment", "stock"].map(|step| format!("o-1 {step} held"));
        assert_eq!(
            (code, items(&said, "outcome")),
            (Some(4), held.to_vec()),
            "{said}"
        );
    }
    let (code, said) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.effects().len(), 3);
}

#[test]
fn a_key_that_is_not_there_is_no_answer() {
    let bench = killed("kill-after");
    let (code, said) = bench.run("journal settle nothing shop.yaml");
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(
        bench.run("journal settle x shop.yaml --done --not-done").0,
        Some(2)
    );
}

#[test]
fn a_journal_of_the_first_version_is_read_and_brought_up_to_date() {
    let bench = killed("kill-after");
    let journal = Connection::open(bench.path("shop.journal.db")).unwrap();
    journal
        .execute_batch("DROP TABLE settlements; PRAGMA user_version = 1")
        .unwrap();
    drop(journal);
    for line in ["journal list shop.yaml", "journal export shop.yaml"] {
        let (code, said) = bench.run(line);
        assert_eq!(code, Some(0), "{said}");
    }
    let (_, said) = bench.run("verify plan.json shop.yaml");
    let line = format!("{} --done --write --yes --reason INC-2", proposed(&said));
    let (code, said) = bench.run(&line);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.apply("--resume").0, Some(0));
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn a_journal_whose_writer_was_killed_is_read_and_not_touched() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    assert_eq!(bench.apply("").0, Some(0));
    // A transaction that has reached the file, and was never finished.
    let mut writer = Connection::open(bench.path("shop.journal.db")).unwrap();
    writer.execute_batch("PRAGMA cache_size = 1").unwrap();
    let half = writer.transaction().unwrap();
    for number in 0..200 {
        let insert = "INSERT INTO applies (at, actor, reason, tool, plan, document)
                      VALUES (?1, 'eve', '', '', '', hex(zeroblob(2000)))";
        half.execute(insert, [number]).unwrap();
    }
    let folder = bench.path("left");
    fs::create_dir(&folder).unwrap();
    for suffix in ["", "-journal"] {
        let from = bench.path(&format!("shop.journal.db{suffix}"));
        fs::copy(from, folder.join(format!("j.db{suffix}"))).unwrap();
    }
    half.rollback().unwrap();
    let before = files(&folder);
    for line in [
        "journal list",
        "journal export",
        "verify plan.json shop.yaml",
    ] {
        let (_, said) = bench.run(&format!("{line} --journal left/j.db"));
        assert!(!said.contains("eve") && !said.contains("error"), "{said}");
        assert!(
            said.contains("INC-1") || said.contains("submitted"),
            "{said}"
        );
    }
    assert!(files(&folder) == before, "what was left is left");
}
