//! The stored rows of a case's projections, and the tables that they become.

use std::sync::Arc;

use crate::casefile::event::stored_cell;
use crate::definition::fault::{self, Fault};
use crate::definition::file::SourceFile;
use crate::definition::log::Relation;
use crate::definition::marked::{Entry, Kind, Node};
use crate::definition::projection::{Checkpoint, DeadLetters, Picked, Projection, Stored};
use crate::log::record::{Cell, Table};
use crate::suggest::did_you_mean;

/// What a case says is stored of one projection.
#[derive(Debug, Clone)]
pub struct ReadModel {
    /// The projection.
    pub projection: Arc<str>,
    /// The columns, as the projection names them.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// What stands where the consumer keeps its checkpoint; `None` is no row.
    pub checkpoint: Option<Cell>,
    /// What stands where the consumer puts events that it gave up on.
    pub dead_letters: Vec<Cell>,
}

/// Everything that a case says is stored.
pub(super) fn read(
    file: &SourceFile,
    entry: &Entry,
    projections: &[Arc<Projection>],
) -> Result<Vec<ReadModel>, Box<Fault>> {
    entry
        .value
        .entries()
        .iter()
        .map(|entry| {
            let name = &entry.key.text;
            let stored = projections
                .iter()
                .find(|projection| *projection.name == **name)
                .and_then(|projection| projection.stored.as_ref());
            match stored {
                Some(stored) => model(file, entry, stored),
                None => Err(stranger(file, entry, projections)),
            }
        })
        .collect()
}

fn stranger(file: &SourceFile, entry: &Entry, projections: &[Arc<Projection>]) -> Box<Fault> {
    let known: Vec<&str> = projections
        .iter()
        .filter(|projection| projection.stored.is_some())
        .map(|projection| &*projection.name)
        .collect();
    let place = file.place(entry.key_span.clone());
    let message = format!("no projection `{}` is stored anywhere", entry.key.text);
    Fault::fatal(fault::BAD_VALUE, place, message)
        .label("its rows would be compared with nothing")
        .help(did_you_mean(&entry.key.text, known))
        .into()
}

fn model(file: &SourceFile, entry: &Entry, stored: &Stored) -> Result<ReadModel, Box<Fault>> {
    let columns = columns(stored);
    let listed = match &entry.value.kind {
        Kind::List(_) => Some(&entry.value),
        Kind::Map(_) | Kind::Scalar(_) => entry.value.entry("rows").map(|rows| &rows.value),
    };
    let rows = match listed.map(|listed| &listed.kind) {
        Some(Kind::List(rows)) => rows.as_slice(),
        Some(Kind::Map(_) | Kind::Scalar(_)) | None => &[],
    };
    let rows = rows.iter().map(|it| row(file, it, &columns));
    let dead_letters = entry.value.entry("dead-letters").into_iter();
    let dead_letters = dead_letters.flat_map(|entry| entry.value.items());
    Ok(ReadModel {
        projection: entry.key.text.as_str().into(),
        rows: rows.collect::<Result<_, _>>()?,
        checkpoint: entry
            .value
            .entry("checkpoint")
            .map(|entry| stored_cell(&entry.value)),
        dead_letters: dead_letters.map(stored_cell).collect(),
        columns,
    })
}

/// Every column that a projection names, each once.
fn columns(stored: &Stored) -> Vec<String> {
    let compared = stored.columns.iter().map(|column| &column.name);
    let version = stored.version.iter().map(|version| &version.column);
    let mut columns = Vec::new();
    for name in [&stored.key]
        .into_iter()
        .chain(compared)
        .chain(version)
        .chain(&stored.ignore)
    {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}

/// A row; columns that it does not name are null.
fn row(file: &SourceFile, node: &Node, columns: &[String]) -> Result<Vec<Cell>, Box<Fault>> {
    let mut row = vec![Cell::Null; columns.len()];
    for entry in node.entries() {
        let name = &entry.key.text;
        let Some(at) = columns.iter().position(|column| column == name) else {
            let place = file.place(entry.key_span.clone());
            let message = format!("the projection names no column `{name}`");
            return Err(Fault::fatal(fault::BAD_VALUE, place, message)
                .label("unknown column")
                .help(did_you_mean(name, columns.iter().map(String::as_str)))
                .into());
        };
        row[at] = stored_cell(&entry.value);
    }
    Ok(row)
}

/// The projections of a case, reading from the tables that its rows become. One of which the case
/// tells no rows is folded and compared with nothing.
pub(super) fn redirect(projections: &mut [Arc<Projection>], models: &[ReadModel]) -> Vec<Table> {
    let mut tables = Vec::new();
    for projection in projections {
        let model = models
            .iter()
            .find(|model| model.projection == projection.name);
        let number = tables.len();
        let stored = match (&projection.stored, model) {
            (Some(stored), Some(model)) => Some(redirected(stored, model, number, &mut tables)),
            _ => None,
        };
        *projection = Arc::new(Projection {
            stored,
            ..Projection::clone(projection)
        });
    }
    tables
}

fn redirected(
    stored: &Stored,
    model: &ReadModel,
    number: usize,
    tables: &mut Vec<Table>,
) -> Stored {
    let rows = Table {
        name: format!("stored_{number}"),
        columns: model.columns.clone(),
        rows: model.rows.clone(),
    };
    let relation = Relation::Table(rows.name.clone());
    tables.push(rows);
    let checkpoint = stored.checkpoint.as_ref().map(|declared| match declared {
        Checkpoint::Literal(position) => Checkpoint::Literal(*position),
        Checkpoint::Row(picked) => {
            let name = format!("checkpoint_{number}");
            let cells = model.checkpoint.as_slice();
            Checkpoint::Row(picked_from(picked, name, cells, tables))
        }
    });
    let dead_letters = stored.dead_letters.as_ref().map(|declared| {
        let name = format!("dead_letters_{number}");
        let cells = &model.dead_letters;
        DeadLetters {
            picked: picked_from(&declared.picked, name, cells, tables),
            holds: declared.holds,
        }
    });
    Stored {
        database: None,
        relation,
        checkpoint,
        dead_letters,
        ..stored.clone()
    }
}

/// The same, out of a table with just these rows.
fn picked_from(picked: &Picked, name: String, cells: &[Cell], tables: &mut Vec<Table>) -> Picked {
    tables.push(Table {
        name: name.clone(),
        columns: vec![picked.column.clone()],
        rows: cells.iter().map(|cell| vec![cell.clone()]).collect(),
    });
    Picked {
        relation: Relation::Table(name),
        condition: None,
        ..picked.clone()
    }
}
