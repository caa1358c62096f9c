//! `sagactl check`: what is wrong with the definitions alone, without a log.

use std::path::PathBuf;
use std::sync::Arc;

use crate::definition::fault::Fault;
use crate::definition::{self, Definitions, Unusable};
use crate::finding::Severity;
use crate::output::diagnostic;

/// What was looked at and what was found.
#[derive(Debug, Clone)]
pub struct CheckResult {
    /// Every fault, fatal or not, in file order.
    pub faults: Vec<Fault>,
    /// The files read.
    pub files: Vec<PathBuf>,
    /// Their texts, in the order of `files`.
    pub texts: Vec<Arc<str>>,
    /// How many sagas were checked; `None` where a fatal fault keeps them from being counted.
    pub sagas: Option<usize>,
    /// How many logs they belong to; as `sagas`.
    pub logs: Option<usize>,
}

/// Checks the definitions at these paths; `rules` are the names that settings may use.
pub fn run(paths: &[PathBuf], rules: &[&'static str]) -> CheckResult {
    match definition::load(paths, rules) {
        Ok(Definitions { scopes, files, texts, lints, .. }) => CheckResult {
            sagas: Some(scopes.iter().map(|scope| scope.sagas.len()).sum()),
            logs: Some(scopes.iter().filter(|scope| scope.log.is_some()).count()),
            faults: lints,
            files,
            texts,
        },
        Err(Unusable { faults, files, texts }) => {
            CheckResult { faults, files, texts, sagas: None, logs: None }
        }
    }
}

impl CheckResult {
    /// Whether the definitions cannot be used.
    pub fn unusable(&self) -> bool {
        self.faults.iter().any(|fault| fault.fatal)
    }

    /// The gravest fault's severity; fatal ones are errors.
    pub fn worst(&self) -> Option<Severity> {
        self.faults.iter().map(|fault| fault.severity).max()
    }
}

/// Draws every fault, a blank line between two.
pub fn render(
    faults: &[Fault],
    files: &[PathBuf],
    texts: &[Arc<str>],
    color: bool,
    width: usize,
) -> String {
    let drawn: Vec<String> = faults
        .iter()
        .map(|fault| {
            let text = fault.place.as_ref().and_then(|place| {
                let at = files.iter().position(|file| *file == *place.file)?;
                texts.get(at).map(|text| &**text)
            });
            diagnostic::render(fault, text, color, width)
        })
        .collect();
    drawn.join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::rules;

    fn check(path: &str) -> (CheckResult, String) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let result = run(&[path], &rules::names());
        let drawn = render(&result.faults, &result.files, &result.texts, false, 100);
        (result, drawn)
    }

    #[test]
    fn the_shipped_definitions_have_no_fault() {
        let (result, drawn) = check("sagas");
        assert_eq!(drawn, "");
        assert!(result.sagas.is_some_and(|sagas| sagas >= 2));
        assert!(result.logs.is_some_and(|logs| logs >= 1));
        assert!(!result.unusable() && result.worst().is_none());
    }

    #[test]
    fn the_fixtures_definitions_can_be_used() {
        let (result, drawn) = check("tests/fixtures");
        assert!(!result.unusable(), "{drawn}");
    }
}
