//! `sagactl diff`

use std::path::Path;

use anyhow::bail;

use crate::cli::PlainFormat;
use crate::cli::diff::DiffArgs;
use crate::commands::session::{Session, load, tell_passes};
use crate::commands::terminal::Terminal;
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::inspect::{self, Comparison, Parting};
use crate::output::against as parting;
use crate::output::diff::{self, Shown};
use crate::output::repair;

/// Shows the stored rows of one projection that do not hold what they should.
pub(super) fn run(args: &DiffArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let mut session = Session::open(&args.paths, &args.source, terminal, now)?;
    if let Some(other) = &args.against {
        return against(args, other, &session, terminal);
    }
    session.options.memory = args.memory.memory.map(|size| size.0);
    let wanted = (args.projection.as_str(), args.key.as_slice());
    let comparisons = session.run(terminal, |definitions, options, watch| {
        inspect::diff(definitions, wanted, options, watch)
    })?;
    tell_passes(comparisons.iter().map(|one| &one.log), terminal);
    let no_table = |one: &Comparison| repair::table(&one.projection).err();
    if args.sql
        && let Some(why) = comparisons.iter().find_map(no_table)
    {
        bail!("{} cannot be repaired by a script: {why}", args.projection);
    }
    let shown = Shown {
        keys: &args.key,
        limit: args.limit,
    };
    let target = session.target();
    match args.format {
        _ if args.sql => terminal.deliver(&target, |out| {
            comparisons
                .iter()
                .try_for_each(|comparison| repair::write(out, comparison))
        }),
        PlainFormat::Table => terminal.page(&target, |page| {
            comparisons
                .iter()
                .try_for_each(|comparison| diff::write(page, comparison, shown))
        }),
        PlainFormat::Json => terminal.deliver(&target, |out| diff::json(out, &comparisons)),
    }?;
    let held = || comparisons.iter().filter_map(|one| one.held.as_ref().ok());
    let is_known = |key: &String| held().any(|held| held.knows(key));
    if !args.key.iter().all(is_known) {
        return Ok(Exit::NothingInspected);
    }
    let compared = comparisons.into_iter().filter(|one| one.held.is_ok());
    let logs: Vec<_> = compared.map(|one| one.log).collect();
    Ok(Exit::of_logs(&logs))
}

/// Shows where two definitions of one projection part.
fn against(
    args: &DiffArgs,
    other: &Path,
    session: &Session,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let other = load(&[other.to_owned()], terminal)?;
    let partings = session.run(terminal, |definitions, options, watch| {
        inspect::against(definitions, &other, &args.projection, options, watch)
    })?;
    let target = session.target();
    match args.format {
        PlainFormat::Table => terminal.page(&target, |page| {
            partings
                .iter()
                .try_for_each(|parting| parting::write(page, parting, args.limit))
        }),
        PlainFormat::Json => terminal.deliver(&target, |out| parting::json(out, &partings)),
    }?;
    if !partings.iter().all(Parting::is_none) {
        return Ok(Exit::Findings);
    }
    let logs: Vec<_> = partings.into_iter().map(|one| one.log).collect();
    Ok(Exit::of_logs(&logs))
}
