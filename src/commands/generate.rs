//! `sagactl generate`, hidden: makes the example log, fixtures and the load for measurements.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::cli::generate::{GenerateArgs, IdStyle};
use crate::definition::saga::Saga;
use crate::definition::{Unusable, load};
use crate::event::Span;
use crate::generate::{Faults, Ids, Layout, Made, Options, Wrong, bank, generate};
use crate::rules;

/// Makes a log; one line about it.
///
/// # Errors
/// When the definitions cannot be used or a file cannot be written.
pub(super) fn run(args: &GenerateArgs) -> anyhow::Result<String> {
    if args.bank {
        return bank_log(args);
    }
    let (log, lateness, sagas) = sagas(&args.definitions)?;
    let unique_ids = !args.repeatable_ids;
    let options = if args.example {
        Options::example(log)
    } else {
        Options {
            log,
            seed: args.seed,
            instances: args.instances,
            faults: match (args.each, args.faults) {
                (true, _) => Faults::Each(Wrong::all(unique_ids, lateness)),
                (false, 0) => Faults::None,
                (false, rate) => Faults::PerMille(rate),
            },
            lateness,
            spacing: args.spacing,
            start: args.start,
            payload: args.payload,
            ids: match args.ids {
                IdStyle::Numbered => Ids::Numbered,
                IdStyle::Uuid => Ids::Uuid,
            },
            plain: args.plain,
        }
    };
    let layout = Layout {
        wal: args.wal,
        autoincrement: !args.position_reuse,
        unique_ids,
        indexed: !args.unindexed,
    };
    told(args, &generate(&sagas, &options, layout, &args.file)?)
}

/// Makes a bank's log.
fn bank_log(args: &GenerateArgs) -> anyhow::Result<String> {
    let options = bank::Options {
        seed: args.seed,
        transfers: args.instances,
        faults: (!args.each).then_some(args.faults),
        spacing: args.spacing.as_nanos() / 1_000_000,
        start: args.start.as_nanos() / 1_000_000,
    };
    told(args, &bank::bank(options, &args.file)?)
}

/// Writes the labels where they are wanted; one line about the log.
fn told(args: &GenerateArgs, made: &Made) -> anyhow::Result<String> {
    if let Some(path) = &args.labels {
        let text = serde_json::to_string_pretty(&made.labels)?;
        std::fs::write(path, text + "\n").with_context(|| path.display().to_string())?;
    }
    let findings = made.labels.len();
    Ok(format!(
        "wrote {} events to {}; findings to expect: {findings}",
        made.events,
        args.file.display()
    ))
}

/// The log's name, how late its events may be, and the sagas of the one log in `path`.
fn sagas(path: &Path) -> anyhow::Result<(String, Option<Span>, Vec<Arc<Saga>>)> {
    let definitions =
        load(&[path.to_owned()], &rules::names()).map_err(|unusable| said(path, &unusable))?;
    let mut scopes = definitions
        .scopes
        .into_iter()
        .filter(|scope| !scope.sagas.is_empty());
    match (scopes.next(), scopes.next()) {
        (Some(scope), None) => {
            let lateness = scope.log.as_ref().and_then(|log| log.order.lateness());
            let log = scope
                .log
                .map_or_else(|| "log".to_owned(), |log| log.name.to_string());
            Ok((log, lateness, scope.sagas))
        }
        (None, _) => bail!("{}: no saga is defined there", path.display()),
        (Some(_), Some(_)) => bail!(
            "{}: there are several logs; name the folder of one",
            path.display()
        ),
    }
}

fn said(path: &Path, unusable: &Unusable) -> anyhow::Error {
    let first = unusable
        .faults
        .first()
        .map_or("it cannot be used", |fault| &fault.message);
    anyhow::anyhow!("{}: {first}; `sagactl check` tells more", path.display())
}
