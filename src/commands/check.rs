//! `sagactl check`: what is wrong with the definitions alone, without a log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::{CheckArgs, PlainFormat};
use crate::commands::terminal::{Target, Terminal};
use crate::definition::fault::Fault;
use crate::definition::settings::FailOn;
use crate::definition::{self, Unusable};
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::finding::Severity;
use crate::inspect::{self, Go, Options};
use crate::output::{check, diagnostic};
use crate::rules;

/// Checks the definitions and prints what is wrong with them.
pub(super) fn command(
    args: &CheckArgs,
    terminal: &Terminal,
    now: Timestamp,
) -> anyhow::Result<Exit> {
    let mut result = run(&args.paths.or_default(), &rules::names());
    if let Some(log) = &args.log {
        result
            .faults
            .extend(unseen(&args.paths.or_default(), log, now)?);
    }
    let count = check::Count {
        files: result.files.len(),
        things: result.things,
    };
    let target = Target::default();
    match args.format {
        PlainFormat::Table => {
            let width = terminal.width();
            let drawn = render(&result.faults, &result.files, &result.texts, true, width);
            terminal.page(&target, |page| {
                check::write(page, &drawn, &result.faults, count)
            })
        }
        PlainFormat::Json => {
            terminal.deliver(&target, |out| check::json(out, &result.faults, count))
        }
    }?;
    let fail_on = Severity::from_label(&args.fail_on).map_or(FailOn::Never, FailOn::Severity);
    Ok(Exit::of_faults(&result.faults, fail_on))
}

/// What was looked at and what was found.
#[derive(Debug, Clone)]
pub struct CheckResult {
    /// Every fault, fatal or not, in file order.
    pub faults: Vec<Fault>,
    /// The files read.
    pub files: Vec<PathBuf>,
    /// Their texts, in the order of `files`.
    pub texts: Vec<Arc<str>>,
    /// What the files define; `None` where a fatal fault keeps it from being counted.
    pub things: Option<check::Things>,
}

/// Checks the definitions at these paths; `rules` are the names that settings may use.
pub fn run(paths: &[PathBuf], rules: &[&'static str]) -> CheckResult {
    match definition::load(paths, rules) {
        Ok(definitions) => CheckResult {
            things: Some(check::Things::of(&definitions)),
            faults: definitions.lints,
            files: definitions.files,
            texts: definitions.texts,
        },
        Err(Unusable {
            faults,
            files,
            texts,
        }) => CheckResult {
            faults,
            files,
            texts,
            things: None,
        },
    }
}

/// The event types that the log does not hold; none where the definitions cannot be used, since
/// that is told already.
fn unseen(paths: &[PathBuf], log: &Path, now: Timestamp) -> anyhow::Result<Vec<Fault>> {
    let Ok(definitions) = definition::load(paths, &rules::names()) else {
        return Ok(Vec::new());
    };
    let options = Options {
        log: Some(log.to_path_buf()),
        ..Options::new(now)
    };
    Ok(inspect::unseen(&definitions, &options, &|_| Go::On)?)
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
        assert!(
            result
                .things
                .is_some_and(|things| things.sagas >= 2 && things.logs >= 1)
        );
        assert!(result.faults.is_empty());
    }

    #[test]
    fn the_fixtures_definitions_can_be_used() {
        let (result, drawn) = check("tests/fixtures");
        assert!(result.faults.iter().all(|fault| !fault.fatal), "{drawn}");
    }
}
