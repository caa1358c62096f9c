//! A mapping written out as the YAML that reads it. Written by hand, since definitions are read by
//! another room and only there is YAML known.

use super::recognise::Recognised;
use super::time;
use crate::definition::log::{Encoding, Field, LogDefinition, Relation, Source};

/// The `log:` document.
pub(crate) fn document(recognised: &Recognised) -> String {
    let LogDefinition {
        name,
        database,
        sources,
        ..
    } = &recognised.definition;
    let mut text = String::new();
    for reason in &recognised.evidence {
        text.push_str(&format!("# {reason}\n"));
    }
    text.push_str(&format!("log: {}\n", scalar(name)));
    if let Some(database) = database {
        text.push_str("# a path that is not absolute starts at the folder of this file\n");
        text.push_str(&format!(
            "database: {}\n",
            scalar(&database.to_string_lossy())
        ));
    }
    match sources.as_slice() {
        [] => {}
        [only] => {
            text.push_str("events:\n");
            for line in source(only) {
                text.push_str(&format!("  {line}\n"));
            }
        }
        several => {
            text.push_str("events:\n");
            for each in several {
                for (number, line) in source(each).into_iter().enumerate() {
                    let lead = if number == 0 { "-" } else { " " };
                    text.push_str(&format!("  {lead} {line}\n"));
                }
            }
        }
    }
    text
}

fn source(source: &Source) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(preset) = &source.preset {
        lines.push(format!("preset: {}", scalar(preset)));
    }
    match &source.relation {
        Some(Relation::Table(table)) => lines.push(format!("table: {}", scalar(table))),
        Some(Relation::Query(query)) => lines.push(format!("query: {}", scalar(query))),
        None => {}
    }
    if let Some(position) = &source.position {
        lines.push(format!("position: {}", packed(position)));
    } else if source.relation.is_some() {
        lines.push("position: rowid".to_owned());
    }
    if let Some(at) = &source.time {
        lines.push(format!(
            "time: {{ column: {}, unit: {} }}",
            scalar(&at.field.name),
            time::label(at.unit)
        ));
    }
    if let Some(kind) = &source.kind
        && let Some(field) = &kind.field
    {
        lines.push(match &kind.last_segment {
            Some(separator) => format!(
                "type: {{ column: {}, last-segment: {} }}",
                scalar(&field.name),
                scalar(separator)
            ),
            None => format!("type: {}", packed(field)),
        });
    }
    for (key, field) in [
        ("stream", &source.stream),
        ("version", &source.version),
        ("id", &source.id),
        ("correlation", &source.correlation),
        ("causation", &source.causation),
        ("idempotency", &source.key),
        ("data", &source.data),
        ("metadata", &source.metadata),
    ] {
        if let Some(field) = field {
            lines.push(format!("{key}: {}", packed(field)));
        }
    }
    lines
}

fn packed(field: &Field) -> String {
    match field.encoding {
        Encoding::Plain => scalar(&field.name),
        Encoding::Zlib => format!("{{ column: {}, encoding: zlib }}", scalar(&field.name)),
    }
}

/// Words that YAML 1.1 or 1.2 reads as something else than a text.
const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];

/// A text as a YAML scalar, quoted where it would not be read as that text.
fn scalar(text: &str) -> String {
    let mut characters = text.chars();
    let plain = characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c))
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    if plain {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}
