//! The README against the program it speaks of.

use std::fs;
use std::path::Path;
use std::process::Command;

use sagactl::exit;
use sagactl::rules;

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).expect("the README can be read")
}

fn rows<'t>(text: &'t str, start: &str) -> Vec<&'t str> {
    text.lines()
        .filter(|line| line.starts_with(start))
        .collect()
}

#[test]
fn its_table_of_rules_is_the_table() {
    let text = readme();
    let mut listed = rows(&text, "| `");
    listed.retain(|row| row.contains('/') && !row.contains("cargo"));
    let mut expected: Vec<String> = rules::table()
        .chain(rules::static_table())
        .map(|info| format!("| `{}` | {} | {} |", info.name, info.severity, info.summary))
        .collect();
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

#[test]
fn its_exit_codes_are_the_table() {
    let text = readme();
    for (_, code, meaning) in exit::TABLE {
        assert!(text.contains(&format!("| {code} | {meaning} |")), "{code}");
    }
}

#[test]
fn what_it_shows_of_the_example_is_what_the_example_shows() {
    let text = readme();
    let (_, block) = text.split_once("```console\n").expect("a console block");
    let (block, _) = block.split_once("```").expect("its end");
    let output = Command::new(env!("CARGO_BIN_EXE_sagactl"))
        .args(["audit", "--color", "never"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("COLUMNS", "100")
        .env_remove("SAGACTL_LOG")
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8(output.stdout).expect("text");
    for line in block.lines().skip(1).filter(|line| *line != "…") {
        assert!(shown.contains(line), "the example does not show: {line}");
    }
}

/// What stands in the first block of a kind after some words.
fn block<'t>(text: &'t str, after: &str, kind: &str) -> &'t str {
    let (_, rest) = text.split_once(after).expect("the words before it");
    let (_, rest) = rest.split_once(&format!("```{kind}\n")).expect("a block");
    rest.split_once("```").expect("its end").0
}

#[test]
fn what_it_says_to_type_on_a_log_of_ones_own_works() {
    let text = readme();
    let own = "## On your own log";
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas/shop/shop.db");
    fs::copy(example, path("orders.db")).expect("a log");
    fs::write(path("order.txt"), block(&text, own, "yaml")).expect("a saga");
    let programs = Path::new(env!("CARGO_BIN_EXE_sagactl")).parent();
    let programs = programs.expect("its folder").display();
    let mut commands = Vec::new();
    for line in block(&text, own, "console").lines() {
        let line = line.strip_prefix("$ ").expect("a command");
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .env("EDITOR", "cp order.txt")
            .output()
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        // Nobody has written rules about keys yet.
        let codes = match line.contains("--key") {
            true => &[3][..],
            false => &[0, 1],
        };
        let code = output.status.code().expect("a code");
        assert!(codes.contains(&code), "{line}: {code}\n{said}");
        commands.push(line);
    }
    assert!(commands.len() > 6, "{commands:?}");
}
