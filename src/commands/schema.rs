//! `sagactl schema`: the JSON Schema of the definitions or of case files, for editors.

use crate::casefile;
use crate::cli::{SchemaArgs, SchemaOf};
use crate::commands::terminal::{Target, Terminal};
use crate::definition;
use crate::exit::Exit;

/// Prints the schema.
pub(super) fn run(args: &SchemaArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let schema = match args.of {
        SchemaOf::Definitions => definition::schema(),
        SchemaOf::Cases => casefile::schema(),
    };
    let text = serde_json::to_string_pretty(schema)?;
    terminal.deliver(&Target::default(), |out| writeln!(out, "{text}"))?;
    Ok(Exit::Clean)
}
