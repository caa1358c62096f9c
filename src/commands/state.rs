//! `sagactl state`

use crate::cli::PlainFormat;
use crate::cli::state::StateArgs;
use crate::commands::session::Session;
use crate::commands::terminal::Terminal;
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::inspect::{self, At, Telling};
use crate::output::state;

/// Shows what events make of one key.
pub(super) fn run(args: &StateArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let session = Session::open(&args.paths, &args.source, terminal, now)?;
    let wanted = (args.projection.as_str(), args.key.as_str());
    let telling = match args.history {
        true => Telling::History,
        false => Telling::State,
    };
    let until = (args.at.unwrap_or(At::End), telling);
    let told = session.run(terminal, |definitions, options, watch| {
        inspect::state(definitions, wanted, until, options, watch)
    })?;
    let target = session.target();
    match args.format {
        PlainFormat::Table => terminal.page(&target, |page| {
            told.iter().try_for_each(|told| state::write(page, told))
        }),
        PlainFormat::Json => terminal.deliver(&target, |out| state::json(out, &told)),
    }?;
    let has_events = told.iter().any(|told| told.events() > 0);
    Ok(if has_events {
        Exit::Clean
    } else {
        Exit::NothingInspected
    })
}
