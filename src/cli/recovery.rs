//! What can be typed for a recovery.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::{PathArgs, PlainFormat, SourceArgs, outcome};
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
