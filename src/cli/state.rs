//! What can be typed for a look at one key.

use clap::Args;

use crate::cli::{PathArgs, PlainFormat, SourceArgs};
use crate::event::Position;
use crate::inspect::At;

/// `state`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sagactl state order-view order-1007
  sagactl state order-view order-1007 --history
  sagactl state order-view order-1007 --at 4711
  sagactl state order-view order-1007 --at 2026-03-01T12:00:00Z --format json")]
pub struct StateArgs {
    /// The projection
    #[arg(value_name = "PROJECTION")]
    pub projection: String,
    /// The key
    #[arg(value_name = "KEY")]
    pub key: String,
    /// Where the definitions are
    #[command(flatten)]
    pub paths: PathArgs,
    /// What to read
    #[command(flatten)]
    pub source: SourceArgs,
    /// Apply the events up to this position, or those that happened up to this RFC 3339 instant
    #[arg(long, value_name = "POSITION|INSTANT", value_parser = at, help_heading = "Filter")]
    pub at: Option<At>,
    /// Show the state after each event
    #[arg(long, help_heading = "Output")]
    pub history: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = PlainFormat::Table, help_heading = "Output")]
    pub format: PlainFormat,
}

fn at(text: &str) -> Result<At, String> {
    if let Ok(position) = text.parse() {
        return Ok(At::Position(Position(position)));
    }
    text.parse()
        .map(At::Instant)
        .map_err(|_| "neither a position nor an instant such as 2026-03-01T12:00:00Z".to_owned())
}
