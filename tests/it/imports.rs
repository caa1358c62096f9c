//! Imports go one way, and some crates stay in their rooms. Held by reading the sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Every room may import those before it and none after it.
const ORDER: [&str; 35] = [
    "event",
    "json",
    "suggest",
    "texts",
    "share",
    "brief",
    "beside",
    "finding",
    "expression",
    "definition",
    "log",
    "absent",
    "reader",
    "saga",
    "projection",
    "lapse",
    "requirement",
    "isolation",
    "causation",
    "invariant",
    "reaction",
    "idempotency",
    "transaction",
    "replay",
    "rules",
    "report",
    "inspect",
    "recovery",
    "generate",
    "baseline",
    "exit",
    "casefile",
    "cli",
    "output",
    "commands",
];

/// A crate and the rooms that may use it.
const CONFINED: [(&str, &[&str]); 11] = [
    ("rusqlite", &["log", "projection", "recovery", "generate"]),
    ("serde_yaml", &["definition"]),
    ("saphyr_parser", &["definition"]),
    ("minijinja", &["expression"]),
    ("comfy_table", &["output"]),
    ("annotate_snippets", &["output"]),
    ("indicatif", &["commands"]),
    ("anyhow", &["commands", "main"]),
    ("clap", &["cli", "commands"]),
    ("process_wrap", &["recovery"]),
    ("ureq", &["recovery"]),
];

/// The room of a file, and its text without comments and tests.
fn sources() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if stem != "tests" && stem != "testing" && !stem.ends_with("_tests") {
                let inner = path.strip_prefix(&root).unwrap().to_path_buf();
                let first = inner
                    .components()
                    .next()
                    .unwrap()
                    .as_os_str()
                    .to_string_lossy();
                let room = first.trim_end_matches(".rs").to_owned();
                if inner.components().any(|part| part.as_os_str() == "tests") || room == "lib" {
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let lines = code.lines().map(|line| line.split("//").next().unwrap());
                sources.push((inner, room, lines.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

fn words_after<'a>(code: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let ends = |letter: char| !(letter.is_alphanumeric() || letter == '_');
    let after = code
        .match_indices(prefix)
        .map(|(at, _)| &code[at + prefix.len()..]);
    after
        .map(|rest| rest.split(ends).next().unwrap())
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn imports_go_one_way() {
    let rank = |room: &str| {
        let rank = ORDER.iter().position(|known| *known == room);
        rank.unwrap_or_else(|| panic!("`{room}` has no place in the order of rooms"))
    };
    for (path, room, code) in sources() {
        let own = if room == "main" {
            ORDER.len()
        } else {
            rank(&room)
        };
        for imported in words_after(&code, "crate::") {
            assert!(
                imported == room || rank(imported) < own,
                "{}: `{room}` comes before `{imported}` and cannot import it",
                path.display()
            );
        }
    }
}

#[test]
fn crates_stay_in_their_rooms() {
    for (path, room, code) in sources() {
        for (name, rooms) in CONFINED {
            let used = code.lines().any(|line| {
                let starts = line.match_indices(name);
                starts.into_iter().any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    let after = &line[at + name.len()..];
                    before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_')
                        && (after.starts_with("::") || after.starts_with(';'))
                })
            });
            assert!(
                !used || rooms.contains(&room.as_str()),
                "{}: `{name}` is for {} alone",
                path.display(),
                rooms.join(" and ")
            );
        }
    }
}
