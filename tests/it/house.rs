//! What the house asks of every file.

use std::path::Path;
use std::{env, fs};

/// A file longer than this needs a reason here.
const LONG: usize = 500;
/// No file is longer than this.
const TOO_LONG: usize = 800;
/// Files that may be long, and why.
const REASONS: [(&str, &str); 1] = [(
    "src/replay/gather.rs",
    "the one hot loop and what it keeps, read best in one piece",
)];

fn files(folder: &Path, found: &mut Vec<(String, String)>, root: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found, root);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn files_stay_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("src"), &mut found, root);
    for (name, text) in found {
        let lines = text.lines().count();
        let excused = REASONS.iter().any(|(file, _)| *file == name) || name.contains("tests");
        assert!(
            lines <= LONG || excused,
            "{name} has {lines} lines: split it, or say why not"
        );
        assert!(
            lines <= TOO_LONG || name.contains("tests"),
            "{name} has {lines} lines"
        );
    }
}

#[test]
fn main_decides_nothing() {
    let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs");
    assert!(fs::read_to_string(main).unwrap().lines().count() < 40);
}

#[test]
fn only_main_reads_the_clock() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("src"), &mut found, root);
    // The snapshot compares the clock with a file's own stamp, to tell one change from the next.
    let may = ["src/main.rs", "src/log/snapshot.rs"];
    for (name, text) in found
        .iter()
        .filter(|(name, _)| !may.contains(&name.as_str()))
    {
        for clock in ["SystemTime::now", "Timestamp::now", "Zoned::now"] {
            assert!(!text.contains(clock), "{name} reads the clock with {clock}");
        }
    }
}

#[test]
fn properties_are_tried_from_one_seed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&root.join("src"), &mut found, root);
    files(&root.join("tests"), &mut found, root);
    for (name, text) in found {
        let mut lines = text.lines();
        while lines.any(|line| line.trim_end().ends_with("proptest! {")) {
            let first = lines.next().unwrap_or_default().trim();
            assert!(
                first.starts_with("#![proptest_config(sampled("),
                "{name} has a property of another kind: {first}"
            );
        }
    }
}
