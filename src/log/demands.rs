//! What a table demands of its rows, as its schema tells it.

use super::error::LogError;
use super::schema::{self, Gives, Kind, Shape};
use super::table::Snapshot;
use crate::definition::log::Relation;

/// What a table demands of its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demands {
    /// Its columns.
    pub columns: Vec<Field>,
    /// Whether a column holds values of its type only.
    pub is_strict: bool,
    /// By which collations no two rows may have one key.
    pub collations: Vec<String>,
    /// What else no two rows may have in common, where their key is not among it.
    pub uniques: Vec<Unique>,
    /// Whether it has CHECK constraints, of which nobody but SQLite can tell what they refuse.
    pub has_checks: bool,
    /// Why nobody can foresee what becomes of a statement on it.
    pub unforeseen: Option<String>,
}

/// What no two rows of a table may have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// The columns; `None` for an expression.
    pub columns: Vec<Option<String>>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The type that is declared for it, in capitals.
    pub declared: String,
    /// Whether it is another name of the rowid, and so holds whole numbers only.
    pub is_rowid: bool,
    /// What it holds where a new row gives nothing.
    pub gives: Gives,
    /// Whether it is NOT NULL.
    pub is_required: bool,
}

impl Field {
    /// What the column makes of values, as the name of a type.
    pub fn affinity(&self) -> &'static str {
        let says = |words: &[&str]| words.iter().any(|word| self.declared.contains(word));
        match () {
            () if says(&["INT"]) => "INTEGER",
            () if says(&["CHAR", "CLOB", "TEXT"]) => "TEXT",
            () if self.declared.is_empty() || says(&["BLOB"]) => "BLOB",
            () if says(&["REAL", "FLOA", "DOUB"]) => "REAL",
            () => "NUMERIC",
        }
    }
}

impl Demands {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Field> {
        let mut columns = self.columns.iter();
        columns.find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

impl Snapshot<'_> {
    /// What a table or query demands of its rows, one column of which is their key.
    ///
    /// # Errors
    /// When there is no such table, or the query does not work.
    pub fn demands(self, relation: &Relation, key: &str) -> Result<Demands, LogError> {
        let database = self.database();
        let shape = Shape::of(database, relation)?;
        let rowid = match schema::has_key_index(database, &shape)? {
            true => None,
            false => shape.rowid_alias(),
        };
        let field = |column: &schema::Column| Field {
            name: column.name.clone(),
            declared: column.declared.to_ascii_uppercase(),
            is_rowid: rowid == Some(column),
            gives: column.gives,
            is_required: column.required,
        };
        let is_key = |column: &Option<String>| {
            let name = column.as_ref();
            name.is_some_and(|name| name.eq_ignore_ascii_case(key))
        };
        let indexes = schema::indexes(database, &shape)?.into_iter();
        let uniques = indexes.filter(|index| index.unique && !index.columns.iter().any(is_key));
        let uniques = uniques.map(|index| Unique {
            columns: index.columns,
        });
        let mut uniques: Vec<Unique> = uniques.collect();
        let alias = rowid.filter(|column| !column.name.eq_ignore_ascii_case(key));
        uniques.extend(alias.map(|column| Unique {
            columns: vec![Some(column.name.clone())],
        }));
        Ok(Demands {
            columns: shape.columns.iter().map(field).collect(),
            is_strict: schema::is_strict(database, &shape)?,
            collations: schema::unique_collations(database, &shape, key)?,
            uniques,
            has_checks: schema::says_check(&shape.sql),
            unforeseen: unforeseen(&shape, &schema::triggers(database, &shape)?),
        })
    }
}

/// Why nobody can foresee what becomes of a statement on a table.
fn unforeseen(shape: &Shape, triggers: &[String]) -> Option<String> {
    let name = &shape.name;
    if shape.kind == Kind::View {
        return Some(format!("`{name}` is a view, whose rows are other tables'"));
    }
    if !triggers.is_empty() {
        let triggers: Vec<String> = triggers.iter().map(|one| format!("`{one}`")).collect();
        let triggers = triggers.join(", ");
        return Some(format!(
            "`{name}` has triggers, which may change other rows: {triggers}"
        ));
    }
    let clause = schema::gives_way(&shape.sql)?;
    Some(format!(
        "`{name}` says {clause}, by which other rows may go, or a repair be passed over"
    ))
}
