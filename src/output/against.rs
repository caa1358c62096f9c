//! Where two definitions of a projection part, for people and for machines.

use std::io::{self, Write};

use serde::Serialize;

use crate::inspect::{Parted, Parting, TOOL};
use crate::output::json::{VERSION, document_to};
use crate::output::page::Page;
use crate::output::style::{CAUTION, FAINT, PLAIN, STRONG};
use crate::output::{escape, table, words};

/// Writes one comparison; at most `limit` keys, or all where that is 0.
///
/// # Errors
/// When the page cannot be written.
pub fn write(page: &mut Page<'_>, parting: &Parting, limit: usize) -> io::Result<()> {
    table::log(page, &parting.log)?;
    page.blank()?;
    let name = escape::terminal(&parting.projection.name).into_owned();
    let keys = words::count(parting.keys, "key", "keys");
    let said = match parting.parted.first() {
        None => format!("both give the same for {keys}, after every event"),
        Some(first) => format!(
            "they part for {} of {keys}, first at position {}",
            words::grouped(parting.parted.len() as u64),
            first.position
        ),
    };
    page.labelled(0, STRONG, &format!("{name}  "), PLAIN, &said)?;
    let most = match limit {
        0 => parting.parted.len(),
        limit => limit.min(parting.parted.len()),
    };
    for parted in &parting.parted[..most] {
        page.blank()?;
        key(page, parted)?;
    }
    let rest = parting.parted.len() - most;
    if rest > 0 {
        page.blank()?;
        let text = format!("{rest} more keys part; all with --limit 0 or --format json");
        page.text(0, CAUTION, &text)?;
    }
    Ok(())
}

fn key(page: &mut Page<'_>, parted: &Parted) -> io::Result<()> {
    let again = if parted.agrees_again {
        ", and agree again at the end"
    } else {
        ""
    };
    page.line(format_args!(
        "{STRONG}{}{STRONG:#}  {FAINT}from position {} on, {}{again}{FAINT:#}",
        escape::terminal(&parted.key),
        parted.position,
        words::instant(parted.time)
    ))?;
    for (field, one, other) in &parted.fields {
        let label = if field.is_empty() {
            String::new()
        } else {
            format!("{field}: ")
        };
        let text = format!("{label}{one} here, {other} there");
        page.text(2, PLAIN, &escape::terminal(&text))?;
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct DocumentV1<'a> {
    version: u32,
    tool: &'static str,
    projections: Vec<PartingV1<'a>>,
}

#[derive(Debug, Serialize)]
struct PartingV1<'a> {
    projection: &'a str,
    log: &'a str,
    keys: u64,
    parted: Vec<PartedV1<'a>>,
}

#[derive(Debug, Serialize)]
struct PartedV1<'a> {
    key: &'a str,
    position: i64,
    time: String,
    agrees_again: bool,
    fields: Vec<FieldV1<'a>>,
}

#[derive(Debug, Serialize)]
struct FieldV1<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    field: &'a str,
    here: &'a str,
    there: &'a str,
}

/// Writes all comparisons as one document, with every key.
///
/// # Errors
/// When it cannot be written.
pub fn json(out: &mut dyn Write, partings: &[Parting]) -> io::Result<()> {
    let projections = partings.iter().map(|parting| PartingV1 {
        projection: &parting.projection.name,
        log: &parting.log.name,
        keys: parting.keys,
        parted: parting.parted.iter().map(parted_v1).collect(),
    });
    let document = DocumentV1 {
        version: VERSION,
        tool: TOOL,
        projections: projections.collect(),
    };
    document_to(out, &document)
}

fn parted_v1(one: &Parted) -> PartedV1<'_> {
    let fields = one.fields.iter();
    PartedV1 {
        key: &one.key,
        position: one.position.0,
        time: one.time.to_string(),
        agrees_again: one.agrees_again,
        fields: fields
            .map(|(field, here, there)| FieldV1 { field, here, there })
            .collect(),
    }
}
