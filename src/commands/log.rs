//! `sagactl log`

use crate::cli::LogArgs;
use crate::commands::terminal::{Target, Terminal};
use crate::exit::Exit;
use crate::log;
use crate::output::log as screen;

/// Looks at a file and prints the mapping to start from.
pub(super) fn run(args: &LogArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut description = log::describe(&args.file, args.events)?;
    // The document may be kept anywhere, and its paths start at its own folder.
    if let Some(database) = &mut description.recognised.definition.database {
        *database = std::path::absolute(&*database)?;
    }
    terminal.page(&Target::default(), |page| screen::write(page, &description))?;
    Ok(if description.events == 0 {
        Exit::NothingInspected
    } else {
        Exit::Clean
    })
}
