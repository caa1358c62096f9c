//! What is said of faulty definitions: the cases of `faults.txt`, exact in both directions.

use std::fmt::Write;

use super::{faults, lines};
use crate::definition::fault;

const CASES: &str = include_str!("faults.txt");

/// The name, text and expected lines of each case.
fn cases() -> impl Iterator<Item = (&'static str, &'static str, Vec<&'static str>)> {
    CASES.split("## ").skip(1).map(|case| {
        let (name, rest) = case.split_once('\n').unwrap();
        let (text, expected) = rest.split_once("-----\n").unwrap();
        (
            name,
            text,
            expected.lines().filter(|line| !line.is_empty()).collect(),
        )
    })
}

#[test]
fn each_fault_is_reported_once_at_its_place_with_its_cure() {
    let mut wrong = String::new();
    for (name, text, expected) in cases() {
        let found = lines(&faults(text));
        if found != expected {
            write!(wrong, "## {name}\n{text}-----\n{}\n\n", found.join("\n")).unwrap();
        }
    }
    assert!(wrong.is_empty(), "these cases now say:\n{wrong}");
}

#[test]
fn every_rule_about_definitions_has_a_case() {
    let elsewhere = [fault::UNREADABLE, fault::TOO_LARGE];
    for rule in fault::ALL.iter().filter(|rule| !elsewhere.contains(rule)) {
        let name = format!("{}: ", rule.trim_start_matches("definition/"));
        let said = cases().any(|(_, _, lines)| lines.iter().any(|line| line.contains(&name)));
        assert!(said, "{rule} has no case in faults.txt");
    }
}
