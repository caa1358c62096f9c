//! What can be typed for a look at stored rows.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{MemoryArgs, PathArgs, PlainFormat, SourceArgs};

/// `diff`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl diff order-view
  sagactl diff order-view --key order-1007
  sagactl diff order-view sagas/shop --format json
  sagactl diff order-view --sql -o repair.sql
  sagactl diff order-view --key order-1007 --sql
  sagactl diff order-view --against changed.yaml      before a reducer is changed

Rows that are not exact do not set the exit code here; `audit` judges them.")]
pub struct DiffArgs {
    /// The projection
    #[arg(value_name = "PROJECTION")]
    pub projection: String,
    /// Where the definitions are
    #[command(flatten)]
    pub paths: PathArgs,
    /// What to read
    #[command(flatten)]
    pub source: SourceArgs,
    /// How much to keep of it at once; nothing is capped with --against
    #[command(flatten)]
    pub memory: MemoryArgs,
    /// Only this key; may be given several times
    #[arg(long, value_name = "KEY", help_heading = "Filter")]
    pub key: Vec<String>,
    /// Compare with the projection of this name in other definitions, not with the stored rows; exits
    /// with 1 where the two part after any event, and where that cannot be told
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "key",
        help_heading = "Source"
    )]
    pub against: Option<PathBuf>,
    /// Print an SQL script that would repair the rows; nothing is run
    #[arg(long, conflicts_with_all = ["against", "format"], help_heading = "Output")]
    pub sql: bool,
    /// How many keys to show at most; 0 is all
    #[arg(long, value_name = "N", default_value_t = 50, help_heading = "Output")]
    pub limit: usize,
    /// How to print it
    #[arg(long, value_enum, default_value_t = PlainFormat::Table, help_heading = "Output")]
    pub format: PlainFormat,
}
