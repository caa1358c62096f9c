//! The README against the program it speaks of.

use std::path::Path;

use sagactl::exit;
use sagactl::rules;

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    std::fs::read_to_string(path).expect("the README can be read")
}

fn rows<'t>(text: &'t str, start: &str) -> Vec<&'t str> {
    text.lines().filter(|line| line.starts_with(start)).collect()
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
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sagactl"))
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
