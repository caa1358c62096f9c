//! The table that events are appended to, as its schema tells: which columns an event fills, and
//! whether it could stand there at all.
//!
//! What only an insertion shows, a trigger or a condition that refuses it, is not found here.

use rusqlite::Connection;

use crate::definition::log::{Field, LogDefinition, Relation, Source, TimeUnit};
use crate::recovery::action::outbox::quoted;
use crate::recovery::record::RecordError;

/// The table of a log.
pub(super) struct Table<'d> {
    pub(super) source: &'d Source,
    pub(super) name: &'d str,
    /// Positions are rowids, given by SQLite.
    pub(super) is_numbered: bool,
    columns: Vec<Column>,
    is_strict: bool,
}

struct Column {
    name: String,
    declared: String,
    is_needed: bool,
    is_computed: bool,
    /// Where it stands in the primary key, from 1; 0 outside of it.
    key: i64,
}

/// What a column of an event holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Position,
    Time,
    Kind,
    Stream,
    Version,
    Id,
    Correlation,
    Key,
    Data,
    Metadata,
}

impl Column {
    /// Whether SQLite turns a number into text that is put in here.
    fn makes_text(&self) -> bool {
        let declared = self.declared.to_ascii_uppercase();
        let says = |word: &str| declared.contains(word);
        !says("INT") && (says("CHAR") || says("CLOB") || says("TEXT"))
    }

    /// Whether a table that is STRICT takes a text here, or else a number.
    fn takes(&self, is_text: bool) -> bool {
        let declared = self.declared.to_ascii_uppercase();
        match &*declared {
            "INT" | "INTEGER" | "REAL" => !is_text,
            "BLOB" => false,
            _ => true,
        }
    }
}

impl<'d> Table<'d> {
    /// The table that a definition names.
    pub(super) fn read(
        definition: &'d LogDefinition,
        connection: &Connection,
    ) -> Result<Table<'d>, RecordError> {
        let source = definition.sources.first();
        let Some((source, Relation::Table(name))) =
            source.and_then(|source| Some((source, source.relation.as_ref()?)))
        else {
            return Err(RecordError::Undeclared);
        };
        let mut known = connection.prepare(
            "SELECT wr, strict FROM pragma_table_list
             WHERE schema = 'main' AND type = 'table' AND lower(name) = lower(?1)",
        )?;
        let mut known = known.query([name])?;
        let Some(known) = known.next()? else {
            let message = format!("`{name}` is no table that can be written to");
            return Err(RecordError::Table(message));
        };
        let (has_no_rowid, is_strict): (bool, bool) = (known.get(0)?, known.get(1)?);
        let mut columns = columns(connection, name)?;
        let alias = if has_no_rowid { None } else { alias(&columns) };
        if let Some(alias) = alias {
            columns[alias].is_needed = false;
        }
        let is_numbered = source.position.as_ref().is_none_or(|position| {
            let is_alias = |alias: usize| position.name.eq_ignore_ascii_case(&columns[alias].name);
            alias.is_some_and(is_alias) || position.name.eq_ignore_ascii_case("rowid")
        });
        Ok(Table {
            source,
            name,
            columns,
            is_numbered,
            is_strict,
        })
    }

    /// Whether an event could stand in it.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), RecordError> {
        if self.source.position.is_none() {
            let rowid = format!("SELECT rowid FROM {} LIMIT 0", quoted(self.name));
            connection.prepare(&rowid)?;
        }
        let mapped: Vec<(&Field, Part)> = self.mapped().collect();
        for column in &self.columns {
            let is_it =
                |(field, _): &&(&Field, Part)| field.name.eq_ignore_ascii_case(&column.name);
            let part = mapped.iter().find(is_it).map(|(_, part)| *part);
            if let Some(why) = self.unfit(column, part) {
                return Err(RecordError::Table(why));
            }
        }
        Ok(())
    }

    /// Why a column cannot be filled with this part of an event, or with nothing.
    fn unfit(&self, column: &Column, part: Option<Part>) -> Option<String> {
        let (table, name) = (self.name, &column.name);
        let Some(part) = part else {
            return column.is_needed.then(|| {
                format!("`{table}` needs a value for `{name}`, which the definition does not map")
            });
        };
        if column.is_computed {
            return Some(format!("`{name}` of `{table}` is computed"));
        }
        if matches!(part, Part::Position | Part::Version) && column.makes_text() {
            return Some(format!(
                "`{name}` of `{table}` keeps numbers as text, so the next is not known"
            ));
        }
        let is_text = match part {
            // Copied from another row.
            Part::Stream | Part::Correlation => return None,
            Part::Position | Part::Version => false,
            Part::Time => {
                let unit = self.source.time.as_ref().map(|time| time.unit);
                matches!(unit, Some(TimeUnit::Rfc3339 | TimeUnit::Sqlite))
            }
            Part::Kind | Part::Id | Part::Key | Part::Data | Part::Metadata => true,
        };
        (self.is_strict && !column.takes(is_text)).then(|| {
            let (what, declared) = (if is_text { "text" } else { "number" }, &column.declared);
            format!("`{name}` of `{table}` takes no {what}: it is {declared}, and the table STRICT")
        })
    }

    /// The columns that an event fills; no column twice.
    pub(super) fn mapped(&self) -> impl Iterator<Item = (&'d Field, Part)> {
        let source = self.source;
        let kind = source.kind.as_ref().and_then(|kind| kind.field.as_ref());
        let time = source.time.as_ref().map(|time| &time.field);
        let position = source.position.as_ref().filter(|_| !self.is_numbered);
        let is_position = |field: &&Field| {
            let position = source.position.as_ref();
            position.is_some_and(|position| position.name == field.name)
        };
        [
            (position, Part::Position),
            (time, Part::Time),
            (kind, Part::Kind),
            (source.stream.as_ref(), Part::Stream),
            (source.version.as_ref(), Part::Version),
            (
                source.id.as_ref().filter(|field| !is_position(field)),
                Part::Id,
            ),
            (source.correlation.as_ref(), Part::Correlation),
            (source.key.as_ref(), Part::Key),
            (source.data.as_ref(), Part::Data),
            (source.metadata.as_ref(), Part::Metadata),
        ]
        .into_iter()
        .filter_map(|(field, part)| Some((field?, part)))
    }
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    connection
        .prepare(
            "SELECT name, type, \"notnull\", dflt_value, hidden, pk
             FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1",
        )?
        .query_map([table], |row| {
            let fallback: Option<String> = row.get(3)?;
            let has_default = fallback.is_some_and(|text| !text.eq_ignore_ascii_case("null"));
            let is_computed = row.get::<_, i64>(4)? > 1;
            Ok(Column {
                name: row.get(0)?,
                declared: row.get(1)?,
                is_needed: row.get::<_, bool>(2)? && !has_default && !is_computed,
                is_computed,
                key: row.get(5)?,
            })
        })?
        .collect()
}

/// The column that is the rowid under another name.
fn alias(columns: &[Column]) -> Option<usize> {
    let mut keys = (0..columns.len()).filter(|column| columns[*column].key > 0);
    match (keys.next(), keys.next()) {
        (Some(only), None) if columns[only].declared.eq_ignore_ascii_case("integer") => Some(only),
        _ => None,
    }
}
