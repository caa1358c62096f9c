//! What can be typed for a look at one instance.

use clap::Args;

use crate::cli::{PathArgs, SourceArgs, ViewFormat};

/// `show`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl show order-1007
  sagactl show order-1007 sagas/shop --as-of 2024-06-02T11:00:00Z
  sagactl show order-1007 --format dot | dot -Tsvg > order-1007.svg")]
pub struct ShowArgs {
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
    /// How to print it
    #[arg(long, value_enum, default_value_t = ViewFormat::Table, help_heading = "Output")]
    pub format: ViewFormat,
}
