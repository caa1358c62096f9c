//! `sagactl completions`

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::commands::terminal::{Target, Terminal};
use crate::exit::Exit;

/// Prints the script.
pub(super) fn run(args: &CompletionsArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sagactl", &mut script);
    terminal.deliver(&Target::default(), |out| out.write_all(&script))?;
    Ok(Exit::Clean)
}
