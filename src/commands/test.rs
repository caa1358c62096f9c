//! `sagactl test`

use crate::cli::TestArgs;
use crate::commands::terminal::Terminal;
use crate::event::Timestamp;
use crate::exit::Exit;

/// Runs every case.
pub(super) fn run(_: &TestArgs, _: &Terminal, _: Timestamp) -> anyhow::Result<Exit> {
    anyhow::bail!("this command is not built in yet")
}
