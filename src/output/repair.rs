//! Repairs of stored rows as an SQL script, for a person to read and to run.

use std::io::{self, Write};

use crate::brief;
use crate::definition::log::Relation;
use crate::definition::projection::{Projection, Stored};
use crate::inspect::Comparison;
use crate::output::{escape, words};
use crate::projection::{Change, Mark, Raw, Repair};

/// Writes a script that makes the rows what their events give. Nothing is run.
///
/// # Errors
/// When it cannot be written.
pub fn write(out: &mut dyn Write, comparison: &Comparison) -> io::Result<()> {
    let projection = &comparison.projection;
    let log = &comparison.log;
    comment(
        out,
        &format!(
            "projection {}, repaired from the log {}",
            projection.name, log.name
        ),
    )?;
    if let (Some((first, last)), Some(as_of)) = (log.positions, log.as_of) {
        comment(
            out,
            &format!("positions {first}..{last}, as of {}", words::instant(as_of)),
        )?;
    }
    let (stored, table) = match table(projection) {
        Ok(found) => found,
        Err(why) => return comment(out, why),
    };
    let held = match &comparison.held {
        Ok(held) => held,
        Err(why) => return comment(out, &format!("nothing was compared: {why}")),
    };
    if let Some(database) = &stored.database {
        comment(out, &format!("to be run in {}", database.display()))?;
    }
    comment(
        out,
        "Stop the consumer first. A row that has moved since is left as it is.",
    )?;
    if let Mark::Absent(reason) = &held.mark {
        comment(out, &format!("its checkpoint tells nothing: {reason}"))?;
    }
    if !stored.ignore.is_empty() {
        let goes = |repair: &Repair| repair.change == Change::Delete;
        let but = match held.repairs.repairs.iter().any(goes) {
            true => " but in rows that go",
            false => "",
        };
        let ignored = stored.ignore.join(", ");
        comment(out, &format!("not touched{but}: {ignored}"))?;
    }
    if let Some(remark) = held.repairs.remark {
        comment(out, remark)?;
    }
    if !held.repairs.repairs.is_empty() {
        writeln!(out, "BEGIN IMMEDIATE;")?;
        for repair in &held.repairs.repairs {
            statement(out, &name(table), &name(&stored.key), repair)?;
        }
        writeln!(out, "COMMIT;")?;
    }
    for (key, why) in &held.repairs.left {
        let [key, why] = [key, why].map(|text| brief::one(text, brief::IN_A_TABLE));
        comment(out, &format!("left alone: {key} ({why})"))?;
    }
    Ok(())
}

/// The table that a projection's rows are in; or why no script can repair them.
///
/// # Errors
/// When they are in none.
pub fn table(projection: &Projection) -> Result<(&Stored, &str), &'static str> {
    let stored = projection.stored.as_ref().ok_or("it is stored nowhere")?;
    match &stored.relation {
        Relation::Table(table) => Ok((stored, table)),
        Relation::Query(_) => Err("its rows come from a query, which cannot be written to"),
    }
}

fn statement(out: &mut dyn Write, table: &str, key: &str, repair: &Repair) -> io::Result<()> {
    // A column may take other texts for the same, and no change may meet a row that it is not about.
    let is = |column: &str, value: &Raw| match value {
        Raw::Text(_) | Raw::Garbled(_) => format!("{column} IS {} COLLATE BINARY", literal(value)),
        value => format!("{column} IS {}", literal(value)),
    };
    let own = match &repair.key {
        Raw::Integer(_) => format!("{} AND typeof({key}) = 'integer'", is(key, &repair.key)),
        Raw::Real(_) => format!("{} AND typeof({key}) = 'real'", is(key, &repair.key)),
        _ => is(key, &repair.key),
    };
    let holds = repair.holds.iter();
    let conditions: Vec<String> = std::iter::once(own)
        .chain(holds.map(|(column, now)| is(&name(column), now)))
        .collect();
    match &repair.change {
        Change::Update(columns) => {
            let set = columns
                .iter()
                .map(|(column, then)| format!("{} = {}", name(column), literal(then)));
            let set: Vec<String> = set.collect();
            writeln!(
                out,
                "UPDATE {table} SET {} WHERE {};",
                set.join(", "),
                conditions.join(" AND ")
            )
        }
        Change::Delete => writeln!(
            out,
            "DELETE FROM {table} WHERE {};",
            conditions.join(" AND ")
        ),
        Change::Insert(columns) => {
            let names = columns.iter().map(|(column, _)| name(column));
            let names: Vec<String> = std::iter::once(key.to_owned()).chain(names).collect();
            let values = columns.iter().map(|(_, value)| literal(value));
            let values: Vec<String> = std::iter::once(literal(&repair.key))
                .chain(values)
                .collect();
            writeln!(
                out,
                "INSERT INTO {table} ({}) SELECT {} WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {});",
                names.join(", "),
                values.join(", "),
                is(key, &repair.key)
            )
        }
    }
}

/// A line of a comment; what cannot stand in one is escaped.
fn comment(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "-- {}", escape::terminal(text))
}

/// A name as an SQL identifier.
fn name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A value as an SQL literal, in which every character is seen as what it is.
fn literal(value: &Raw) -> String {
    match value {
        Raw::Null => "NULL".to_owned(),
        Raw::Integer(number) => number.to_string(),
        Raw::Real(number) if number.is_finite() => format!("{number:?}"),
        Raw::Real(number) if *number > 0.0 => "9e999".to_owned(),
        Raw::Real(_) => "-9e999".to_owned(),
        Raw::Text(text) if text.contains(escape::acts) => joined(&pieces(text)),
        Raw::Text(text) => quoted(text),
        Raw::Garbled(bytes) => format!("CAST({} AS TEXT)", hexadecimal(bytes)),
        Raw::Blob(bytes) => hexadecimal(bytes),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A text in pieces, those that act as numbers of their characters: what bytes they are is for the
/// database to say, which may hold another encoding than this one.
fn pieces(text: &str) -> Vec<String> {
    /// No version of SQLite takes fewer arguments than this.
    const MOST: usize = 100;
    let mut pieces = Vec::new();
    let characters: Vec<char> = text.chars().collect();
    for run in characters.chunk_by(|one, next| escape::acts(*one) == escape::acts(*next)) {
        if !run.first().copied().is_some_and(escape::acts) {
            pieces.push(quoted(&run.iter().collect::<String>()));
            continue;
        }
        for some in run.chunks(MOST) {
            let numbers: Vec<String> = some.iter().map(|one| u32::from(*one).to_string()).collect();
            pieces.push(format!("char({})", numbers.join(", ")));
        }
    }
    pieces
}

/// Pieces put together by halves, since an expression can be nested so many times only.
fn joined(pieces: &[String]) -> String {
    match pieces {
        [] => quoted(""),
        [one] => one.clone(),
        several => {
            let (first, rest) = several.split_at(several.len() / 2);
            format!("({} || {})", joined(first), joined(rest))
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("X'{}'", digits.concat())
}
