//! More findings of one rule than a table keeps: none is lost to a filter, a baseline or a pipe.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const DEFINITIONS: &str = "
log: shop
database: shop.jsonl
---
saga: order
starts: Asked
steps: [{ step: send, succeeds: Sent, timeout: 1m }]
";

const ORDERS: usize = 12_000;

/// Orders that nobody ever sends, a second after each other.
fn shop(orders: usize) -> String {
    let mut lines = String::new();
    for number in 0..orders {
        let (minutes, seconds) = (number / 60, number % 60);
        let time = format!(
            "2026-03-01T{:02}:{:02}:{seconds:02}Z",
            minutes / 60,
            minutes % 60
        );
        writeln!(
            lines,
            r#"{{"position":{},"time":"{time}","type":"Asked","correlation":"o-{number:05}"}}"#,
            number + 1
        )
        .expect("a line");
    }
    lines
}

fn audit(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(["audit", ".", "--as-of", "2026-03-02T00:00:00Z"])
        .args(more)
        .env_clear()
        .current_dir(folder)
        .output()
        .expect("the program runs")
}

fn count(folder: &Path, more: &[&str]) -> (usize, Option<i32>) {
    let output = audit(folder, &[&["--format", "jsonl"], more].concat());
    let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
    (lines, output.status.code())
}

#[test]
fn none_of_many_findings_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, log) = (folder.path(), folder.path().join("shop.jsonl"));
    fs::write(path.join("shop.yaml"), DEFINITIONS).expect("definitions");
    fs::write(&log, shop(ORDERS)).expect("a log");
    assert_eq!(count(path, &[]), (ORDERS, Some(1)));
    // The last minute's are at the end of the list.
    let last = ["--since", "2026-03-01T03:19:00Z"];
    assert_eq!(count(path, &last), (60, Some(1)));
    let table = audit(path, &last);
    assert_eq!(table.status.code(), Some(1));

    assert_eq!(
        audit(path, &["--write-baseline", "known.json"])
            .status
            .code(),
        Some(1)
    );
    let accepts = ["--baseline", "known.json"];
    assert_eq!(count(path, &accepts), (0, Some(0)));
    fs::write(&log, shop(ORDERS + 1)).expect("a log");
    assert_eq!(count(path, &accepts), (1, Some(1)));

    let known: Value =
        serde_json::from_slice(&fs::read(path.join("known.json")).expect("a file")).expect("JSON");
    assert_eq!(known["accepted"].as_array().map(Vec::len), Some(ORDERS));
    let told = String::from_utf8(audit(path, &[]).stdout).expect("text");
    assert!(
        told.contains("12,001 errors") || told.contains("12001 errors"),
        "{told}"
    );
}
