//! An event store with a table of its own making: `events(position, type, time, …)` under the names
//! that such tables usually have.

use super::{Preset, filled};
use crate::definition::log::{Relation, Source};
use crate::log::error::LogError;
use crate::log::guess;
use crate::log::open::Database;
use crate::log::recognise::Evidence;
use crate::log::schema::{self, Shape};

pub(super) const PRESET: Preset = Preset {
    name: "eventstore",
    complete,
    recognise,
};

const TABLES: [&str; 4] = ["events", "event_store", "event_log", "event_journal"];

fn complete(database: &Database, source: &Source) -> Result<Vec<Source>, LogError> {
    let relation = match &source.relation {
        Some(relation) => relation.clone(),
        None => Relation::Table(table(database)?.unwrap_or_else(|| TABLES[0].to_owned())),
    };
    let shape = Shape::of(database, &relation)?;
    let known = guess::by_names(database, &shape, relation)?;
    Ok(vec![filled(source, known)])
}

fn recognise(database: &Database) -> Result<Option<Evidence>, LogError> {
    let Some(table) = table(database)? else {
        return Ok(None);
    };
    let source = complete(database, &Source::blank())?.remove(0);
    if source.kind.is_none() || source.time.is_none() {
        return Ok(None);
    }
    Ok(Some(Evidence {
        reasons: vec![format!("table `{table}` has the columns of an event store")],
        sources: vec![source],
    }))
}

fn table(database: &Database) -> Result<Option<String>, LogError> {
    let tables = schema::tables(database)?;
    Ok(TABLES
        .iter()
        .find_map(|wanted| {
            tables
                .iter()
                .find(|table| table.eq_ignore_ascii_case(wanted))
        })
        .cloned())
}
