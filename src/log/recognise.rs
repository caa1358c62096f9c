//! What a file looks like: which known writer's, or which of its tables could be an event log.

use std::path::Path;
use std::sync::Arc;

use super::error::LogError;
use super::open::Database;
use super::presets::PRESETS;
use super::schema::{self, Shape};
use super::{guess, yaml};
use crate::definition::log::{LogDefinition, Merge, Order, Relation, Source, is_json_lines};
use crate::event::Span;

/// Why a file was taken for a writer's, and how to read it.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// What was seen: lower-case fragments.
    pub(crate) reasons: Vec<String>,
    /// The mapping.
    pub(crate) sources: Vec<Source>,
}

/// What a file was recognised as.
#[derive(Debug, Clone)]
pub struct Recognised {
    /// The known writer; `None` where the mapping is a guess from names and values, or the file is
    /// JSON Lines.
    pub preset: Option<&'static str>,
    /// What was seen: lower-case fragments.
    pub evidence: Vec<String>,
    /// How to read it.
    pub definition: LogDefinition,
}

impl Recognised {
    /// The mapping as a `log:` document to start from.
    pub fn yaml(&self) -> String {
        yaml::document(self)
    }
}

/// Looks at a file and says how it can be read.
///
/// # Errors
/// When it cannot be opened, or no table in it looks like an event log.
pub fn recognise(path: &Path) -> Result<Recognised, LogError> {
    let (preset, evidence) = if is_json_lines(path) {
        let reasons = vec!["the name says JSON Lines, which needs no mapping".to_owned()];
        (
            None,
            Evidence {
                reasons,
                sources: Vec::new(),
            },
        )
    } else {
        in_database(&Database::open(path)?)?
    };
    let name = path
        .file_stem()
        .map_or_else(|| "log".into(), |stem| stem.to_string_lossy());
    let definition = LogDefinition {
        name: Arc::from(name.as_ref()),
        apart: None,
        place: None,
        database: Some(path.to_owned()),
        sources: evidence.sources,
        merge: Merge::Time,
        cut: false,
        order: Order::Position,
        future_tolerance: Span::from_secs(3600),
        tombstones: Vec::new(),
        claims: Vec::new(),
        names_no_key: false,
    };
    Ok(Recognised {
        preset,
        evidence: evidence.reasons,
        definition,
    })
}

/// What an open file is recognised as.
pub(crate) fn in_database(
    database: &Database,
) -> Result<(Option<&'static str>, Evidence), LogError> {
    for preset in PRESETS {
        if let Some(evidence) = (preset.recognise)(database)? {
            return Ok((Some(preset.name), evidence));
        }
    }
    let mut best: Option<(usize, String, Source)> = None;
    let tables = schema::tables(database)?;
    for table in &tables {
        let relation = Relation::Table(table.clone());
        let shape = Shape::of(database, &relation)?;
        let source = guess::by_names(database, &shape, relation)?;
        if let Some(likeness) = guess::likeness(&source)
            && best.as_ref().is_none_or(|(most, ..)| likeness > *most)
        {
            best = Some((likeness, table.clone(), source));
        }
    }
    match best {
        Some((_, table, source)) => {
            let reasons = vec![format!(
                "no known writer's; table `{table}` has columns that sound like an event's, the \
                 rest is a guess to be checked"
            )];
            Ok((
                None,
                Evidence {
                    reasons,
                    sources: vec![source],
                },
            ))
        }
        None => {
            let list: Vec<String> = tables.iter().map(|name| format!("`{name}`")).collect();
            Err(LogError::new(format!(
                "{}: no table looks like an event log, with a type and a time in each row; it has \
                 {}; say under `events:` which columns to read",
                database.path().display(),
                if list.is_empty() {
                    "no tables".to_owned()
                } else {
                    list.join(", ")
                }
            )))
        }
    }
}
