//! A source's mapping against the columns that are really there.
//!
//! Every name is checked before SQLite sees it: to SQLite a misspelt name in double quotes could be
//! a text.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::SourceFacts;
use super::error::LogError;
use super::facts;
use super::open::Database;
use super::schema::{self, Index, Kind, Shape, quote};
use crate::definition::log::{Encoding, Field, Source, TimeUnit};

/// Where a field's value is in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The column as SQL.
    pub(crate) column: String,
    pub(crate) encoding: Encoding,
    /// The way into the column's JSON; empty for the column itself.
    pub(crate) path: Vec<String>,
    /// As the definition writes it.
    pub(crate) name: String,
}

impl Slot {
    /// The value is the column's own, without unpacking.
    pub(crate) fn is_plain(&self) -> bool {
        self.path.is_empty() && self.encoding == Encoding::Plain
    }
}

/// How the rows of a source are ordered and numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// By a column.
    Column {
        /// The column as SQL.
        column: String,
        /// What stands after ORDER BY; `desc` is the same backwards.
        ascending: String,
        descending: String,
        /// Rows can be looked up by it without reading the others.
        indexed: bool,
        /// It is the rowid, so it is a number everywhere and ranges of it are ranges of rows.
        rowid: bool,
    },
    /// By counting, in this order, or as the query gives them.
    Running { order: Option<String> },
}

/// How a recorded type becomes the name that definitions use.
#[derive(Debug, Clone)]
pub(crate) struct Naming {
    pub(crate) last_segment: Option<String>,
    pub(crate) renames: BTreeMap<String, Arc<str>>,
}

impl Naming {
    pub(crate) fn apply<'a>(&'a self, recorded: &'a str) -> &'a str {
        if let Some(name) = self.renames.get(recorded) {
            return name;
        }
        let segment = match &self.last_segment {
            Some(separator) => recorded
                .rsplit(separator.as_str())
                .next()
                .unwrap_or(recorded),
            None => recorded,
        };
        self.renames.get(segment).map_or(segment, |name| name)
    }
}

/// One source, ready to be read.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Which of the log's files.
    pub(crate) database: usize,
    /// The table's name, or `query`.
    pub(crate) name: String,
    /// What stands after FROM.
    pub(crate) from: String,
    /// It runs SQL that somebody wrote, so under a deadline.
    pub(crate) watched: bool,
    pub(crate) numbering: Numbering,
    pub(crate) time: Slot,
    pub(crate) unit: TimeUnit,
    pub(crate) kind: Slot,
    pub(crate) naming: Naming,
    pub(crate) stream: Option<Slot>,
    pub(crate) version: Option<Slot>,
    pub(crate) id: Option<Slot>,
    pub(crate) correlation: Option<Slot>,
    pub(crate) causation: Option<Slot>,
    pub(crate) key: Option<Slot>,
    pub(crate) data: Option<Slot>,
    pub(crate) metadata: Option<Slot>,
    /// A column that says what is wrong with the row, where the loader found something.
    pub(crate) fault: Option<Slot>,
    pub(crate) facts: SourceFacts,
    pub(crate) rows: u64,
    pub(crate) remark: Option<String>,
}

/// Resolves a source whose preset, if it had one, has filled in what it knows.
pub(crate) fn resolve(
    database: &Database,
    index: usize,
    source: &Source,
) -> Result<Plan, LogError> {
    let relation = source.relation.as_ref().ok_or_else(|| {
        LogError::new(format!(
            "{}: a source names neither a `table:` nor a `query:`",
            database.path().display()
        ))
    })?;
    let declared = source.place.as_ref();
    let shape = Shape::of(database, relation).map_err(|error| match declared {
        Some(place) => error.wanted_for(format_args!("the events, {place}")),
        None => error,
    })?;
    let indexes = schema::indexes(database, &shape)?;
    let resolver = Resolver {
        database,
        shape: &shape,
        source,
    };
    let missing = |key: &str| {
        LogError::new(format!(
            "{}: no `{key}:` is mapped for `{}`; name its column",
            database.path().display(),
            shape.name
        ))
    };
    let time = source.time.as_ref().ok_or_else(|| missing("time"))?;
    let kind = source.kind.as_ref().ok_or_else(|| missing("type"))?;
    let kind_field = kind.field.as_ref().ok_or_else(|| missing("type"))?;
    let mut errors = Vec::new();
    let numbering = kept(resolver.numbering(&indexes), &mut errors);
    let mut slot = |key: &str, field: &Field| kept(resolver.slot(key, field), &mut errors);
    let slots = (slot("time", &time.field), slot("type", kind_field));
    let mut optional = |key: &str, field: &Option<Field>| slot(key, field.as_ref()?);
    let stream = optional("stream", &source.stream);
    let version = optional("version", &source.version);
    let id = optional("id", &source.id);
    let correlation = optional("correlation", &source.correlation);
    let causation = optional("causation", &source.causation);
    let key = optional("idempotency", &source.key);
    let data = optional("data", &source.data);
    let metadata = optional("metadata", &source.metadata);
    let (Some((numbering, remark)), (Some(at), Some(of_type)), true) =
        (numbering, slots, errors.is_empty())
    else {
        return Err(LogError::all(errors));
    };
    let facts = facts::of(
        database,
        &shape,
        &indexes,
        &numbering,
        id.as_ref(),
        correlation.as_ref(),
    )?;
    Ok(Plan {
        database: index,
        watched: matches!(shape.kind, Kind::Query | Kind::View),
        numbering,
        time: at,
        unit: time.unit,
        kind: of_type,
        naming: Naming {
            last_segment: kind.last_segment.clone(),
            renames: kind.renames.clone(),
        },
        stream,
        version,
        id,
        correlation,
        causation,
        key,
        data,
        metadata,
        fault: None,
        rows: facts::rows(database, &shape)?,
        facts,
        remark,
        name: shape.name,
        from: shape.from,
    })
}

/// What there is; the error is put to the others.
fn kept<T>(found: Result<T, LogError>, errors: &mut Vec<LogError>) -> Option<T> {
    found.map_err(|error| errors.push(error)).ok()
}

struct Resolver<'a> {
    database: &'a Database,
    shape: &'a Shape,
    source: &'a Source,
}

impl Resolver<'_> {
    fn slot(&self, key: &str, field: &Field) -> Result<Slot, LogError> {
        let slot = |column: String, path: Vec<String>, encoding| {
            Ok(Slot {
                column,
                encoding,
                path,
                name: field.name.clone(),
            })
        };
        if let Some(column) = self.column(&field.name) {
            let encoding = self.encoding(field, &column);
            return slot(column, Vec::new(), encoding);
        }
        let segments: Vec<&str> = field.name.split('.').collect();
        let [first, rest @ ..] = segments.as_slice() else {
            return Err(self.missing(key, field));
        };
        let base = match *first {
            "data" => self.source.data.as_ref(),
            "metadata" => self.source.metadata.as_ref(),
            _ => None,
        };
        let owned = |segments: &[&str]| segments.iter().map(|&text| text.to_owned()).collect();
        if let Some(base) = base.filter(|base| !rest.is_empty() && base.name != field.name) {
            let base = self.slot(first, base)?;
            let path: Vec<String> = owned(rest);
            return slot(base.column, [base.path, path].concat(), base.encoding);
        }
        for len in (1..segments.len()).rev() {
            if let Some(column) = self.column(&segments[..len].join(".")) {
                let encoding = self.encoding(field, &column);
                return slot(column, owned(&segments[len..]), encoding);
            }
        }
        Err(self.missing(key, field))
    }

    /// The column as SQL, where there is one of this name.
    fn column(&self, name: &str) -> Option<String> {
        match self.shape.column(name) {
            Some(column) => Some(quote(&column.name)),
            None if is_rowid(name) => self.shape.rowid().map(str::to_owned),
            None => None,
        }
    }

    /// A path into the column that `data` unpacks needs the same unpacking.
    fn encoding(&self, field: &Field, column: &str) -> Encoding {
        let same = |other: &Option<Field>| match other {
            Some(other) if other.encoding == Encoding::Zlib => self
                .column(&other.name)
                .is_some_and(|other| other == column),
            _ => false,
        };
        if same(&self.source.data) || same(&self.source.metadata) {
            Encoding::Zlib
        } else {
            field.encoding
        }
    }

    fn missing(&self, key: &str, field: &Field) -> LogError {
        let place = field.place.as_ref();
        let place = place.map_or_else(String::new, |place| format!(", {place}"));
        let wanted = match field.name.split_once('.') {
            Some((first @ ("data" | "metadata"), _)) if self.shape.column(first).is_none() => {
                return LogError::new(format!(
                    "{}: `{}` is a path into `{first}`, and no `{first}:` is mapped for `{}` \
                     ({key}{place}); name the JSON column there",
                    self.database.path().display(),
                    field.name,
                    self.shape.name
                ));
            }
            Some((first, _)) => first,
            None => &field.name,
        };
        let file = self.database.path().display();
        LogError::new(format!("{file}: {}", self.shape.no_column(wanted)))
            .wanted_for(format_args!("`{key}`{place}"))
    }

    fn numbering(&self, indexes: &[Index]) -> Result<(Numbering, Option<String>), LogError> {
        let shape = self.shape;
        let file = self.database.path().display();
        let Some(field) = &self.source.position else {
            return match shape.kind {
                Kind::Table => match shape.rowid() {
                    Some(rowid) => Ok((self.by_column(rowid, false, true, true), None)),
                    None => Err(LogError::new(format!(
                        "{file}: columns of `{}` hide its rowid; say which column orders its rows \
                         with `position:`",
                        shape.name
                    ))),
                },
                Kind::WithoutRowid => Ok((
                    Numbering::Running {
                        order: Some(primary_key(shape)),
                    },
                    Some(format!(
                        "{file}: `{}` has neither a rowid nor a mapped position: its rows are \
                         numbered in the order of its primary key",
                        shape.name
                    )),
                )),
                Kind::Query => match shape.column("position") {
                    Some(column) => Ok((
                        self.by_column(&quote(&column.name), false, false, false),
                        None,
                    )),
                    None => Ok((
                        Numbering::Running { order: None },
                        Some(format!(
                            "{file}: the query gives no `position`: its rows are numbered as they \
                             come, so it should end in ORDER BY"
                        )),
                    )),
                },
                Kind::View => Err(LogError::new(format!(
                    "{file}: `{}` is a view and has no rowid; say which column orders its rows \
                     with `position:`",
                    shape.name
                ))),
            };
        };
        if shape.kind == Kind::WithoutRowid
            && is_rowid(&field.name)
            && shape.column(&field.name).is_none()
        {
            return Err(LogError::new(format!(
                "{file}: `{}` is a WITHOUT ROWID table, so it has no `{}`; name the column that \
                 orders its rows, or leave `position:` out to number them by primary key",
                shape.name, field.name
            )));
        }
        let slot = self.slot("position", field)?;
        if !slot.is_plain() {
            return Err(LogError::new(format!(
                "{file}: `position: {}` is a path into JSON; a position must be a column, or use a \
                 `query:` that makes it one",
                field.name
            )));
        }
        let declared = shape.column(&field.name);
        let text = declared.is_some_and(|column| has_text_affinity(&column.declared));
        let unique = declared.is_none() || declared == shape.rowid_alias();
        let name = declared.map(|column| column.name.as_str());
        let indexed = unique
            || indexes.iter().any(|index| {
                !index.partial && index.columns.first().map(Option::as_deref) == Some(name)
            });
        Ok((
            self.by_column(&slot.column, text && !unique, indexed, unique),
            None,
        ))
    }

    fn by_column(&self, column: &str, text: bool, indexed: bool, rowid: bool) -> Numbering {
        // Rows that share a position stay in the order in which they were written.
        let tie = self.shape.rowid().filter(|rowid| {
            *rowid != column
                && self
                    .shape
                    .rowid_alias()
                    .is_none_or(|alias| quote(&alias.name) != column)
        });
        let sorted = if text {
            format!("CAST({column} AS INTEGER)")
        } else {
            column.to_owned()
        };
        let order = |direction: &str| match tie {
            Some(rowid) => format!("{sorted}{direction}, {rowid}{direction}"),
            None => format!("{sorted}{direction}"),
        };
        Numbering::Column {
            column: column.to_owned(),
            ascending: order(""),
            descending: order(" DESC"),
            indexed: indexed && !text,
            rowid,
        }
    }
}

fn is_rowid(name: &str) -> bool {
    ["rowid", "oid", "_rowid_"]
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word))
}

fn primary_key(shape: &Shape) -> String {
    let mut keys: Vec<_> = shape
        .columns
        .iter()
        .filter(|column| column.key > 0)
        .collect();
    keys.sort_by_key(|column| column.key);
    keys.iter()
        .map(|column| quote(&column.name))
        .collect::<Vec<_>>()
        .join(", ")
}

/// SQLite's rule for the affinity of a declared type, as far as TEXT goes.
fn has_text_affinity(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    !declared.contains("INT")
        && ["CHAR", "CLOB", "TEXT"]
            .iter()
            .any(|word| declared.contains(word))
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
