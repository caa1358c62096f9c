//! `sagactl plan`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::cli::PlainFormat;
use crate::cli::recovery::PlanArgs;
use crate::commands::session::Session;
use crate::commands::terminal::Terminal;
use crate::event::Timestamp;
use crate::exit::Exit;
use crate::output::plan;
use crate::recovery::plan::Ask;
use crate::recovery::select::{self, Selection};

/// Decides about the instances that the filters let through.
pub(super) fn run(args: &PlanArgs, terminal: &Terminal, now: Timestamp) -> anyhow::Result<Exit> {
    let (paths, is_piped) = args.split();
    let mut session = Session::open(&paths, &args.source, terminal, now)?;
    session.options.sagas.clone_from(&args.saga);
    session.options.rules.clone_from(&args.rule);
    session.knows_steps(&args.step)?;
    let mut ids: BTreeSet<String> = args.instance.iter().cloned().collect();
    let mut sagas = BTreeMap::new();
    if is_piped {
        sagas = read_instances(io::stdin().lock())?;
        // An id that was also named by itself is wanted in every saga.
        sagas.retain(|id, _| !ids.contains(id));
        ids.extend(sagas.keys().cloned());
        if ids.is_empty() {
            bail!("stdin names no instance");
        }
    }
    let selection = Selection {
        ids,
        sagas,
        rules: args.rule.clone(),
        outcomes: args.outcome.clone(),
        steps: args.step.clone(),
        older_than: args.older_than,
    };
    let ask = Ask {
        direction: args.direction.direction(),
        step: None,
    };
    let made = session.run(terminal, |definitions, options, watch| {
        select::plan(definitions, options, watch, &selection, ask, args.max)
    })?;
    let known = made.instances.iter().map(|one| &one.id);
    let known: BTreeSet<&String> = known
        .chain(made.refused.iter().map(|one| &one.id))
        .collect();
    let missing = selection.ids.iter().filter(|id| !known.contains(id));
    for id in missing.filter(|_| made.left_out == 0) {
        terminal.note(format_args!(
            "no instance that the filters let through has the id `{id}`"
        ));
    }
    let format = args.format.unwrap_or(match args.source.output {
        Some(_) => PlainFormat::Json,
        None => PlainFormat::Table,
    });
    let target = session.target();
    match format {
        PlainFormat::Table => terminal.page(&target, |page| plan::write(page, &made)),
        PlainFormat::Json => terminal.deliver(&target, |out| plan::document(out, &made)),
    }?;
    if args.source.output.is_some() {
        terminal.note(plan::summary(&made));
    }
    let is_empty = made.instances.is_empty() && made.refused.is_empty();
    let empty_log = made.logs.iter().all(|log| log.head_position.is_none());
    Ok(if is_empty && empty_log {
        Exit::NothingInspected
    } else {
        Exit::Clean
    })
}

/// The instances in the JSON lines of `audit` or `list`, by id with the sagas that it was named in;
/// findings about other things name none.
fn read_instances(lines: impl BufRead) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (number, line) in lines.lines().enumerate() {
        let line = line.context("stdin cannot be read")?;
        if line.trim().is_empty() {
            continue;
        }
        let object: Value = serde_json::from_str(&line)
            .with_context(|| format!("line {} of stdin is no JSON", number + 1))?;
        let (id, saga) = match object.get("subject") {
            Some(subject) if subject.get("kind") == Some(&Value::from("instance")) => {
                (subject.get("id"), subject.get("definition"))
            }
            Some(_) => continue,
            None => (object.get("id"), object.get("saga")),
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let (Some(id), Some(saga)) = (text(id), text(saga)) else {
            bail!("line {} of stdin is no finding and no instance", number + 1);
        };
        found.entry(id).or_default().insert(saga);
    }
    Ok(found)
}
