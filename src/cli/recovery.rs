//! What can be typed for a recovery.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::{PathArgs, PlainFormat, ReportFormat, SourceArgs, outcome};
use crate::event::Span;
use crate::finding::Direction;
use crate::saga::Outcome;

/// `plan`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl plan --rule 'compensation/*' -o plan.json
  sagactl plan --instance order-1007 --direction backward
  sagactl list --outcome compensating --format jsonl | sagactl plan - -o plan.json")]
pub struct PlanArgs {
    /// Where the definitions are; `-` takes the instances from the lines of `audit` or `list` on
    /// stdin
    #[command(flatten)]
    pub paths: PathArgs,
    /// What to read
    #[command(flatten)]
    pub source: SourceArgs,
    /// How to print the plan [default: table, json with --output]
    #[arg(long, value_enum, help_heading = "Output")]
    pub format: Option<PlainFormat>,
    /// Only this instance; may be given several times
    #[arg(long, value_name = "ID", help_heading = "Filter")]
    pub instance: Vec<String>,
    /// Only instances of these sagas, several with commas
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Filter"
    )]
    pub saga: Vec<String>,
    /// Only instances that these rules found, several with commas; `*` stands for anything
    #[arg(
        long,
        value_name = "GLOB",
        value_delimiter = ',',
        help_heading = "Filter"
    )]
    pub rule: Vec<String>,
    /// Only instances with these outcomes, several with commas
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = outcome, help_heading = "Filter")]
    pub outcome: Vec<Outcome>,
    /// Only instances that are at one of these steps, several with commas
    #[arg(
        long,
        value_name = "STEP",
        value_delimiter = ',',
        help_heading = "Filter"
    )]
    pub step: Vec<String>,
    /// Only instances without an event for this long
    #[arg(long, value_name = "SPAN", help_heading = "Filter")]
    pub older_than: Option<Span>,
    /// Which way to go; backward past the pivot is refused
    #[arg(long, value_enum, default_value_t = Way::Auto)]
    pub direction: Way,
    /// How many instances the plan may drive; it says how many it left out
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub max: usize,
}

/// Which way a recovery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// What the instance calls for.
    Auto,
    /// Undo what is in force.
    Backward,
    /// Retry what holds it up.
    Forward,
}

impl Way {
    /// The direction, where one was named.
    pub const fn direction(self) -> Option<Direction> {
        match self {
            Way::Auto => None,
            Way::Backward => Some(Direction::Backward),
            Way::Forward => Some(Direction::Forward),
        }
    }
}

impl PlanArgs {
    /// The paths without the `-` for stdin, and whether it was there.
    pub fn split(&self) -> (PathArgs, bool) {
        let dash = PathBuf::from("-");
        let paths = self.paths.paths.iter().filter(|path| **path != dash);
        let given = PathArgs {
            paths: paths.cloned().collect(),
        };
        let is_piped = given.paths.len() < self.paths.paths.len();
        (given, is_piped)
    }
}

/// What everything that writes takes.
#[derive(Debug, Args)]
pub struct ConsentArgs {
    /// Act; without it what would be done is printed and nothing is touched
    #[arg(long, help_heading = "Acting")]
    pub write: bool,
    /// Why, for the journal; needed with --write
    #[arg(long, value_name = "TEXT", help_heading = "Acting")]
    pub reason: Option<String>,
    /// Do not ask: for scripts
    #[arg(long, help_heading = "Acting")]
    pub yes: bool,
}

/// What everything that acts takes.
#[derive(Debug, Args)]
pub struct WriteArgs {
    /// Whether to act
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Where the journal is [default: beside the log, with the ending .journal.db]
    #[arg(long, value_name = "FILE", help_heading = "Acting")]
    pub journal: Option<PathBuf>,
    /// No more than so many actions: 5/s, 30/m
    #[arg(long, value_name = "N/UNIT", value_parser = rate, help_heading = "Acting")]
    pub rate: Option<Duration>,
    /// Drive so many instances side by side
    #[arg(long, value_name = "N", default_value = "1", value_parser = drivers, help_heading = "Acting")]
    pub concurrency: NonZeroUsize,
    /// Act although rows of which nobody knows whose they are may be what is done again
    #[arg(long, help_heading = "Acting")]
    pub despite_unread_rows: bool,
    /// Stop after so many failures
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Acting")]
    pub stop_after: Option<u32>,
}

/// `apply`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl apply plan.json                                  what would be sent; touches nothing
  sagactl apply plan.json --write --reason 'INC-4711 stock outage'
  sagactl apply plan.json --write --yes --resume --reason 'INC-4711' --rate 5/s --concurrency 4")]
pub struct ApplyArgs {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where the definitions are
    #[command(flatten)]
    pub paths: PathArgs,
    /// What to read
    #[command(flatten)]
    pub source: SourceArgs,
    /// How to act
    #[command(flatten)]
    pub write: WriteArgs,
    /// Finish a plan that was begun
    #[arg(long, help_heading = "Acting")]
    pub resume: bool,
    /// How to print what came of it
    #[arg(long, env = "SAGACTL_FORMAT", value_enum, default_value_t = ReportFormat::Table, help_heading = "Output")]
    pub format: ReportFormat,
}

/// `retry` and `compensate`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl retry order-1031                                 what would be sent; touches nothing
  sagactl retry order-1031 --write --reason 'INC-4711'
  sagactl compensate order-1007 --step reserve-stock --write --yes --reason 'INC-4711'")]
pub struct OneArgs {
    /// The instance: its correlation value
    #[arg(value_name = "ID")]
    pub id: String,
    /// Where the definitions are
    #[command(flatten)]
    pub paths: PathArgs,
    /// What to read
    #[command(flatten)]
    pub source: SourceArgs,
    /// Only the instance of this saga, where several know the id
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Filter"
    )]
    pub saga: Vec<String>,
    /// Only this step; named so, it is driven although it failed for good
    #[arg(long, value_name = "STEP", help_heading = "Filter")]
    pub step: Option<String>,
    /// How to act
    #[command(flatten)]
    pub write: WriteArgs,
    /// How to print what came of it
    #[arg(long, env = "SAGACTL_FORMAT", value_enum, default_value_t = ReportFormat::Table, help_heading = "Output")]
    pub format: ReportFormat,
}

/// `verify`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl verify plan.json
  sagactl verify plan.json --within 5m --format jsonl")]
pub struct VerifyArgs {
    /// The plan
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// Where the definitions are
    #[command(flatten)]
    pub paths: PathArgs,
    /// What to read
    #[command(flatten)]
    pub source: SourceArgs,
    /// Where the journal is [default: beside the log, with the ending .journal.db]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Look again for so long while something is submitted and not confirmed
    #[arg(long, value_name = "SPAN")]
    pub within: Option<Span>,
    /// How to print it
    #[arg(long, env = "SAGACTL_FORMAT", value_enum, default_value_t = ReportFormat::Table, help_heading = "Output")]
    pub format: ReportFormat,
}

/// `journal`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl journal list
  sagactl journal show 3
  sagactl journal export --journal sagas/shop/shop.journal.db > journal.jsonl
  sagactl journal settle 5d0c7b9e2f4a --done --write --reason 'seen in the ledger of the bank'")]
pub struct JournalArgs {
    /// What to print
    #[command(subcommand)]
    pub what: JournalCommand,
}

/// What to print of the journal.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Every apply: when, who, why, how far it came
    List(JournalSource),
    /// The actions of one apply
    Show {
        /// Its number
        #[arg(value_name = "APPLY")]
        apply: i64,
        /// Which journal
        #[command(flatten)]
        source: JournalSource,
    },
    /// Every action, one JSON object a line
    Export(JournalSource),
    /// Say whether an action was done, where the tool could not tell
    Settle {
        /// The action's idempotency key
        #[arg(value_name = "KEY")]
        key: String,
        /// It was done: it is not sent again
        #[arg(long, conflicts_with = "not_done")]
        done: bool,
        /// It was not done: resuming sends it again
        #[arg(long)]
        not_done: bool,
        /// Whether to write it down
        #[command(flatten)]
        consent: ConsentArgs,
        /// Which journal
        #[command(flatten)]
        source: JournalSource,
    },
}

/// Which journal.
#[derive(Debug, Args)]
pub struct JournalSource {
    /// Where the definitions are, whose logs have the journals beside them
    #[command(flatten)]
    pub paths: PathArgs,
    /// The log, instead of the one that the definitions name
    #[arg(long, env = "SAGACTL_LOG", value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// The journal itself
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
}

/// More would wait for the journal, which is written by one at a time.
const MOST_DRIVERS: usize = 64;

fn drivers(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse::<NonZeroUsize>().ok();
    number
        .filter(|number| number.get() <= MOST_DRIVERS)
        .ok_or_else(|| format!("write a number from 1 to {MOST_DRIVERS}"))
}

fn rate(text: &str) -> Result<Duration, String> {
    let wrong = || "write a number and a unit: 5/s, 30/m or 100/h".to_owned();
    let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    match number.trim().parse::<u32>() {
        Ok(0) | Err(_) => Err(wrong()),
        Ok(number) => Ok(Duration::from_secs(seconds) / number),
    }
}
