//! What can be typed. The doc comments here are the help texts.

pub mod diff;
pub mod generate;
pub mod memory;
pub mod recovery;
mod show;
pub mod state;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::definition::settings::{AsOf, FailOn};
use crate::event::{Span, Timestamp};
use crate::finding::Severity;
use crate::saga::Outcome;

pub use memory::{MemoryArgs, Size};
pub use show::ShowArgs;

/// Finds stuck sagas and effects that nobody compensated, in recorded event logs
///
/// sagactl replays an event log from SQLite through saga definitions in YAML and reports what is
/// stuck, what was never undone, and what the log claims and does not show. It plans recoveries
/// and, told to, drives them. Without --write it only reads: the log's folder stays as it was.
#[derive(Debug, Parser)]
#[command(
    name = "sagactl",
    version,
    after_help = crate::exit::help(),
    after_long_help = format!("{TOP_EXAMPLES}\n\n{}", crate::exit::help()),
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What everything is called with
    #[command(flatten)]
    pub global: Global,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const TOP_EXAMPLES: &str = "\
Examples:
  sagactl audit                             judge the log that ./sagas names
  sagactl audit sagas/shop --log copy.db    judge a copy of it
  sagactl list --outcome compensating       what is being undone, stalest first
  sagactl show order-1007                   where one instance is, and why
  sagactl explain compensation/uncompensated";

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// When to colour; `auto` colours a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more on stderr: which files were read, and how long it took
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Also into a pipe.
    Always,
    /// Not at all.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge the log by every definition
    Audit(AuditArgs),
    /// List saga instances, the stalest first
    List(ListArgs),
    /// Show one instance: where it is and why
    Show(ShowArgs),
    /// Show the stored rows of a projection that its events do not give
    Diff(diff::DiffArgs),
    /// Show what the events of one key make of it
    State(state::StateArgs),
    /// Decide what to do about instances that call for a recovery; writes nothing
    Plan(recovery::PlanArgs),
    /// Do what a plan says; without --write, print what would be done
    Apply(recovery::ApplyArgs),
    /// Plan and apply for one instance, forward: retry what holds it up
    Retry(recovery::OneArgs),
    /// Plan and apply for one instance, backward: undo what is in force
    Compensate(recovery::OneArgs),
    /// Tell whether an applied plan took: what the log says now
    Verify(recovery::VerifyArgs),
    /// Show what was applied: when, by whom, why, and what came of it
    Journal(recovery::JournalArgs),
    /// Check the definitions alone, without a log
    Check(CheckArgs),
    /// Run case files: unit tests for definitions
    Test(TestArgs),
    /// Explain a rule: what it finds, why it matters, what to do
    Explain(ExplainArgs),
    /// Look at a log file: what it holds and how it would be mapped
    Log(LogArgs),
    /// Write a log with known faults to try things on
    #[command(hide = true)]
    Generate(generate::GenerateArgs),
    /// Print the JSON Schema of definitions or case files, for editors
    Schema(SchemaArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Which definitions, which log and as of when: what every command that reads a log takes.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// Read this log instead of the one that the definitions name
    #[arg(
        long,
        env = "SAGACTL_LOG",
        value_name = "FILE",
        help_heading = "Source"
    )]
    pub log: Option<PathBuf>,
    /// Judge ages against this: `end` (the log's last event), `now`, or an RFC 3339 instant
    ///
    /// With an instant before the log's end, the log is judged as it stood then. The default is
    /// what the definitions' settings say, else `end`.
    #[arg(long, env = "SAGACTL_AS_OF", value_name = "WHEN", value_parser = as_of, help_heading = "Source")]
    pub as_of: Option<AsOf>,
    /// How many threads read [default: what the machine has, at most 2]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Source")]
    pub threads: Option<usize>,
    /// Draw no progress bar
    #[arg(long, help_heading = "Output")]
    pub no_progress: bool,
    /// Write the result to a file; it appears there complete or not at all
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
}

/// Where definitions are.
#[derive(Debug, Clone, Args)]
pub struct PathArgs {
    /// Definition files or folders [default: ./sagas]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

impl PathArgs {
    /// The paths to read.
    pub fn or_default(&self) -> Vec<PathBuf> {
        if self.paths.is_empty() {
            vec![PathBuf::from("sagas")]
        } else {
            self.paths.clone()
        }
    }
}

/// `audit`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl audit
  sagactl audit sagas/shop --rule 'compensation/*' --since 2h-ago
  sagactl audit --as-of now --fail-on warning --format jsonl
  sagactl audit --write-baseline known.json      accept what there is now
  sagactl audit --baseline known.json            fail on what is new")]
pub struct AuditArgs {
    /// Where the definitions are
    #[command(flatten)]
    pub paths: PathArgs,
    /// What to read
    #[command(flatten)]
    pub source: SourceArgs,
    /// How much to keep of it at once
    #[command(flatten)]
    pub memory: MemoryArgs,
    /// How to print the report
    #[arg(long, env = "SAGACTL_FORMAT", value_enum, default_value_t = ReportFormat::Table, help_heading = "Output")]
    pub format: ReportFormat,
    /// Only these rules, several with commas; `*` stands for anything
    #[arg(
        long,
        value_name = "GLOB",
        value_delimiter = ',',
        help_heading = "Filter"
    )]
    pub rule: Vec<String>,
    /// Only these sagas, several with commas
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Filter"
    )]
    pub saga: Vec<String>,
    /// Only this instance; may be given several times
    #[arg(long, value_name = "ID", help_heading = "Filter")]
    pub instance: Vec<String>,
    /// Only this key: of a projection, a group, a reaction's match value, an idempotency key or a
    /// transaction; may be given several times
    ///
    /// All keys are judged, and each rule tells how many; findings about others are left out.
    #[arg(
        long,
        value_name = "KEY",
        conflicts_with_all = ["saga", "instance"],
        help_heading = "Filter"
    )]
    pub key: Vec<String>,
    /// Only what has been so since an instant or later, or since `2h-ago`, counted from the horizon
    #[arg(long, value_name = "INSTANT|SPAN-ago", help_heading = "Filter")]
    pub since: Option<Since>,
    /// How many findings the table shows; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 50, help_heading = "Output")]
    pub limit: usize,
    /// Exit with 1 from this severity on [default: the settings' choice, else error]
    #[arg(long, value_name = "SEVERITY", value_parser = ["error", "warning", "note", "never"])]
    pub fail_on: Option<String>,
    /// Accept the findings that this file lists; tell which of its entries no longer stand
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write every finding to this file, for --baseline
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rule", "saga", "instance", "key", "since"])]
    pub write_baseline: Option<PathBuf>,
}

impl AuditArgs {
    /// The threshold that was typed.
    pub fn fail_on(&self) -> Option<FailOn> {
        let word = self.fail_on.as_deref()?;
        Some(Severity::from_label(word).map_or(FailOn::Never, FailOn::Severity))
    }
}

/// `list`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl list
  sagactl list --outcome running,compensating --older-than 1h
  sagactl list --where 'data.total > 10000 and in_force' --format jsonl")]
pub struct ListArgs {
    /// Where the definitions are
    #[command(flatten)]
    pub paths: PathArgs,
    /// What to read
    #[command(flatten)]
    pub source: SourceArgs,
    /// How to print the instances
    #[arg(long, env = "SAGACTL_FORMAT", value_enum, default_value_t = ReportFormat::Table, help_heading = "Output")]
    pub format: ReportFormat,
    /// Only instances with these outcomes, several with commas
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = outcome, help_heading = "Filter")]
    pub outcome: Vec<Outcome>,
    /// Only instances of these sagas, several with commas
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Filter"
    )]
    pub saga: Vec<String>,
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
    /// Only instances for which this expression holds
    ///
    /// A minijinja expression over id, saga, outcome, at, steps, age (in seconds), attempts,
    /// in_force, rules and data (of the event that started the instance). Where a field is
    /// missing the instance is left out, and counted.
    #[arg(long = "where", value_name = "EXPR", help_heading = "Filter")]
    pub condition: Option<String>,
    /// How many instances the table shows; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 50, help_heading = "Output")]
    pub limit: usize,
}

/// `check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl check
  sagactl check sagas/shop/order.yaml --format json")]
pub struct CheckArgs {
    /// Where the definitions are
    #[command(flatten)]
    pub paths: PathArgs,
    /// Also tell which event types stand nowhere in this log
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// How to print what is wrong
    #[arg(long, value_enum, default_value_t = PlainFormat::Table)]
    pub format: PlainFormat,
    /// Exit with 1 from this severity on
    #[arg(long, value_name = "SEVERITY", value_parser = ["error", "warning", "note", "never"], default_value = "error")]
    pub fail_on: String,
}

/// `test`
#[derive(Debug, Args)]
#[command(after_help = "\
A case file tells a story in events and the exact findings that must come of it:

  about: The card was declined after stock was reserved.
  as-of: 2026-03-01T12:00:00Z
  definitions: ../../sagas/shop
  events:
    - [-60m, order-1007, OrderPlaced,   {total: 4200}]
    - [-59m, order-1007, StockReserved, {sku: A-17, qty: 2}]
    - [-58m, order-1007, CardDeclined,  {error: insufficient funds}]
  expect:
    - {rule: compensation/uncompensated, instance: order-1007, step: reserve-stock, evidence: [2, 3]}

Examples:
  sagactl test
  sagactl test tests/cases/stuck --format json")]
pub struct TestArgs {
    /// Case files or folders [default: ./tests/cases]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// How to print the results
    #[arg(long, value_enum, default_value_t = PlainFormat::Table)]
    pub format: PlainFormat,
    /// Write the result to a file; it appears there complete or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl explain
  sagactl explain saga/stuck-step")]
pub struct ExplainArgs {
    /// The rule; without one, the table of all rules
    #[arg(value_name = "RULE")]
    pub rule: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = PlainFormat::Table)]
    pub format: PlainFormat,
}

/// `log`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl log shop.db
  sagactl log shop.db > sagas/log.yaml       everything but the mapping is a comment")]
pub struct LogArgs {
    /// The SQLite or JSON Lines file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How many mapped events to show
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub events: usize,
}

/// `schema`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl schema > sagas.schema.json
  sagactl schema cases > cases.schema.json")]
pub struct SchemaArgs {
    /// Of what
    #[arg(value_enum, default_value_t = SchemaOf::Definitions, value_name = "OF")]
    pub of: SchemaOf,
}

/// `completions`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl completions bash > /etc/bash_completion.d/sagactl
  sagactl completions zsh > ~/.zfunc/_sagactl")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// How findings and instances are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    Table,
    /// One document, versioned.
    Json,
    /// One finding or instance a line, for pipes.
    Jsonl,
}

/// How one instance is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ViewFormat {
    /// For people.
    Table,
    /// One document, versioned.
    Json,
    /// The graph of its steps with the path taken, for Mermaid.
    Mermaid,
    /// The same graph for Graphviz.
    Dot,
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlainFormat {
    /// For people.
    Table,
    /// One document, versioned.
    Json,
}

/// What a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Definitions: `log:`, `saga:`, `settings:`.
    Definitions,
    /// Case files.
    Cases,
}

/// The earliest `since` of the findings to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// This instant.
    At(Timestamp),
    /// This long before the horizon.
    Ago(Span),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Since, String> {
        let ago = text
            .strip_suffix("ago")
            .map(|rest| rest.trim_end_matches([' ', '-']));
        match ago {
            Some(span) => span.parse().map(Since::Ago).map_err(|error| error.to_string()),
            None => text.parse().map(Since::At).map_err(|_| {
                "write an RFC 3339 instant such as 2024-06-02T11:00:00Z, or a span and `-ago`: 2h-ago"
                    .to_owned()
            }),
        }
    }
}

fn as_of(text: &str) -> Result<AsOf, String> {
    match text {
        "end" => Ok(AsOf::End),
        "now" => Ok(AsOf::Now),
        instant => instant.parse().map(AsOf::Instant).map_err(|_| {
            "write `end`, `now`, or an RFC 3339 instant such as 2024-06-02T11:00:00Z".to_owned()
        }),
    }
}

pub(crate) fn outcome(text: &str) -> Result<Outcome, String> {
    Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.label() == text)
        .ok_or_else(|| {
            let words: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.label()).collect();
            format!("write one of {}", words.join(", "))
        })
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(0) | Err(_) => Err("write a number from 1 on".to_owned()),
        Ok(count) => Ok(count),
    }
}
