//! What definitions are taken for, and what is said of faulty ones.

mod folders;
mod hostile;
mod projections;
mod reading;
mod structure;

use std::path::Path;

use super::fault::Fault;
use super::{Definitions, load_text};

const RULES: [&str; 4] = [
    "log/time-backwards",
    "saga/late",
    "saga/stuck-step",
    "compensation/uncompensated",
];

/// The definitions in a text that has no fatal fault.
fn read(text: &str) -> Definitions {
    match load_text(Path::new("shop.yaml"), text, &RULES) {
        Ok(definitions) => definitions,
        Err(unusable) => panic!("{}", lines(&unusable.faults).join("\n")),
    }
}

/// Every fault of a text, fatal or not.
fn faults(text: &str) -> Vec<Fault> {
    match load_text(Path::new("shop.yaml"), text, &RULES) {
        Ok(definitions) => definitions.lints,
        Err(unusable) => unusable.faults,
    }
}

/// Faults as `line:column rule: message | label | help`.
fn lines(faults: &[Fault]) -> Vec<String> {
    faults
        .iter()
        .map(|fault| {
            let place = fault.place.as_ref().map_or_else(String::new, |place| {
                format!("{}:{} ", place.line, place.column)
            });
            let rule = fault.rule.trim_start_matches("definition/");
            let help = fault.help.as_deref().unwrap_or("-");
            format!(
                "{place}{rule}: {} | {} | {help}",
                fault.message, fault.label
            )
        })
        .collect()
}
