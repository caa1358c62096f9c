//! `sagactl explain`

use crate::cli::{ExplainArgs, PlainFormat};
use crate::commands::terminal::{Target, Terminal};
use crate::exit::Exit;
use crate::output::explain;
use crate::rules;

/// How alike a rule's name has to be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Explains one rule or lists them all.
pub(super) fn run(args: &ExplainArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let target = Target::default();
    let Some(name) = &args.rule else {
        match args.format {
            PlainFormat::Table => terminal.page(&target, explain::all),
            PlainFormat::Json => terminal.deliver(&target, |out| {
                explain::json(out, rules::table().chain(rules::static_table()))
            }),
        }?;
        return Ok(Exit::Clean);
    };
    let Some(info) = rules::find(name) else {
        anyhow::bail!("no rule is called `{name}`{}", suggestion(name));
    };
    match args.format {
        PlainFormat::Table => terminal.page(&target, |page| explain::one(page, info)),
        PlainFormat::Json => terminal.deliver(&target, |out| explain::json(out, [info])),
    }?;
    Ok(Exit::Clean)
}

/// The rules that may be meant: alike in full, or in the part after the family.
fn suggestion(name: &str) -> String {
    let mut alike: Vec<(f64, &str)> = rules::table()
        .chain(rules::static_table())
        .map(|info| {
            let short = info.name.rsplit('/').next().unwrap_or(info.name);
            let likeness =
                strsim::jaro_winkler(name, info.name).max(strsim::jaro_winkler(name, short));
            (likeness, info.name)
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    alike.sort_by(|one, other| other.0.total_cmp(&one.0));
    let names: Vec<String> = alike
        .iter()
        .take(3)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    match names.as_slice() {
        [] => "; `sagactl explain` lists them".to_owned(),
        names => format!("; did you mean {}?", names.join(" or ")),
    }
}
