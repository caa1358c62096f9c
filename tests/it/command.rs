//! The program as it is typed: exit codes, streams, files. Hermetic: own folder, fixed width, no
//! terminal, an empty environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use sagactl::exit;
use sagactl::log::record::{self, Cell, Record};
use tempfile::TempDir;

const DEFINITIONS: &str = "\
log: shop
database: shop.db
events:
  table: events
  position: position
  time: { column: time, unit: ns }
  type: type
  stream: stream
  version: version
  id: id
  correlation: correlation
  causation: causation
  idempotency: key
  data: data
  metadata: metadata
---
saga: order
starts: OrderPlaced
deadline: 30m
steps:
  - step: reserve-stock
    succeeds: StockReserved
    timeout: 2m
    compensation: { succeeds: StockReleased, timeout: 5m }
  - step: charge-card
    pivot: true
    succeeds: CardCharged
    rejects: CardDeclined
    timeout: 1m
";

/// A folder with definitions and a log of these events, a minute apart: `(id, type)`.
struct Shop {
    folder: TempDir,
}

impl Shop {
    fn new(events: &[(&str, &str)]) -> Shop {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sagas")).unwrap();
        fs::write(folder.path().join("sagas/shop.yaml"), DEFINITIONS).unwrap();
        let records: Vec<Record> = events
            .iter()
            .enumerate()
            .map(|(number, (id, kind))| {
                let number = i64::try_from(number).unwrap();
                let mut record = [const { Cell::Null }; record::COLUMNS.len()];
                record[0] = Cell::Integer(number + 1);
                record[1] = Cell::Integer(1_700_000_000_000_000_000 + number * 60_000_000_000);
                record[2] = Cell::Text((*kind).to_owned());
                record[6] = Cell::Text((*id).to_owned());
                record[9] = Cell::Text(format!("{{\"total\": {}}}", number * 100));
                record
            })
            .collect();
        record::write(&folder.path().join("sagas/shop.db"), &records, &[]).unwrap();
        Shop { folder }
    }

    /// One saga that is aborted and not undone, one that is complete.
    fn broken() -> Shop {
        Shop::new(&[
            ("order-1", "OrderPlaced"),
            ("order-1", "StockReserved"),
            ("order-1", "CardDeclined"),
            ("order-2", "OrderPlaced"),
            ("order-2", "StockReserved"),
            ("order-2", "CardCharged"),
            ("cart-1", "CartUpdated"),
            ("cart-1", "CartUpdated"),
            ("cart-1", "CartUpdated"),
        ])
    }

    fn healthy() -> Shop {
        let events = [
            ("o", "OrderPlaced"),
            ("o", "StockReserved"),
            ("o", "CardCharged"),
        ];
        Shop::new(&events)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sagactl"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("COLUMNS", "100")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn code(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).status.code().unwrap()
    }
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Names and bytes of everything below a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn every_exit_code_is_as_the_table_says() {
    let broken = Shop::broken();
    let healthy = Shop::healthy();
    let idle = Shop::new(&[("cart-1", "CartUpdated")]);
    for (shop, arguments, code) in [
        (&healthy, &["audit"][..], 0),
        (&broken, &["audit", "--fail-on", "never"], 0),
        (
            &broken,
            &["audit", "--saga", "order", "--rule", "saga/late*"],
            0,
        ),
        (&broken, &["audit"], 1),
        (&broken, &["audit", "--format", "json"], 1),
        (&broken, &["audit", "--format", "jsonl"], 1),
        (&broken, &["audit", "nowhere"], 2),
        (&broken, &["audit", "--log", "nowhere.db"], 2),
        (&broken, &["audit", "--rule", "saga/no-such"], 2),
        (&broken, &["audit", "--as-of", "yesterday"], 2),
        (&broken, &["list", "--step", "no-such"], 2),
        (&broken, &["list", "--where", "nope > 1"], 2),
        (&broken, &["list", "--where", "nope[0:1] == 'x'"], 2),
        (&broken, &["explain", "saga/no-such"], 2),
        (&broken, &["no-such-command"], 2),
        (&idle, &["audit", "--rule", "saga/*"], 3),
        (&idle, &["list"], 3),
        (&broken, &["show", "order-9"], 3),
        (&broken, &["show", "order-1"], 0),
        (&broken, &["list"], 0),
        (&broken, &["check"], 0),
        (&broken, &["explain"], 0),
        (&broken, &["completions", "bash"], 0),
        (&broken, &["schema"], 0),
        (&broken, &["schema", "cases"], 0),
        (&broken, &["log", "sagas/shop.db"], 0),
        (&broken, &["--help"], 0),
        (&broken, &["--version"], 0),
    ] {
        let output = shop.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}\n{}",
            err(&output)
        );
        let said = err(&output);
        assert!(
            !said.contains("panicked") && !said.contains("backtrace"),
            "{said}"
        );
        if code == 2 {
            assert!(
                !said.is_empty() && output.stdout.is_empty(),
                "{arguments:?}: {said}"
            );
        }
    }
}

#[test]
fn help_shows_the_table_of_exit_codes() {
    let shop = Shop::healthy();
    for flag in ["-h", "--help"] {
        let help = shop.run(&[flag]);
        for (_, code, meaning) in exit::TABLE {
            assert!(
                out(&help).contains(&format!("  {code}  {meaning}")),
                "{flag}: {code}"
            );
        }
    }
    let codes: Vec<u8> = exit::TABLE.iter().map(|(_, code, _)| *code).collect();
    assert_eq!(codes, [0, 1, 2, 3, 4]);
}

#[test]
fn the_next_command_can_be_typed_as_it_stands() {
    let shop = Shop::broken();
    fs::rename(shop.path("sagas"), shop.path("my sagas")).unwrap();
    let report = shop.run(&["audit", "my sagas", "--as-of", "now"]);
    let next = out(&report)
        .lines()
        .find(|line| line.trim_start().starts_with("sagactl show"));
    let next = next.unwrap().trim();
    assert_eq!(next, "sagactl show order-1 'my sagas' --as-of now");
    let words = shlex::split(next).unwrap();
    let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let shown = shop.run(&words);
    assert_eq!(shown.status.code(), Some(0), "{}", err(&shown));
    assert!(out(&shown).contains("compensation/uncompensated"));
}

#[test]
fn the_same_run_gives_the_same_bytes_and_touches_nothing() {
    let shop = Shop::broken();
    let before = contents(shop.folder.path());
    let at = ["audit", "--as-of", "2023-11-15T00:00:00Z"];
    let table = shop.run(&at);
    for threads in ["1", "2"] {
        let again = shop.run(&[&at[..], &["--threads", threads]].concat());
        assert_eq!(out(&table), out(&again));
    }
    for format in ["json", "jsonl"] {
        let arguments = ["audit", "--format", format];
        assert_eq!(out(&shop.run(&arguments)), out(&shop.run(&arguments)));
    }
    shop.run(&["show", "order-1"]);
    shop.run(&["list"]);
    assert!(contents(shop.folder.path()) == before);
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let shop = Shop::broken();
    let colour = |arguments: &[&str]| out(&shop.run(arguments)).contains('\u{1b}');
    assert!(!colour(&["audit"]));
    assert!(colour(&["audit", "--color", "always"]));
    assert!(!colour(&["audit", "--color", "never"]));
    let forced = shop
        .command(&["audit", "--color", "always"])
        .env("NO_COLOR", "1")
        .output();
    assert!(
        out(&forced.unwrap()).contains('\u{1b}'),
        "what is typed wins"
    );
    assert!(!colour(&["audit", "--format", "json", "--color", "always"]));
}

#[test]
fn a_file_appears_whole_and_never_over_an_input() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::broken();
    assert_eq!(
        shop.code(&["audit", "--format", "json", "-o", "report.json"]),
        1
    );
    let written = fs::read(shop.path("report.json")).unwrap();
    assert_eq!(written, shop.run(&["audit", "--format", "json"]).stdout);
    let kept = fs::Permissions::from_mode(0o640);
    fs::set_permissions(shop.path("report.json"), kept).unwrap();
    assert_eq!(
        shop.code(&["audit", "--format", "jsonl", "-o", "report.json"]),
        1
    );
    let mode = fs::metadata(shop.path("report.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
    let database = fs::read(shop.path("sagas/shop.db")).unwrap();
    assert_eq!(shop.code(&["audit", "-o", "sagas/shop.db"]), 2);
    assert_eq!(shop.code(&["audit", "-o", "sagas"]), 2);
    assert_eq!(shop.code(&["audit", "-o", "no/such/folder"]), 2);
    assert_eq!(fs::read(shop.path("sagas/shop.db")).unwrap(), database);
    let left: Vec<_> = contents(shop.folder.path());
    assert_eq!(left.len(), 3, "nothing temporary is left: {left:?}");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let shop = Shop::broken();
    let mut child = shop
        .command(&["audit"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "as if it had been read");
    assert_eq!(err(&output), "");
}

#[test]
fn a_baseline_accepts_what_is_known_and_tells_what_is_gone() {
    let shop = Shop::broken();
    assert_eq!(shop.code(&["audit", "--write-baseline", "known.json"]), 1);
    let known = fs::read_to_string(shop.path("known.json")).unwrap();
    assert!(
        known.contains("\"id\": \"order-1\"") && known.contains("still in force"),
        "{known}"
    );

    let output = shop.run(&["audit", "--baseline", "known.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", out(&output));
    assert!(out(&output).contains("1 accepted"), "{}", out(&output));

    let log = Connection::open(shop.path("sagas/shop.db")).unwrap();
    let spoil = "UPDATE events SET type = NULL WHERE type = 'StockReserved' AND rowid < 4";
    assert_eq!(log.execute(spoil, []).unwrap(), 1);
    let output = shop.run(&["audit", "--baseline", "known.json"]);
    assert!(out(&output).contains("leave it in"), "{}", out(&output));
    let mend = "UPDATE events SET type = 'StockReserved' WHERE type IS NULL";
    assert_eq!(log.execute(mend, []).unwrap(), 1);

    fs::write(
        shop.path("known.json"),
        known.replace("order-1", "order-7").replacen(
            "\"fingerprint\": \"",
            "\"fingerprint\": \"0",
            1,
        ),
    )
    .unwrap();
    let output = shop.run(&["audit", "--baseline", "known.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).contains("of order-7"), "{}", out(&output));
    let narrowed = shop.run(&["audit", "--baseline", "known.json", "--instance", "order-2"]);
    assert!(
        !out(&narrowed).contains("order-7"),
        "not looked at, so not told"
    );

    fs::write(shop.path("known.json"), "[]").unwrap();
    assert_eq!(shop.code(&["audit", "--baseline", "known.json"]), 2);
    assert_eq!(
        shop.code(&["audit", "--write-baseline", "x", "--rule", "saga/*"]),
        2
    );
}

#[test]
fn what_is_known_of_one_log_is_not_accepted_of_another() {
    let (shop, healthy) = (Shop::broken(), Shop::healthy());
    let second = shop.path("sagas/second");
    fs::create_dir(&second).unwrap();
    let named = DEFINITIONS.replace("log: shop\n", "log: outlet\n");
    fs::write(second.join("shop.yaml"), named).unwrap();
    fs::copy(healthy.path("sagas/shop.db"), second.join("shop.db")).unwrap();
    fs::create_dir(shop.path("sagas/first")).unwrap();
    for file in ["shop.yaml", "shop.db"] {
        let (from, to) = (format!("sagas/{file}"), format!("sagas/first/{file}"));
        fs::rename(shop.path(&from), shop.path(&to)).unwrap();
    }
    assert_eq!(shop.code(&["audit", "--write-baseline", "known.json"]), 1);
    assert_eq!(shop.code(&["audit", "--baseline", "known.json"]), 0);

    fs::copy(shop.path("sagas/first/shop.db"), second.join("shop.db")).unwrap();
    let output = shop.run(&["audit", "--baseline", "known.json"]);
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    assert!(
        out(&output).contains("order, outlet, events 2 and 3"),
        "{}",
        out(&output)
    );
    let output = shop.run(&["audit", "--format", "jsonl"]);
    let logs: Vec<String> = (out(&output).lines())
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|finding| finding["log"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        logs.contains(&"shop".to_owned()) && logs.contains(&"outlet".to_owned()),
        "{logs:?}"
    );
}

#[test]
fn a_reviewed_reason_survives_the_next_baseline() {
    let shop = Shop::broken();
    shop.run(&["audit", "--write-baseline", "known.json"]);
    let known = fs::read_to_string(shop.path("known.json")).unwrap();
    let line = known
        .lines()
        .find(|line| line.contains("\"reason\""))
        .unwrap();
    let reviewed = known.replace(line, "      \"reason\": \"INC-311\",");
    fs::write(shop.path("known.json"), reviewed).unwrap();
    shop.run(&[
        "audit",
        "--baseline",
        "known.json",
        "--write-baseline",
        "known.json",
    ]);
    assert!(
        fs::read_to_string(shop.path("known.json"))
            .unwrap()
            .contains("INC-311")
    );
}

#[test]
fn since_leaves_out_what_is_older_and_says_so() {
    let shop = Shop::broken();
    let all = shop.run(&["audit", "--since", "1h-ago"]);
    assert_eq!(all.status.code(), Some(1));
    let none = shop.run(&["audit", "--since", "1m-ago"]);
    assert_eq!(none.status.code(), Some(0), "{}", out(&none));
    assert!(
        out(&none).contains("--since 1m ago leaves out 1 older"),
        "{}",
        out(&none)
    );
}

#[test]
fn a_listing_is_narrowed_by_what_is_asked() {
    let shop = Shop::broken();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let output = shop.run(&[&["list", "--format", "jsonl"][..], arguments].concat());
        out(&output)
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].to_string())
            .collect()
    };
    assert_eq!(ids(&[]), ["\"order-1\"", "\"order-2\""]);
    assert_eq!(ids(&["--outcome", "completed"]), ["\"order-2\""]);
    assert_eq!(ids(&["--outcome", "completed,compensating"]).len(), 2);
    assert_eq!(ids(&["--where", "data.total > 200"]), ["\"order-2\""]);
    assert_eq!(ids(&["--where", "id[-1:] == '2'"]), ["\"order-2\""]);
    assert_eq!(ids(&["--where", "in_force"]), ["\"order-1\""]);
    assert_eq!(ids(&["--older-than", "5m"]), ["\"order-1\""]);
    let untold = shop.run(&["list", "--where", "data.nope > 1"]);
    assert!(
        err(&untold).contains("cannot be told of 2 instances"),
        "{}",
        err(&untold)
    );
}

#[test]
fn faulty_definitions_are_drawn_with_their_lines() {
    let shop = Shop::broken();
    let text = DEFINITIONS.replace("succeeds: StockReserved", "suceeds: StockReserved");
    fs::write(shop.path("sagas/shop.yaml"), text).unwrap();
    for command in ["audit", "check", "list"] {
        let output = shop.run(&[command]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        let said = format!("{}{}", out(&output), err(&output));
        assert!(
            said.contains("shop.yaml:22:5") && said.contains("did you mean `succeeds`?"),
            "{said}"
        );
    }
}

#[test]
fn an_instance_that_stands_nowhere_is_told_by_its_outcome_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let definitions = "log: shop\ndatabase: shop.jsonl\n---\nsaga: order\nstarts: Asked\n\
                       steps: [{ step: send, succeeds: Sent, timeout: 1m }]\n";
    let event = |position: u8, kind: &str| {
        format!(
            r#"{{"position":{position},"time":"2026-03-01T10:00:0{position}Z","type":"{kind}","correlation":"o-1"}}"#
        )
    };
    let events = [event(1, "Asked"), event(2, "Sent")].join("\n");
    fs::write(folder.path().join("shop.yaml"), definitions).expect("definitions");
    fs::write(folder.path().join("shop.jsonl"), events).expect("a log");
    let shown = crate::fixture::run(folder.path(), &["show", "o-1", "."]);
    let text = out(&shown);
    assert!(text.contains("\ncompleted; started "), "{text}");
}
