//! Recovery as it is typed: real files, real child processes, a real loopback service, the program
//! killed in the middle. The record that the driven side keeps is the oracle.

mod acting;
mod astray;
mod between;
mod crashed;
mod example;
mod killed;
mod pace;
mod planning;
mod recording;
mod refusing;
mod services;
mod settling;
mod spoilt;
mod unfit;
mod unreached;
mod unrecordable;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use sagactl::log::record::{self, Cell, Record};
use serde_json::Value;
use tempfile::TempDir;

const LOG: &str = "\
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
";

/// Two effects side by side, one that waits for both, the pivot, and one beyond it.
pub const SAGA: &str = r#"
saga: order
starts: OrderPlaced
deadline: 30m
steps:
  - step: stock
    succeeds: StockReserved
    timeout: 2m
    compensation:
      begins: StockReleaseRequested
      succeeds: StockReleased
      fails: StockReleaseFailed
      timeout: 5m
      retries: 0
      action: { exec: [./act, "{{ saga.id }}", "{{ data.total }}"], OPTIONS }
  - step: payment
    after: []
    succeeds: PaymentAuthorized
    timeout: 2m
    compensation:
      succeeds: PaymentVoided
      timeout: 5m
      action: { exec: [./act, "{{ events.PaymentAuthorized.total }}"], OPTIONS }
  - step: courier
    after: [stock, payment]
    succeeds: CourierBooked
    timeout: 2m
    compensation:
      succeeds: CourierCancelled
      timeout: 5m
      action: { exec: [./act], OPTIONS }
  - step: charge
    pivot: true
    succeeds: Charged
    rejects: ChargeRefused
    timeout: 2m
    action: { exec: [./act], OPTIONS }
  - step: ship
    retriable: true
    begins: ShipRequested
    succeeds: Shipped
    fails: ShipFailed
    timeout: 2m
    action: { exec: [./act], OPTIONS }
completes: Completed
"#;

/// What stands for the driven side: it notes what it did in `effects`, and does as `mode` says.
const ACT: &str = r#"#!/bin/sh
read mode < mode
case "$mode" in
  fail-*) [ "$SAGACTL_INSTANCE" = "${mode#fail-}" ] && { echo no such thing; exit 1; } ;;
  again) [ -e tried ] || { : > tried; exit 75; } ;;
  hang) /bin/sleep 60 & echo $! > child; wait ;;
  slow) /bin/sleep 2 ;;
  wait) : > waiting; while [ ! -e go ]; do /bin/sleep 0.02; done ;;
  once) /bin/mkdir "key-$SAGACTL_KEY" 2>/dev/null || exit 0 ;;
  refuse) echo no; exit 1 ;;
  outlive) echo ok > mode; kill -9 $PPID; /bin/sleep 1 ;;
  kill-before) echo ok > mode; kill -9 $PPID; exit 0 ;;
esac
echo "$SAGACTL_KEY $SAGACTL_INSTANCE $SAGACTL_STEP $SAGACTL_DIRECTION $*" >> effects
case "$mode" in
  spoil) : > shop.journal.db ;;
  kill-after) echo ok > mode; kill -9 $PPID ;;
esac
exit 0
"#;

/// Every effect of the sagas below in force, and the charge refused.
pub const REFUSED: [&str; 5] = [
    "OrderPlaced",
    "StockReserved",
    "PaymentAuthorized",
    "CourierBooked",
    "ChargeRefused",
];

/// A folder with definitions, a log and the driven side.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A bench whose actions have these options, with these instances, a minute from event to
    /// event, and an hour of silence after the last.
    pub fn new(options: &str, instances: &[(&str, &[&str])]) -> Bench {
        Bench::with(&SAGA.replace("OPTIONS", options), instances)
    }

    pub fn with(saga: &str, instances: &[(&str, &[&str])]) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("shop.yaml"), format!("{LOG}{saga}")).unwrap();
        fs::write(folder.path().join("mode"), "ok\n").unwrap();
        let act = folder.path().join("act");
        fs::write(&act, ACT).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&act, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut events: Vec<(&str, &str)> = instances
            .iter()
            .flat_map(|(id, kinds)| kinds.iter().map(move |kind| (*id, *kind)))
            .collect();
        events.push(("cart", "CartUpdated"));
        let last = events.len() - 1;
        let records: Vec<Record> = events
            .iter()
            .enumerate()
            .map(|(number, (id, kind))| {
                let minutes = if number == last { number + 60 } else { number };
                row(number + 1, minutes, id, kind)
            })
            .collect();
        record::write(&folder.path().join("shop.db"), &records, &[]).unwrap();
        Bench { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn mode(&self, mode: &str) {
        fs::write(self.path("mode"), format!("{mode}\n")).unwrap();
    }

    /// Waits until an action in the mode `wait` is at work; it goes on once there is a file `go`.
    pub fn await_action(&self) {
        while !self.path("waiting").exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Records one more event of an instance.
    pub fn happens(&self, id: &str, kind: &str) {
        let log = Connection::open(self.path("shop.db")).unwrap();
        let count = log
            .execute(
                "INSERT INTO events (position, time, type, correlation, data)
                 SELECT max(position) + 1, max(time) + 1, ?1, ?2, '{}' FROM events",
                [kind, id],
            )
            .unwrap();
        assert_eq!(count, 1);
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sagactl"));
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .env("COLUMNS", "100")
            .env("USER", "ann")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, line: &str) -> (Option<i32>, String) {
        told(&self.command(line).output().unwrap())
    }

    /// Makes a plan of everything that can be driven.
    pub fn plan(&self) -> Value {
        let (code, said) = self.run("plan shop.yaml -o plan.json");
        assert_eq!(code, Some(0), "{said}");
        serde_json::from_slice(&fs::read(self.path("plan.json")).unwrap()).unwrap()
    }

    /// Applies it, with these options besides.
    pub fn apply(&self, options: &str) -> (Option<i32>, String) {
        self.run(&format!(
            "apply plan.json shop.yaml --write --yes --reason INC-1 --format jsonl {options}"
        ))
    }

    /// What the driven side did: instance, step and direction, in order.
    pub fn effects(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("effects")).unwrap_or_default();
        let words = |line: &str| {
            line.split(' ')
                .skip(1)
                .take(3)
                .collect::<Vec<_>>()
                .join(" ")
        };
        text.lines().map(words).collect()
    }

    /// The keys under which it did them.
    pub fn keys(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("effects")).unwrap_or_default();
        let key = |line: &str| line.split(' ').next().unwrap().to_owned();
        text.lines().map(key).collect()
    }
}

fn row(position: usize, minutes: usize, id: &str, kind: &str) -> Record {
    let [position, minutes] = [position, minutes].map(|number| i64::try_from(number).unwrap());
    let mut record = [const { Cell::Null }; record::COLUMNS.len()];
    record[0] = Cell::Integer(position);
    record[1] = Cell::Integer(1_700_000_000_000_000_000 + minutes * 60_000_000_000);
    record[2] = Cell::Text(kind.to_owned());
    record[6] = Cell::Text(id.to_owned());
    record[9] = Cell::Text(format!("{{\"total\": {position}}}"));
    record
}

pub fn told(output: &Output) -> (Option<i32>, String) {
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

/// The items of `apply` or `verify`: `ID STEP OUTCOME`.
pub fn items(said: &str, field: &str) -> Vec<String> {
    said.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|item| item.get(field).is_some() && item.get("key").is_some())
        .map(|item| {
            let text = |key: &str| item[key].as_str().unwrap().to_owned();
            format!("{} {} {}", text("id"), text("step"), text(field))
        })
        .collect()
}

/// The steps of `apply`, sorted, all of which have moved, and all of the one instance.
pub fn moved(said: &str) -> Vec<String> {
    let mut items = items(said, "outcome");
    items.sort_unstable();
    let step = |item: &String| {
        let step = item.strip_prefix("o-1 ")?.strip_suffix(" moved")?;
        Some(step.to_owned())
    };
    let step = |item| step(item).unwrap_or_else(|| panic!("{item}: {said}"));
    items.iter().map(step).collect()
}
