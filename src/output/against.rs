//! Where two definitions of a projection part, for people and for machines.

use std::io::{self, Write};

use serde::Serialize;

use crate::brief;
use crate::inspect::{Parted, Parting, TOOL, Untold};
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
    page.labelled(0, STRONG, &format!("{name}  "), PLAIN, &summary(parting))?;
    let shown = |all: usize| match limit {
        0 => all,
        limit => limit.min(all),
    };
    let mut is_cut = false;
    let most = shown(parting.parted.len());
    for parted in &parting.parted[..most] {
        page.blank()?;
        is_cut |= key(page, parted)?;
    }
    more(page, parting.parted.len() - most, "part")?;
    let most = shown(parting.untold.len());
    for untold in &parting.untold[..most] {
        page.blank()?;
        let label = format!("{}  ", words::key(&untold.key));
        let since = (untold.position, words::instant(untold.time));
        let said = format!("unknown from position {} on, {}", since.0, since.1);
        page.labelled(0, STRONG, &label, CAUTION, &said)?;
        let reason = brief::one(&untold.reason, brief::IN_A_TABLE);
        page.text(2, PLAIN, &escape::terminal(&reason))?;
        is_cut |= words::is_cut(&untold.key) || words::is_cut(&untold.reason);
    }
    more(page, parting.untold.len() - most, "are unknown")?;
    for unread in &parting.unread {
        page.blank()?;
        page.text(0, CAUTION, &escape::terminal(unread))?;
    }
    if is_cut {
        page.blank()?;
        page.text(0, FAINT, words::CUT)?;
    }
    Ok(())
}

fn summary(parting: &Parting) -> String {
    let keys = brief::count(parting.keys, "key", "keys");
    let number = |count: usize| brief::grouped(count as u64);
    let parted = parting.parted.first().map(|first| {
        let parted = number(parting.parted.len());
        let position = first.position;
        format!("they part for {parted} of {keys}, first at position {position}")
    });
    let untold = parting.untold.first().map(|first| {
        let untold = number(parting.untold.len());
        let position = first.position;
        format!("it cannot be told for {untold} of {keys}, first at position {position}")
    });
    match (parted, untold) {
        (Some(parted), Some(untold)) => format!("{parted}; {untold}"),
        (Some(said), None) | (None, Some(said)) => said,
        (None, None) if parting.unread.is_empty() => {
            format!("both give the same for {keys}, after every event")
        }
        (None, None) => format!("both give the same for {keys}, as far as can be told"),
    }
}

fn more(page: &mut Page<'_>, rest: usize, what: &str) -> io::Result<()> {
    if rest == 0 {
        return Ok(());
    }
    page.blank()?;
    let text = format!("{rest} more keys {what}; all with --limit 0 or --format json");
    page.text(0, CAUTION, &text)
}

/// A key of which the two part; answers whether something was cut.
fn key(page: &mut Page<'_>, parted: &Parted) -> io::Result<bool> {
    let again = if parted.agrees_again {
        ", and agree again at the end"
    } else {
        ""
    };
    let label = format!("{}  ", words::key(&parted.key));
    let said = format!(
        "from position {} on, {}{again}",
        parted.position,
        words::instant(parted.time)
    );
    page.labelled(0, STRONG, &label, FAINT, &said)?;
    let mut is_cut = words::is_cut(&parted.key);
    for (field, one, other) in &parted.fields {
        let label = if field.is_empty() {
            String::new()
        } else {
            format!("{field}: ")
        };
        is_cut |= words::is_cut(one) || words::is_cut(other);
        let [one, other] = brief::pair(one, other, brief::IN_A_TABLE);
        let text = format!("{label}{one} here, {other} there");
        page.text(2, PLAIN, &escape::terminal(&text))?;
    }
    Ok(is_cut)
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
    #[serde(skip_serializing_if = "Option::is_none")]
    first_position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_position: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
    keys: u64,
    parted: Vec<PartedV1<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<UntoldV1<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unread: &'a [String],
}

/// A key of which it cannot be told from this event on whether the two part.
#[derive(Debug, Serialize)]
struct UntoldV1<'a> {
    key: &'a str,
    position: i64,
    time: String,
    reason: &'a str,
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
        first_position: parting.log.positions.map(|(first, _)| first.0),
        last_position: parting.log.positions.map(|(_, last)| last.0),
        as_of: parting.log.as_of.map(|as_of| as_of.to_string()),
        keys: parting.keys,
        parted: parting.parted.iter().map(parted_v1).collect(),
        unknown: parting.untold.iter().map(untold_v1).collect(),
        unread: &parting.unread,
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

fn untold_v1(one: &Untold) -> UntoldV1<'_> {
    UntoldV1 {
        key: &one.key,
        position: one.position.0,
        time: one.time.to_string(),
        reason: &one.reason,
    }
}
