//! What a table demands of its rows, as its schema tells it.

use super::error::LogError;
use super::schema::{self, Shape};
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
        };
        Ok(Demands {
            columns: shape.columns.iter().map(field).collect(),
            is_strict: schema::is_strict(database, &shape)?,
            collations: schema::unique_collations(database, &shape, key)?,
        })
    }
}
