//! The story that the README tells of the example, run as it is written.

use std::fs;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The commands of the README's recovery, each with the lines that it is said to print.
fn story() -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let (_, text) = text.split_once("$ cp -r sagas/shop try\n").unwrap();
    let (block, _) = text.split_once("```").unwrap();
    let mut story: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), story.last_mut()) {
            (Some(command), _) => story.push((command.to_owned(), Vec::new())),
            (None, Some((_, lines))) => lines.push(line.to_owned()),
            (None, None) => panic!("no command prints {line}"),
        }
    }
    story
}

/// Whether a text has these lines and no others; `…` stands for any lines, or for the rest of one.
fn is_told(told: &[String], printed: &[&str]) -> bool {
    match (told, printed) {
        ([], printed) => printed.is_empty(),
        ([line, rest @ ..], _) if line == "…" => {
            (0..=printed.len()).any(|from| is_told(rest, &printed[from..]))
        }
        ([line, rest @ ..], [first, printed @ ..]) => {
            let is_same = match line.strip_suffix('…') {
                Some(start) => first.starts_with(start),
                None => line == first,
            };
            is_same && is_told(rest, printed)
        }
        (_, []) => false,
    }
}

#[cfg(unix)]
#[test]
fn the_readme_tells_what_the_example_does() {
    let folder = tempfile::tempdir().unwrap();
    let copy = format!("cp -r '{ROOT}/sagas/shop' try");
    let program = Path::new(env!("CARGO_BIN_EXE_sagactl")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let run = |command: &str| {
        let output = Command::new("/bin/sh")
            .args(["-c", &format!("{command} 2>&1")])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", &path)
            .env("COLUMNS", "100")
            .env("USER", "ann")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(run(&copy), "");
    for (command, told) in story() {
        let printed = run(&command);
        let lines: Vec<&str> = printed.lines().collect();
        assert!(
            is_told(&told, &lines),
            "{command} is said to print\n{}\nand prints\n{printed}",
            told.join("\n")
        );
    }
}
