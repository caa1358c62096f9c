use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::*;
use crate::log::testing::{Bench, EVENTS, definition, events};
use crate::log::{Filter, Log, OpenOptions};

fn count(path: &Path) -> usize {
    let log = Log::open(&definition(path, vec![events()]), &OpenOptions::default())
        .expect("the log opens");
    let (events, bad) = log.events(Filter::All).expect("the log can be read");
    assert_eq!(bad, []);
    events.len()
}

fn refusal(path: &Path) -> String {
    match Log::open(&definition(path, vec![events()]), &OpenOptions::default()) {
        Ok(_) => panic!("{} should not open", path.display()),
        Err(error) => error.message,
    }
}

fn with_events(count: usize) -> String {
    let rows: Vec<String> = (1..=count)
        .map(|n| format!("({n}, 'e{n}', 'Placed', {n}000)"))
        .collect();
    format!(
        "{EVENTS} INSERT INTO events (position, event_id, type, occurred_at) VALUES {};",
        rows.join(",")
    )
}

/// Runs the statements in a process that is killed before it can clean up.
fn crash(bench: &Bench, sql: &str) {
    let connection = bench.writer();
    connection.execute_batch(sql).expect("the test's SQL works");
    for (name, bytes) in bench.contents() {
        fs::write(bench.folder.path().join(format!("{name}.left")), bytes).expect("a copy");
    }
    drop(connection);
    for (name, _) in bench.contents() {
        if !name.ends_with(".left") {
            fs::remove_file(bench.folder.path().join(name)).expect("removed");
        }
    }
    for (name, _) in bench.contents() {
        let from = bench.folder.path().join(&name);
        fs::rename(
            from,
            bench.folder.path().join(name.trim_end_matches(".left")),
        )
        .expect("moved");
    }
}

#[test]
fn a_rollback_journal_log_is_left_as_it_was() {
    let bench = Bench::new(&with_events(3));
    let before = bench.contents();
    assert_eq!(count(&bench.path), 3);
    assert_eq!(bench.contents(), before);
}

#[test]
fn a_closed_wal_log_is_left_as_it_was() {
    let bench = Bench::new(&format!("PRAGMA journal_mode=WAL; {}", with_events(3)));
    let before = bench.contents();
    assert_eq!(before.len(), 1);
    assert_eq!(count(&bench.path), 3);
    assert_eq!(bench.contents(), before);
}

#[cfg(unix)]
#[test]
fn a_closed_wal_log_in_a_read_only_folder_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new(&format!("PRAGMA journal_mode=WAL; {}", with_events(3)));
    let set = |mode| {
        fs::set_permissions(bench.folder.path(), fs::Permissions::from_mode(mode)).expect("chmod");
    };
    set(0o555);
    let found = count(&bench.path);
    set(0o755);
    assert_eq!(found, 3);
}

/// Another process with the log open: within one process SQLite shares its handles, and closing one
/// drops the locks of all.
struct OtherProcess {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl OtherProcess {
    fn with(path: &Path) -> OtherProcess {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args([
                "--exact",
                "log::open::tests::the_other_process",
                "--ignored",
                "--nocapture",
            ])
            .env("SAGACTL_TEST_LOG", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("another process");
        let stdin = child.stdin.take().expect("stdin");
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        OtherProcess {
            child,
            stdin,
            stdout,
        }
    }

    fn run(&mut self, sql: &str) {
        writeln!(self.stdin, "{sql}").expect("written");
        for line in self.stdout.by_ref().lines() {
            if line.expect("a line").ends_with("done") {
                return;
            }
        }
        panic!("the other process ended");
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

#[test]
#[ignore = "the other half of the tests with two processes"]
fn the_other_process() {
    let Some(path) = std::env::var_os("SAGACTL_TEST_LOG") else {
        return;
    };
    let connection = rusqlite::Connection::open(path).expect("a database");
    for line in std::io::stdin().lines() {
        connection
            .execute_batch(&line.expect("a line"))
            .expect("the test's SQL works");
        writeln!(std::io::stdout(), "done").expect("written");
    }
}

#[test]
fn events_that_are_only_in_a_live_wal_are_read_and_nothing_is_written() {
    let bench = Bench::new(&format!("PRAGMA journal_mode=WAL; {EVENTS}"));
    let mut writer = OtherProcess::with(&bench.path);
    writer.run("PRAGMA wal_autocheckpoint=0");
    for n in 1..=20 {
        writer.run(&format!(
            "INSERT INTO events (position, type, occurred_at) VALUES ({n}, 'Placed', 1)"
        ));
        let before = bench.contents();
        assert_eq!(before.len(), 3, "database, -wal and -shm");
        assert_eq!(count(&bench.path), n);
        assert!(bench.contents() == before, "the folder changed");
        if n == 10 {
            writer.run("PRAGMA wal_checkpoint(TRUNCATE)");
            assert_eq!(count(&bench.path), n);
        }
    }
    drop(writer);
    let before = bench.contents();
    assert_eq!(count(&bench.path), 20);
    assert!(bench.contents() == before, "the folder changed");
}

#[test]
fn a_checkpoint_in_another_process_does_not_reach_a_reader() {
    let bench = Bench::new(&format!("PRAGMA journal_mode=WAL; {EVENTS}"));
    let mut writer = OtherProcess::with(&bench.path);
    writer.run("INSERT INTO events (position, type, occurred_at) VALUES (1, 'Placed', 1)");
    let log = Log::open(
        &definition(&bench.path, vec![events()]),
        &OpenOptions::default(),
    )
    .expect("opens");
    for n in 2..50 {
        writer.run(&format!(
            "INSERT INTO events (position, type, occurred_at) VALUES ({n}, 'Placed', 1)"
        ));
        writer.run("PRAGMA wal_checkpoint(PASSIVE)");
        assert_eq!(log.events(Filter::All).expect("reads").0.len(), 1);
    }
    drop(log);
    assert_eq!(count(&bench.path), 49);
}

#[test]
fn opening_a_log_again_does_not_drop_the_locks_of_the_first() {
    let bench = Bench::new(&with_events(3));
    let first = Log::open(
        &definition(&bench.path, vec![events()]),
        &OpenOptions::default(),
    )
    .expect("opens");
    assert_eq!(count(&bench.path), 3);
    let mut writer = OtherProcess::with(&bench.path);
    writer.run("CREATE TEMP TABLE t (x)");
    let refused = Command::new("sqlite3")
        .arg(&bench.path)
        .arg("DELETE FROM events")
        .output()
        .map(|output| output.status.success());
    assert!(
        !matches!(refused, Ok(true)),
        "a writer went through the read lock"
    );
    assert_eq!(first.events(Filter::All).expect("reads").0.len(), 3);
}

#[test]
fn uncommitted_events_are_not_read() {
    for mode in ["WAL", "DELETE"] {
        let bench = Bench::new(&format!("PRAGMA journal_mode={mode}; {}", with_events(2)));
        let writer = bench.writer();
        writer
            .execute_batch(
                "BEGIN; INSERT INTO events (position, type, occurred_at) VALUES (9, 'X', 1)",
            )
            .expect("insert");
        assert_eq!(count(&bench.path), 2, "{mode}");
    }
}

#[test]
fn a_log_that_grows_is_read_as_it_stood_at_the_opening() {
    let bench = Bench::new(&format!("PRAGMA journal_mode=WAL; {}", with_events(3)));
    let writer = bench.writer();
    writer
        .execute_batch("INSERT INTO events (position, type, occurred_at) VALUES (4, 'X', 1)")
        .expect("insert");
    let log = Log::open(
        &definition(&bench.path, vec![events()]),
        &OpenOptions::default(),
    )
    .expect("opens");
    writer
        .execute_batch("INSERT INTO events (position, type, occurred_at) VALUES (5, 'X', 1)")
        .expect("insert");
    assert_eq!(log.events(Filter::All).expect("reads").0.len(), 4);
    writer
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .expect("checkpoint");
    assert_eq!(log.events(Filter::All).expect("reads").0.len(), 4);
    drop(log);
    assert_eq!(count(&bench.path), 5);
}

#[test]
fn a_writer_that_comes_to_a_closed_wal_log_is_noticed() {
    let bench = Bench::new(&format!("PRAGMA journal_mode=WAL; {}", with_events(3)));
    let log = Log::open(
        &definition(&bench.path, vec![events()]),
        &OpenOptions::default(),
    )
    .expect("opens");
    assert_eq!(log.events(Filter::All).expect("reads").0.len(), 3);
    let writer = bench.writer();
    writer
        .execute_batch("INSERT INTO events (position, type, occurred_at) VALUES (4, 'X', 1)")
        .expect("insert");
    let error = log.events(Filter::All).expect_err("a writer came");
    assert!(error.has_moved);
    let error = error.message;
    assert!(
        error.ends_with("was opened for writing while it was read; run again"),
        "{error}"
    );
    drop(writer);
    assert!(
        log.events(Filter::All).is_err(),
        "the frames moved into the file"
    );
    assert_eq!(count(&bench.path), 4);
}

#[test]
fn frames_without_their_index_are_read_from_a_private_copy() {
    let bench = Bench::empty();
    crash(
        &bench,
        &format!("PRAGMA journal_mode=WAL; {}", with_events(5)),
    );
    fs::remove_file(beside(&bench.path, "-shm")).expect("the index");
    let before = bench.contents();
    assert!(
        before
            .iter()
            .any(|(name, bytes)| name == "log.db-wal" && !bytes.is_empty())
    );
    let log = Log::open(
        &definition(&bench.path, vec![events()]),
        &OpenOptions::default(),
    )
    .expect("opens");
    assert_eq!(log.events(Filter::All).expect("reads").0.len(), 5);
    assert!(
        log.remarks()[0].contains("a private copy of"),
        "{:?}",
        log.remarks()
    );
    drop(log);
    assert!(bench.contents() == before, "the folder changed");
}

#[test]
fn frames_that_a_crash_left_with_their_index_are_read_in_place() {
    let bench = Bench::empty();
    crash(
        &bench,
        &format!("PRAGMA journal_mode=WAL; {}", with_events(5)),
    );
    let before = bench.contents();
    assert_eq!(before.len(), 3);
    assert_eq!(count(&bench.path), 5);
    assert!(bench.contents() == before, "the folder changed");
}

#[test]
fn a_hot_journal_is_rolled_back_in_a_private_copy() {
    let bench = Bench::new(&with_events(3));
    crash(
        &bench,
        "PRAGMA cache_size=2; PRAGMA cache_spill=1; BEGIN; DELETE FROM events;
         CREATE TABLE filler (x);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 200)
         INSERT INTO filler SELECT zeroblob(4000) FROM n;",
    );
    let before = bench.contents();
    assert!(
        before
            .iter()
            .any(|(name, bytes)| name == "log.db-journal" && !bytes.is_empty())
    );
    let log = Log::open(
        &definition(&bench.path, vec![events()]),
        &OpenOptions::default(),
    )
    .expect("opens");
    assert_eq!(log.events(Filter::All).expect("reads").0.len(), 3);
    assert!(log.remarks()[0].contains("stopped in the middle of a transaction"));
    drop(log);
    assert!(bench.contents() == before, "the folder changed");
}

#[test]
fn hostile_paths_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a b?mode=rw#%41&immutable=1.db");
    rusqlite::Connection::open(&path)
        .expect("a database")
        .execute_batch(&with_events(2))
        .expect("sql");
    assert_eq!(count(&path), 2);
}

#[test]
fn what_is_no_log_is_named_with_its_cure() {
    let bench = Bench::new(&with_events(500));
    let whole = fs::read(&bench.path).expect("bytes");
    let write = |bytes: &[u8]| fs::write(&bench.path, bytes).expect("written");
    let ends = |end: &str| {
        let message = refusal(&bench.path);
        assert!(
            message.starts_with(&bench.path.display().to_string()),
            "{message}"
        );
        assert!(message.ends_with(end), "{message}");
    };
    write(&whole[..whole.len() - 9000]);
    ends("copy it again, or read a backup");
    write(&whole[..50]);
    ends("within the database header; read a backup");
    write(&[]);
    ends("check that its writer uses this path");
    write(&[0x9c; 4096]);
    ends("decrypt it into a copy first");
    write(b"{\"type\": \"Placed\"}\n");
    ends("looks like JSON Lines; name it `.jsonl`");
    write(&[0x1f, 0x8b, 8, 0]);
    ends("is compressed with gzip; unpack it first");
    fs::remove_file(&bench.path).expect("removed");
    ends("check `database:`, or name the log with --log FILE");
    fs::create_dir(&bench.path).expect("a folder");
    ends("is a folder; name the database file inside it");
}

#[test]
fn a_lock_that_is_held_is_waited_for_and_then_named() {
    let bench = Bench::new(&with_events(2));
    let writer = bench.writer();
    writer.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    assert!(refusal(&bench.path).contains("is locked by another process"));
}

#[test]
fn a_damaged_page_ends_the_scan_with_the_last_good_position() {
    let bench = Bench::new(&with_events(2000));
    let mut bytes = fs::read(&bench.path).expect("bytes");
    let last = bytes.len() - 3 * 4096;
    bytes[last..last + 4096].fill(0xff);
    fs::write(&bench.path, bytes).expect("written");
    let log = Log::open(
        &definition(&bench.path, vec![events()]),
        &OpenOptions::default(),
    )
    .expect("opens");
    let error = log.events(Filter::All).expect_err("damaged").message;
    assert!(
        error.contains("is damaged") && error.contains("stopped after position 1"),
        "{error}"
    );
}

#[test]
fn a_query_that_never_ends_is_stopped() {
    let bench = Bench::new(&with_events(2));
    let database = Database::open_patiently(&bench.path, Duration::from_millis(50)).expect("opens");
    let _watch = database.pulse().watch();
    let error = database
        .connection()
        .query_row(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n",
            [],
            |_| Ok(()),
        )
        .expect_err("it never ends");
    assert!(database.failure(&error).message.contains("gave no row for"));
}

#[test]
fn a_slow_reader_does_not_use_up_the_deadline() {
    let bench = Bench::new(&with_events(3));
    // Patient enough for a busy machine to give a row, and outlasted by two pauses of the reader.
    let database =
        Database::open_patiently(&bench.path, Duration::from_millis(900)).expect("opens");
    let _watch = database.pulse().watch();
    let mut statement = database
        .connection()
        .prepare(
            "SELECT (WITH RECURSIVE n(i) AS (SELECT position UNION ALL SELECT i + 1 FROM n LIMIT \
             20000) SELECT count(*) FROM n) FROM events",
        )
        .expect("prepares");
    let mut rows = statement.query([]).expect("runs");
    let mut seen = 0;
    while rows.next().expect("no deadline").is_some() {
        database.pulse().beat();
        std::thread::sleep(Duration::from_millis(500));
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn a_reader_in_another_process_agrees() {
    // The system's own shell is a second opinion where there is one.
    let bench = Bench::new(&with_events(7));
    let Ok(output) = Command::new("sqlite3")
        .arg(&bench.path)
        .arg("SELECT count(*) FROM events")
        .output()
    else {
        return;
    };
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        count(&bench.path).to_string()
    );
}
