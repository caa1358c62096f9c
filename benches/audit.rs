//! Measures the program as its users run it, against the floor: what SQLite itself needs to step
//! through the same rows. `cargo bench --bench audit`, `-- --events 200000` for a quick look.
//!
//! The bars are ratios within one run on one machine. Nothing here fails because of a time.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark talks to whoever started it"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use rusqlite::{Connection, OpenFlags};

use sagactl::definition::{Unusable, load};
use sagactl::event::Span;
use sagactl::generate::{Faults, Ids, Layout, Options, generate};

const SCAN: &str = "select sum(length(payload)+length(saga_id)+length(type)) from events";

/// The generator's version: a log made by another one is made again.
const MAKE: u32 = 1;

/// About how many events an instance of the measured saga has.
const EVENTS_EACH: u64 = 8;

/// Measures `sagactl` against its bars.
#[derive(Debug, Parser)]
struct Args {
    /// How many events the log has
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    events: u64,
    /// How often each thing is measured; the median counts
    #[arg(long, value_name = "N", default_value_t = 5)]
    times: usize,
    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a row is compared with.
#[derive(Debug, Clone, Copy)]
enum Bar {
    /// At most so many times the row with this name.
    Ratio(&'static str, f64),
    /// At most this long.
    Limit(Duration),
    /// The yardstick itself.
    None,
}

/// One thing to measure.
struct Row {
    name: &'static str,
    bar: Bar,
    work: Work,
    taken: Vec<Duration>,
    peak: u64,
}

enum Work {
    Program(PathBuf, Vec<String>),
    Scan(PathBuf),
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let Some(program) = option_env!("CARGO_BIN_EXE_sagactl") else {
        bail!("the program was not built beside this benchmark");
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/bench");
    std::fs::create_dir_all(&folder)?;
    let one = root.join("benches/definitions.yaml");
    let many = many_definitions(&one, &folder)?;
    let log = made(&one, &folder, args.events)?;
    let half = made(&one, &folder, args.events / 2)?;
    let linked = with_causes(&log, &folder)?;
    let families = root.join("benches/families.yaml");
    let causes = definitions_of_causes([&one, &families], &folder)?;
    let (events, instances, id) = facts(&log)?;
    println!(
        "{events} events, {instances} instances, {} MB",
        log.metadata()?.len() >> 20
    );

    let mut rows = rows(
        program,
        [&one, &many, &causes, &families, &root.join("sagas/shop")],
        [&log, &half, &linked],
        &id,
    );
    for row in &mut rows {
        row.run()
            .with_context(|| format!("warming up {}", row.name))?;
        row.taken.clear();
    }
    for _ in 0..args.times.max(1) {
        for row in &mut rows {
            row.run().with_context(|| row.name.to_owned())?;
        }
    }
    print(&rows, instances);
    Ok(())
}

fn rows(
    program: &str,
    [one, many, causes, families, shop]: [&Path; 5],
    [log, half, linked]: [&Path; 3],
    id: &str,
) -> Vec<Row> {
    let sagas = ["--rule", "saga/*", "--rule", "compensation/*"];
    let audit = |definitions: &Path, log: &Path, rest: &[&str]| {
        let mut words = vec![
            "audit".to_owned(),
            text(definitions),
            "--log".to_owned(),
            text(log),
        ];
        words.extend(rest.iter().map(|word| (*word).to_owned()));
        words
    };
    let threads = |count: &'static str| [&sagas[..], &["--threads", count]].concat();
    let run = |name, bar, words: Vec<String>| Row {
        name,
        bar,
        work: Work::Program(program.into(), words),
        taken: Vec::new(),
        peak: 0,
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let version = Command::new("sqlite3")
        .arg("-version")
        .stdout(Stdio::null())
        .status();
    let has_shell = version.is_ok_and(|status| status.success());
    if !has_shell {
        println!("no sqlite3 shell here: scans run in this process instead");
    }
    let scan = |name, log: &Path| Row {
        name,
        bar: Bar::None,
        work: match has_shell {
            true => Work::Program("sqlite3".into(), vec![text(log), SCAN.to_owned()]),
            false => Work::Scan(log.to_owned()),
        },
        taken: Vec::new(),
        peak: 0,
    };
    vec![
        scan("scan", log),
        run(
            SAGAS,
            Bar::Ratio("scan", 0.8),
            audit(one, log, &threads("2")),
        ),
        run(
            "saga rules, 1 thread",
            Bar::Ratio("scan", 1.3),
            audit(one, log, &threads("1")),
        ),
        run(
            "all rules, 2 threads",
            Bar::Ratio("scan", 2.5),
            audit(one, log, &["--threads", "2"]),
        ),
        run(
            "every family, 2 threads",
            Bar::Ratio("scan", 2.5),
            audit(one, log, &[&text(families), "--threads", "2"]),
        ),
        scan(LINKED, linked),
        run(
            "every family, and causes",
            Bar::Ratio(LINKED, 2.5),
            audit(causes, linked, &["--threads", "2"]),
        ),
        run(HALF, Bar::None, audit(one, half, &threads("2"))),
        run(
            "200 definitions",
            Bar::Ratio(SAGAS, 1.2),
            audit(many, log, &threads("2")),
        ),
        run(
            "show ID, indexed",
            Bar::Limit(Duration::from_millis(50)),
            words(&["show", id, &text(one), "--log", &text(log)]),
        ),
        run(
            "--version",
            Bar::Limit(Duration::from_millis(10)),
            words(&["--version"]),
        ),
        run(
            "check the shop",
            Bar::Limit(Duration::from_millis(30)),
            words(&["check", &text(shop)]),
        ),
    ]
}

const SAGAS: &str = "saga rules, 2 threads";
const HALF: &str = "half the events";
const LINKED: &str = "scan, with causes";

impl Row {
    fn run(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        match &self.work {
            Work::Program(program, words) => {
                let child = Command::new(program)
                    .args(words)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()?;
                let status = format!("/proc/{}/status", child.id());
                let has_ended = AtomicBool::new(false);
                let ended = thread::scope(|scope| {
                    scope.spawn(|| self.peak = self.peak.max(watch(&status, &has_ended)));
                    let ended = child.wait_with_output();
                    self.taken.push(start.elapsed());
                    has_ended.store(true, Ordering::Relaxed);
                    ended
                })?;
                if !matches!(ended.status.code(), Some(0 | 1)) {
                    let said = String::from_utf8_lossy(&ended.stderr);
                    bail!("{}: {}", ended.status, said.trim());
                }
            }
            Work::Scan(log) => {
                let connection =
                    Connection::open_with_flags(log, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                let _sum: i64 = connection.query_row(SCAN, [], |row| row.get(0))?;
                self.taken.push(start.elapsed());
            }
        }
        Ok(())
    }

    fn median(&self) -> Duration {
        let mut taken = self.taken.clone();
        taken.sort();
        taken.get(taken.len() / 2).copied().unwrap_or_default()
    }
}

/// The greatest memory of a process until it has ended, in bytes. Looked at rarely, since what is
/// measured needs every core.
fn watch(status: &str, has_ended: &AtomicBool) -> u64 {
    let mut greatest = 0;
    while !has_ended.load(Ordering::Relaxed) {
        greatest = greatest.max(peak(status));
        thread::sleep(Duration::from_millis(10));
    }
    greatest
}

/// The greatest memory of a process so far, in bytes; 0 where it is gone or not told.
fn peak(status: &str) -> u64 {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| {
        line.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<u64>()
            .ok()
    });
    kilobytes.unwrap_or(0) << 10
}

fn print(rows: &[Row], instances: u64) {
    println!(
        "\n{:24} {:>10} {:>8} {:>8} {:>9}  held",
        "", "median", "ratio", "bar", "peak MB"
    );
    for row in rows {
        let median = row.median();
        let (ratio, bar, held) = match row.bar {
            Bar::None => (String::new(), String::new(), ""),
            Bar::Limit(limit) => (
                String::new(),
                format!("{} ms", limit.as_millis()),
                yes(median <= limit),
            ),
            Bar::Ratio(other, bar) => {
                let base = rows
                    .iter()
                    .find(|row| row.name == other)
                    .map_or(Duration::ZERO, Row::median);
                let ratio = median.as_secs_f64() / base.as_secs_f64().max(1e-9);
                (
                    format!("{ratio:.2}"),
                    format!("{bar:.2}"),
                    yes(ratio <= bar),
                )
            }
        };
        let peak = row.peak >> 20;
        let time = format!("{:.1} ms", median.as_secs_f64() * 1e3);
        println!(
            "{:24} {time:>10} {ratio:>8} {bar:>8} {peak:>9}  {held}",
            row.name
        );
    }
    let row = |name: &str| rows.iter().find(|row| row.name == name);
    let time = |name: &str| row(name).map_or(Duration::ZERO, Row::median).as_secs_f64();
    let growth = time(SAGAS) / time(HALF).max(1e-9);
    println!(
        "\ntwice the events: {growth:.2} times as long, bar 2.10: {}",
        yes(growth <= 2.1)
    );
    let allowed = (64 << 20) + 200 * instances;
    let used = row(SAGAS).map_or(0, |row| row.peak);
    println!(
        "peak of {SAGAS}: {} MB, bar {} MB: {}",
        used >> 20,
        allowed >> 20,
        yes(used <= allowed)
    );
}

fn yes(held: bool) -> &'static str {
    if held { "yes" } else { "NO" }
}

/// The log with about so many events; made when it is not there yet.
fn made(definitions: &Path, folder: &Path, events: u64) -> anyhow::Result<PathBuf> {
    let path = folder.join(format!("log-{events}-v{MAKE}.db"));
    if path.exists() {
        return Ok(path);
    }
    let definitions = load(&[definitions.to_owned()], &[]).map_err(|unusable| said(&unusable))?;
    let sagas = definitions
        .scopes
        .first()
        .map(|scope| scope.sagas.clone())
        .unwrap_or_default();
    let options = Options {
        log: "big".to_owned(),
        seed: 1,
        instances: events / EVENTS_EACH,
        faults: Faults::None,
        lateness: None,
        spacing: Span::from_nanos(20_000_000),
        start: "2026-03-02T06:00:00Z".parse()?,
        payload: 200,
        ids: Ids::Uuid,
        plain: true,
    };
    let layout = Layout {
        wal: false,
        autoincrement: true,
        unique_ids: false,
        indexed: true,
    };
    let start = Instant::now();
    let made = generate(&sagas, &options, layout, &path)?;
    println!(
        "made {} events in {:.1} s: {}",
        made.events,
        start.elapsed().as_secs_f64(),
        path.display()
    );
    Ok(path)
}

/// The same log, in which each event but an instance's first names the one before it as its cause; made
/// when it is not there yet.
fn with_causes(log: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let name = log.file_name().context("a log is a file")?;
    let path = folder.join(format!("causes-{}", name.to_string_lossy()));
    if path.exists() {
        return Ok(path);
    }
    let unfinished = path.with_extension("unfinished");
    std::fs::copy(log, &unfinished)?;
    let connection = Connection::open(&unfinished)?;
    connection.execute_batch(
        "PRAGMA journal_mode = OFF;
        PRAGMA synchronous = OFF;
        ALTER TABLE events RENAME TO plain;
        CREATE TABLE events (position INTEGER PRIMARY KEY, event_id, stream, version, type, \
            occurred_at, saga_id, causation_id, payload);
        INSERT INTO events SELECT position, event_id, stream, version, type, occurred_at, saga_id, \
            lag(event_id) OVER (PARTITION BY saga_id ORDER BY position), payload
            FROM plain ORDER BY position;
        DROP TABLE plain;
        VACUUM",
    )?;
    drop(connection);
    std::fs::rename(&unfinished, &path)?;
    Ok(path)
}

/// All definitions in one file, with the column that names causes.
fn definitions_of_causes(all: [&Path; 2], folder: &Path) -> anyhow::Result<PathBuf> {
    const DATA: &str = "  data: payload\n";
    let [one, families] = all.map(std::fs::read_to_string);
    let text = [one?, families?].join("---\n");
    let linked = text.replacen(DATA, &format!("{DATA}  causation: causation_id\n"), 1);
    if linked == text {
        bail!("the mapping of the data is missing");
    }
    let path = folder.join("definitions-causes.yaml");
    std::fs::write(&path, linked)?;
    Ok(path)
}

/// The definitions with 199 sagas more, of types that are in no log.
fn many_definitions(one: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let text = std::fs::read_to_string(one)?;
    let (_, saga) = text
        .split_once("---\n")
        .context("the saga's document is missing")?;
    let mut many = text.clone();
    for number in 1..200 {
        many.push_str("---\n");
        for line in saga.lines() {
            let renamed = [
                "saga",
                "starts",
                "begins",
                "succeeds",
                "fails",
                "rejects",
                "completes",
                "aborts",
                "compensated",
            ]
            .iter()
            .any(|key| {
                line.trim_start()
                    .strip_prefix(key)
                    .is_some_and(|rest| rest.starts_with(": "))
            });
            many.push_str(line);
            if renamed {
                many.push_str(&format!("{number}"));
            }
            many.push('\n');
        }
    }
    let path = folder.join("definitions-200.yaml");
    std::fs::write(&path, many)?;
    Ok(path)
}

/// How many events and instances a log has, and the id of one in the middle.
fn facts(log: &Path) -> anyhow::Result<(u64, u64, String)> {
    let connection = Connection::open_with_flags(log, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let events: i64 =
        connection.query_row("select max(position) from events", [], |row| row.get(0))?;
    let instances: i64 = connection.query_row(
        "select count(*) from events where type = 'DeliveryAsked'",
        [],
        |row| row.get(0),
    )?;
    let middle = "select saga_id from events where position = ?1";
    let id = connection.query_row(middle, [events / 2], |row| row.get(0))?;
    Ok((events.unsigned_abs(), instances.unsigned_abs(), id))
}

fn said(unusable: &Unusable) -> anyhow::Error {
    let first = unusable
        .faults
        .first()
        .map_or("it cannot be used", |fault| &fault.message);
    anyhow::anyhow!("the definitions: {first}")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
