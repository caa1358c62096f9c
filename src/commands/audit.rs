//! `sagactl audit`

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::baseline::{Baseline, Coverage};
use crate::brief;
use crate::cli::{AuditArgs, ReportFormat, Since};
use crate::commands::session::{Session, tell_passes};
use crate::commands::terminal::{Terminal, write_file};
use crate::definition::Definitions;
use crate::definition::settings::FailOn;
use crate::event::{Span, Timestamp};
use crate::exit::Exit;
use crate::finding::Severity;
use crate::inspect;
use crate::output::{json, jsonl, table};
use crate::report::{Report, RuleCount};

/// How many findings of one rule are kept for a table that shows the first of them.
const LISTED: usize = 10_000;

/// Judges the log and prints what was found.
pub(super) fn run(args: &AuditArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let mut session = Session::open(&args.paths, &args.source, terminal, now)?;
    session.options.rules.clone_from(&args.rule);
    session.options.sagas.clone_from(&args.saga);
    session.options.instances.clone_from(&args.instance);
    session.options.keys.clone_from(&args.key);
    session.options.memory = args.memory.memory.map(|size| size.0);
    session.options.listed = listed(args);
    let previous = args.baseline.as_deref().map(read_baseline).transpose()?;

    let mut report = session.run(terminal, inspect::audit)?;
    tell_passes(&report.logs, terminal);
    let fresh = args
        .write_baseline
        .as_ref()
        .map(|_| Baseline::of(&report, previous.as_ref()));
    if let Some(baseline) = &previous {
        let filters = [&args.rule, &args.saga, &args.instance, &args.key];
        let narrowed = filters.iter().any(|filter| !filter.is_empty());
        baseline.accept(
            &mut report,
            if narrowed {
                Coverage::Part
            } else {
                Coverage::Whole
            },
        );
    }
    if let Some(since) = args.since {
        leave_out_older(&mut report, since);
    }

    let frame = json::Frame {
        again: &session.again,
    };
    match args.format {
        ReportFormat::Table => terminal.page(&session.target(), |page| {
            table::write(
                page,
                &report,
                table::Frame {
                    again: &session.again,
                    limit: args.limit,
                },
            )
        }),
        ReportFormat::Json => {
            terminal.deliver(&session.target(), |out| json::write(out, &report, frame))
        }
        ReportFormat::Jsonl => terminal.deliver(&session.target(), |out| {
            jsonl::findings(out, &report, frame)
        }),
    }?;

    let unlisted: u64 = report.rules.iter().map(RuleCount::not_listed).sum();
    if unlisted > 0 && !matches!(args.format, ReportFormat::Table) {
        let findings = brief::count(unlisted, "finding more is", "findings more are");
        terminal.note(format_args!(
            "{findings} counted and not listed; narrow the run to see them"
        ));
    }
    if let (Some(path), Some(baseline)) = (&args.write_baseline, fresh) {
        session.target_at(path).guard(path)?;
        let text = baseline.to_text()?;
        write_file(path, |file| file.write_all(text.as_bytes()))?;
        terminal.note(format_args!(
            "wrote {} to {}",
            brief::count(
                baseline.len() as u64,
                "accepted finding",
                "accepted findings"
            ),
            path.display()
        ));
    }
    Ok(Exit::of_report(
        &report,
        args.fail_on()
            .unwrap_or_else(|| threshold(&session.definitions)),
    ))
}

/// How many findings of one rule are to be kept: as many as anybody asks for.
fn listed(args: &AuditArgs) -> Option<usize> {
    let is_sifted =
        args.since.is_some() || args.baseline.is_some() || args.write_baseline.is_some();
    let is_cut = args.limit > 0 && matches!(args.format, ReportFormat::Table);
    (is_cut && !is_sifted).then(|| args.limit.max(LISTED))
}

/// The strictest threshold that the settings name, else `error`.
fn threshold(definitions: &Definitions) -> FailOn {
    let named = definitions
        .scopes
        .iter()
        .filter_map(|scope| scope.settings.fail_on);
    named
        .reduce(|one, other| match (one, other) {
            (FailOn::Severity(one), FailOn::Severity(other)) => FailOn::Severity(one.min(other)),
            (FailOn::Never, other) | (other, FailOn::Never) => other,
        })
        .unwrap_or(FailOn::Severity(Severity::Error))
}

/// Drops findings that are older than asked for, and says that it did.
fn leave_out_older(report: &mut Report, since: Since) {
    let (earliest, words) = match since {
        Since::At(instant) => (instant, instant.to_string()),
        Since::Ago(span) => {
            let horizon = report.logs.iter().filter_map(|log| log.as_of).max();
            let Some(horizon) = horizon else { return };
            (before(horizon, span), format!("{span} ago"))
        }
    };
    let left_out = report.retain(|finding| finding.since.is_none_or(|since| since >= earliest));
    if left_out > 0 {
        report.remarks.push(format!(
            "--since {words} leaves out {left_out} older findings"
        ));
    }
}

fn before(instant: Timestamp, span: Span) -> Timestamp {
    Timestamp::from_nanos(instant.as_nanos().saturating_sub(span.as_nanos()))
}

fn read_baseline(path: &Path) -> anyhow::Result<Baseline> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the baseline `{}`", path.display()))?;
    Baseline::from_text(&text).with_context(|| format!("`{}` is not a baseline", path.display()))
}
