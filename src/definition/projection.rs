//! A checked projection: how events are folded into a state per key, and where the state that
//! somebody keeps of them is stored.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::definition::fault::Place;
use crate::definition::log::Relation;
use crate::event::Span;
use crate::expression::{Expression, FoldExpression, Formula};

/// How far floating point numbers may lie apart where nothing is declared, relative to the greater.
pub const DEFAULT_TOLERANCE: f64 = 1e-9;

/// A projection definition.
#[derive(Debug, Clone)]
pub struct Projection {
    /// Its name, unique within its log.
    pub name: Arc<str>,
    /// What it is for, in its author's words.
    pub about: Option<String>,
    /// Where it is defined.
    pub place: Place,
    /// How an event finds its key.
    pub key: Key,
    /// Narrows the events that belong to this projection.
    pub narrow: Option<Expression>,
    /// The fields of the state, sorted by name; changes refer to them by index.
    pub fields: Vec<Field>,
    /// What an event does to the state of its key, by its type.
    pub on: BTreeMap<Arc<str>, Effect>,
    /// What every event of a key does, after the effect of its own type.
    pub every: Option<Vec<Change>>,
    /// How long the stored row may lag behind the events.
    pub within: Span,
    /// Where the state is stored; `None` where nothing is to be compared.
    pub stored: Option<Stored>,
}

impl Projection {
    /// The index of the field with this name.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| &*field.name == name)
    }

    /// The fields that formulas look at where its states have this name; all of them, where a formula
    /// looks at the whole.
    pub fn looked_at<'f>(
        &self,
        name: &str,
        formulas: impl IntoIterator<Item = &'f Formula>,
    ) -> Vec<usize> {
        let own = formulas.into_iter().flat_map(Formula::references);
        let mut fields = Vec::new();
        for reference in own.filter(|reference| reference.name == name) {
            match reference.keys.first() {
                Some(field) => fields.extend(self.field(field)),
                None => fields.extend(0..self.fields.len()),
            }
        }
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// Everything that events do to fields.
    fn changes(&self) -> impl Iterator<Item = &Change> {
        let own = self.on.values().filter_map(|effect| match effect {
            Effect::Change(changes) => Some(changes),
            Effect::Delete => None,
        });
        own.chain(&self.every).flatten()
    }

    /// What events do this to a field with.
    pub fn operands(&self, field: usize, operation: Operation) -> impl Iterator<Item = &Operand> {
        let own = move |change: &&Change| change.field == field && change.operation == operation;
        self.changes().filter(own).map(|change| &change.operand)
    }

    /// Whether every event that changes a field says what it is, whatever the state was before.
    pub fn is_only_set(&self, field: usize) -> bool {
        self.changes().all(|change| {
            let looks = matches!(
                change.operand,
                Operand::Expression(FoldExpression::State(_))
            );
            change.field != field || change.operation == Operation::Set && !looks
        })
    }
}

/// How an event finds its key.
#[derive(Debug, Clone)]
pub enum Key {
    /// The key is what stands in the stream's name between these two.
    Stream {
        /// What the name begins with.
        before: String,
        /// What it ends with.
        after: String,
    },
    /// The key is the value of this.
    Expression(Expression),
}

/// A field of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// What it counts as before anything was done to it.
    pub blank: Blank,
}

/// What a field counts as before anything was done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blank {
    /// Nothing.
    Nothing,
    /// Nothing or zero, since something is added to it.
    Zero,
    /// Nothing or the empty list, since something is appended to it.
    Empty,
}

/// What an event does to the state of its key.
#[derive(Debug, Clone)]
pub enum Effect {
    /// It changes fields; all changes see the state as it was before. The state begins to exist
    /// with the first such event.
    Change(Vec<Change>),
    /// The state ceases to exist.
    Delete,
}

/// What is done to one field.
#[derive(Debug, Clone)]
pub struct Change {
    /// Index of the field in [`Projection::fields`].
    pub field: usize,
    /// What is done to it.
    pub operation: Operation,
    /// With what.
    pub operand: Operand,
}

/// What can be done to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It becomes the operand.
    Set,
    /// The operand, a number, is added to it.
    Add,
    /// The operand, a number, is taken from it.
    Subtract,
    /// The operand becomes the last item of the list that it is.
    Append,
    /// The first item of the list that equals the operand is taken out.
    Remove,
}

/// What a field is changed with.
#[derive(Debug, Clone)]
pub enum Operand {
    /// This value.
    Literal(Value),
    /// What this is for the event.
    Expression(FoldExpression),
}

/// Where the state of each key is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Where it is declared.
    pub place: Place,
    /// Another SQLite file than the log's.
    pub database: Option<PathBuf>,
    /// The table or query with a row per key.
    pub relation: Relation,
    /// The column with the key.
    pub key: String,
    /// The columns that are compared; at least one.
    pub columns: Vec<Column>,
    /// Columns that cannot be derived from the events.
    pub ignore: Vec<String>,
    /// What each row says of how far it has come.
    pub version: Option<RowVersion>,
    /// How far floating point numbers may lie apart, relative to the greater one.
    pub tolerance: f64,
    /// What the consumer says of how far it has come with the whole log.
    pub checkpoint: Option<Checkpoint>,
    /// Where the consumer puts events that it gave up on.
    pub dead_letters: Option<DeadLetters>,
}

/// A column that is compared with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Index of the field in [`Projection::fields`].
    pub field: usize,
    /// The column's name.
    pub name: String,
    /// The column holds the field's value × 10 to the power of this: 2 for cents of a decimal
    /// amount.
    pub scale: u32,
}

/// A column that says up to which event its row was folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowVersion {
    /// The column's name.
    pub column: String,
    /// What it holds.
    pub counts: Counts,
}

/// What the version of a row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// The version of the last event in its stream.
    Version,
    /// The position of the last event in the log.
    Position,
}

/// One column of some rows, in the database of the stored rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picked {
    /// Where it is declared.
    pub place: Place,
    /// The table or query.
    pub relation: Relation,
    /// An SQL condition that picks the consumer's rows.
    pub condition: Option<String>,
    /// The column.
    pub column: String,
}

/// Where the consumer's checkpoint is: the position of the last event that it claims to have
/// applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkpoint {
    /// In a row of a table.
    Row(Picked),
    /// This position.
    Literal(i64),
}

/// Where the events are that the consumer gave up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetters {
    /// The rows, one for each such event.
    pub picked: Picked,
    /// What they hold of it.
    pub holds: Letter,
}

/// What a dead letter holds of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    /// Its position in the log.
    Position,
    /// Its id.
    Id,
}
