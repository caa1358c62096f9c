//! `sagactl generate`, hidden: makes the example log, fixtures and the load for measurements.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use crate::definition::saga::Saga;
use crate::definition::{Unusable, load};
use crate::event::{Span, Timestamp};
use crate::generate::{Faults, Ids, Layout, Options, Wrong, generate};
use crate::rules;

/// What log to make.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  sagactl generate sagas/shop/shop.db --example
  sagactl generate /tmp/all.db --each --labels /tmp/all.json
  sagactl generate /tmp/big.db --instances 600000 --spacing 20ms --plain --ids uuid --payload 200")]
pub struct GenerateArgs {
    /// The SQLite file to write; what stands there is replaced
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The sagas to make instances of; they and the log must be in one folder
    #[arg(long, value_name = "PATH", default_value = "sagas/shop")]
    pub definitions: PathBuf,
    /// The same seed makes the same file, byte for byte
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many saga instances
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub instances: u64,
    /// With so many of a thousand instances something goes wrong
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub faults: u32,
    /// Everything that can go wrong does, once
    #[arg(long, conflicts_with = "faults")]
    pub each: bool,
    /// The shipped example: its seed, size, time and faults
    #[arg(long, conflicts_with_all = ["faults", "each", "seed", "instances", "spacing", "start", "plain", "ids"])]
    pub example: bool,
    /// The mean time between two starts
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub spacing: Span,
    /// When the first instance starts
    #[arg(long, value_name = "INSTANT", default_value = "2026-03-02T06:00:00Z")]
    pub start: Timestamp,
    /// About how many bytes of data an event has
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub payload: usize,
    /// How instances and events are called
    #[arg(long, value_enum, default_value_t = IdStyle::Numbered)]
    pub ids: IdStyle,
    /// Sagas only: no other systems, status, keys, causes and headers
    #[arg(long)]
    pub plain: bool,
    /// Leave the file in write-ahead mode
    #[arg(long)]
    pub wal: bool,
    /// Let positions be given again (no AUTOINCREMENT)
    #[arg(long)]
    pub position_reuse: bool,
    /// Without the UNIQUE index on ids, so that they can repeat
    #[arg(long)]
    pub repeatable_ids: bool,
    /// Without the index on the correlation column
    #[arg(long)]
    pub unindexed: bool,
    /// Write what must be found in it here, as JSON
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
}

/// How instances and events are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IdStyle {
    /// `order-1007`, `e-12`.
    Numbered,
    /// 36 characters that look like UUIDs.
    Uuid,
}

/// Makes a log; one line about it.
///
/// # Errors
/// When the definitions cannot be used or a file cannot be written.
pub fn run(args: &GenerateArgs) -> anyhow::Result<String> {
    let (log, sagas) = sagas(&args.definitions)?;
    let unique_ids = !args.repeatable_ids;
    let options = if args.example {
        Options::example(log)
    } else {
        Options {
            log,
            seed: args.seed,
            instances: args.instances,
            faults: match (args.each, args.faults) {
                (true, _) => Faults::Each(Wrong::all(unique_ids)),
                (false, 0) => Faults::None,
                (false, rate) => Faults::PerMille(rate),
            },
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
    let made = generate(&sagas, &options, layout, &args.file)?;
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

/// The log's name and the sagas of the one log in `path`.
fn sagas(path: &Path) -> anyhow::Result<(String, Vec<Arc<Saga>>)> {
    let definitions =
        load(&[path.to_owned()], &rules::names()).map_err(|unusable| said(path, &unusable))?;
    let mut scopes = definitions
        .scopes
        .into_iter()
        .filter(|scope| !scope.sagas.is_empty());
    match (scopes.next(), scopes.next()) {
        (Some(scope), None) => {
            let log = scope
                .log
                .map_or_else(|| "log".to_owned(), |log| log.name.to_string());
            Ok((log, scope.sagas))
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
