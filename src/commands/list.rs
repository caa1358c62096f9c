//! `sagactl list`

use std::collections::BTreeSet;

use crate::cli::{ListArgs, ReportFormat};
use crate::commands::session::Session;
use crate::commands::terminal::Terminal;
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::inspect;
use crate::output::{json_view, jsonl, list};
use crate::report::InstanceRow;

/// Lists the instances that the filters let through.
pub(super) fn run(args: &ListArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let mut session = Session::open(&args.paths, &args.source, terminal, now)?;
    session.options.sagas.clone_from(&args.saga);
    let steps: BTreeSet<&str> = session
        .definitions
        .scopes
        .iter()
        .flat_map(|scope| &scope.sagas)
        .flat_map(|saga| saga.steps.iter().map(|step| &*step.name))
        .collect();
    if let Some(unknown) = args.step.iter().find(|step| !steps.contains(step.as_str())) {
        anyhow::bail!(
            "no saga has a step `{unknown}`; there are {}",
            steps.into_iter().collect::<Vec<_>>().join(", ")
        );
    }

    let mut listing = session.run(terminal, inspect::list)?;
    listing.rows.retain(|row| passes(args, row));

    let target = session.target();
    match args.format {
        ReportFormat::Table => terminal.page(&target, |page| {
            list::write(page, &listing, &session.again, args.limit)
        }),
        ReportFormat::Json => terminal.deliver(&target, |out| {
            json_view::list(out, &listing, &session.again)
        }),
        ReportFormat::Jsonl => terminal.deliver(&target, |out| {
            jsonl::instances(out, &listing, &session.again)
        }),
    }?;
    Ok(Exit::of_logs(&listing.logs))
}

fn passes(args: &ListArgs, row: &InstanceRow) -> bool {
    (args.outcome.is_empty() || args.outcome.contains(&row.outcome))
        && (args.step.is_empty()
            || row
                .steps
                .iter()
                .any(|at| args.step.iter().any(|step| **step == **at)))
        && args.older_than.is_none_or(|span| row.age >= span)
}
