//! `sagactl list`

use anyhow::Context;

use crate::brief;
use crate::cli::{ListArgs, ReportFormat};
use crate::commands::condition::{Condition, Starts};
use crate::commands::session::Session;
use crate::commands::terminal::Terminal;
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::inspect::{self, Listing};
use crate::output::{json_view, jsonl, list};
use crate::report::InstanceRow;

/// Lists the instances that the filters let through.
pub(super) fn run(args: &ListArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let mut session = Session::open(&args.paths, &args.source, terminal, now)?;
    session.options.sagas.clone_from(&args.saga);
    session.knows_steps(&args.step)?;
    let mut listing = session.run(terminal, inspect::list)?;
    listing.rows.retain(|row| passes(args, row));

    if let Some(text) = &args.condition {
        let condition = Condition::parse(text).with_context(|| format!("--where `{text}`"))?;
        narrow(&mut listing, &condition, &session, terminal)?;
    }

    let target = session.target();
    if args.format != ReportFormat::Table {
        let remarks = listing.remarks.iter();
        remarks.for_each(|remark| terminal.note(format_args!("{remark}")));
    }
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

/// Keeps the instances for which the condition holds, and tells of how many it could not be told.
fn narrow(
    listing: &mut Listing,
    condition: &Condition,
    session: &Session,
    terminal: &Terminal,
) -> anyhow::Result<()> {
    let starts = if condition.reads_data() {
        Starts::read(
            &session.definitions,
            session.options.log.as_deref(),
            &listing.rows,
        )?
    } else {
        Starts::default()
    };
    let mut untold: Option<(u64, String)> = None;
    listing
        .rows
        .retain(|row| match condition.holds(row, &starts) {
            Ok(holds) => holds,
            Err(error) => {
                untold
                    .get_or_insert_with(|| (0, format!("{}: {error}", row.id)))
                    .0 += 1;
                false
            }
        });
    if let Some((count, first)) = untold {
        let instances = brief::count(
            count,
            "instance, which is left out:",
            "instances, which are left out; the first is",
        );
        terminal.note(format_args!(
            "--where cannot be told of {instances} {first}"
        ));
    }
    Ok(())
}
