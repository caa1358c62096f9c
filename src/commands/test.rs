//! `sagactl test`

use std::path::PathBuf;

use anyhow::anyhow;

use crate::casefile::{self, CaseResult};
use crate::cli::{PlainFormat, TestArgs};
use crate::commands::check;
use crate::commands::terminal::{Target, Terminal};
use crate::exit::Exit;
use crate::output::cases::{self, Ended};

/// Runs every case under the paths.
pub(super) fn run(args: &TestArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let paths = match args.paths.as_slice() {
        [] => vec![PathBuf::from("tests/cases")],
        given => given.to_vec(),
    };
    let loaded = casefile::load(&paths).map_err(|faulty| {
        let width = terminal.width();
        let drawn = check::render(&faulty.faults, &faulty.files, &faulty.texts, true, width);
        terminal.drawn(&drawn);
        anyhow!("the cases cannot be read; mend what is marked above")
    })?;
    terminal.detail(format_args!(
        "read {} cases in {} files",
        loaded.cases.len(),
        loaded.files
    ));
    let ended: Vec<Ended<'_>> = loaded
        .cases
        .iter()
        .map(|case| (case, casefile::run(case).map_err(|error| error.to_string())))
        .collect();
    let target = Target {
        file: args.output.as_deref(),
        ..Target::default()
    };
    match args.format {
        PlainFormat::Table => terminal.page(&target, |page| cases::write(page, &ended)),
        PlainFormat::Json => terminal.deliver(&target, |out| cases::json(out, &ended)),
    }?;
    Ok(exit(&ended))
}

fn exit(ended: &[Ended<'_>]) -> Exit {
    if ended.is_empty() {
        Exit::NothingInspected
    } else if ended.iter().any(|(_, result)| result.is_err()) {
        Exit::Failed
    } else if ended
        .iter()
        .all(|(_, result)| result.as_ref().is_ok_and(CaseResult::passed))
    {
        Exit::Clean
    } else {
        Exit::Findings
    }
}
