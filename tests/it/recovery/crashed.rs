//! The program killed anywhere, interrupted, and out of disk; then resumed. What the driven side
//! keeps, one effect per key, and what stands in the log are the oracle.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::{Bench, REFUSED, items, told};

const APPLY: &str = "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl";
const PATIENCE: Duration = Duration::from_secs(20);

fn bench() -> Bench {
    let bench = Bench::new("idempotent: true, record: append", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("once");
    bench
}

/// How many durable writes there were: rows of the journal, and events beyond the bench's six.
fn writes(bench: &Bench) -> u32 {
    let count = |file: &str, sql: &str| {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Connection::open_with_flags(bench.path(file), flags)?;
        database.query_row(sql, [], |row| row.get::<_, u32>(0))
    };
    let journal = "SELECT (SELECT count(*) FROM applies) + (SELECT count(*) FROM leases)
                        + (SELECT count(*) FROM intents) + (SELECT count(*) FROM results)";
    let events = "SELECT count(*) - 6 FROM events";
    count("shop.journal.db", journal).unwrap_or(0) + count("shop.db", events).unwrap_or(0)
}

/// Finishes, and holds what came of it against the oracle.
fn finish(bench: &Bench, what: &str) {
    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(0), "{what}: {said}");
    // A child of the killed program may still be at work.
    let start = Instant::now();
    while bench.effects().len() < 3 && start.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(10));
    }
    let keys = bench.keys();
    let different: BTreeSet<&String> = keys.iter().collect();
    assert_eq!(
        (keys.len(), different.len()),
        (3, 3),
        "{what}: each effect once"
    );
    let log = Connection::open(bench.path("shop.db")).unwrap();
    let events: Vec<String> = log
        .prepare("SELECT type FROM events WHERE position > 6 ORDER BY position")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let expected = ["CourierCancelled", "PaymentVoided", "StockReleased"];
    assert_eq!(events, expected, "{what}: each event once, in order");
    let (code, said) = bench.run("verify plan.json shop.yaml");
    assert_eq!(code, Some(0), "{what}: {said}");
}

#[test]
fn killed_after_any_durable_write_it_is_finished_without_a_second_effect() {
    for number in 0.. {
        let bench = bench();
        let mut child = bench.command(APPLY).spawn().unwrap();
        let is_killed = loop {
            if child.try_wait().unwrap().is_some() {
                break false;
            }
            if writes(&bench) >= number {
                child.kill().unwrap();
                child.wait().unwrap();
                break true;
            }
        };
        finish(&bench, &format!("killed after {number} writes"));
        if !is_killed {
            assert!(number > 10, "there are more writes than {number}");
            return;
        }
    }
}

#[test]
fn killed_at_any_time_it_is_finished_without_a_second_effect() {
    for number in 0..24 {
        let bench = bench();
        let mut child = bench.command(APPLY).spawn().unwrap();
        let time = Duration::from_millis(5 * number);
        thread::sleep(time);
        child.kill().unwrap();
        child.wait().unwrap();
        finish(&bench, &format!("killed after {time:?}"));
    }
}

#[cfg(unix)]
#[test]
fn without_room_for_the_journal_nothing_is_sent_that_it_does_not_know_of() {
    let mut stopped = 0;
    for blocks in (0..120).step_by(6) {
        let bench = bench();
        let program = env!("CARGO_BIN_EXE_sagactl");
        // The signal that a full quota sends is ignored, so that the write fails as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec '{program}' {APPLY}");
        let output = bench
            .command("")
            .get_envs()
            .fold(Command::new("/bin/sh"), |mut command, (name, value)| {
                command.env(name, value.unwrap_or_default());
                command
            })
            .current_dir(bench.path("."))
            .args(["-c", &script])
            .output()
            .unwrap();
        let (code, said) = told(&output);
        let intents = bench.run("journal export shop.yaml").1;
        let intents = intents.lines().filter(|line| line.starts_with('{')).count();
        assert!(bench.effects().len() <= intents, "{blocks} blocks: {said}");
        if code != Some(0) {
            stopped += 1;
        }
        finish(&bench, &format!("{blocks} blocks"));
    }
    assert!(stopped > 3, "the disk was never full");
}

#[test]
fn a_journal_that_cannot_be_written_ends_it_before_anything_is_sent() {
    let bench = Bench::new("idempotent: true", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("refuse");
    bench.apply("");
    // The number of the file format that may be read and not written, for every user.
    let path = bench.path("shop.journal.db");
    let mut journal = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut version = [0];
    journal.seek(SeekFrom::Start(18)).unwrap();
    journal.read_exact(&mut version).unwrap();
    assert!(version[0] <= 2, "it was written before");
    journal.seek(SeekFrom::Start(18)).unwrap();
    journal.write_all(&[3]).unwrap();
    drop(journal);
    bench.mode("ok");
    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("readonly"), "{said}");
    assert_eq!(bench.effects(), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn interrupted_it_finishes_the_action_in_flight_and_leaves_the_rest() {
    let bench = Bench::new("idempotent: false", &[("o-1", &REFUSED)]);
    bench.plan();
    bench.mode("slow");
    let child = bench.command(APPLY).spawn().unwrap();
    let start = Instant::now();
    while bench.run("journal export shop.yaml").1.lines().count() != 1
        || !bench.run("journal export shop.yaml").1.starts_with('{')
    {
        assert!(start.elapsed() < PATIENCE, "no action was begun");
        thread::sleep(Duration::from_millis(20));
    }
    let interrupt = format!("kill -INT {}", child.id());
    let sent = Command::new("/bin/sh").args(["-c", &interrupt]).status();
    assert!(sent.unwrap().success());
    let (code, said) = told(&child.wait_with_output().unwrap());
    let expected = [
        "o-1 courier done",
        "o-1 payment not-reached",
        "o-1 stock not-reached",
    ];
    assert_eq!(
        (code, items(&said, "outcome")),
        (Some(4), expected.map(str::to_owned).to_vec()),
        "{said}"
    );
    assert!(said.contains("--resume"), "{said}");
    bench.mode("ok");
    let (code, said) = bench.apply("--resume");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(bench.effects().len(), 3);
}
