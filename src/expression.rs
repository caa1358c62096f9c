//! Expressions in definitions: minijinja's syntax, strict about what is missing.
//!
//! A plain path such as `data.order.id` never touches the engine: it is looked up in the raw JSON.
//! Whatever else an expression looks at and does not find makes the evaluation [`Undetermined`],
//! unless the expression itself asks whether it is there (`is defined`, `default`, `'x' in data`). So does
//! an order between a number and what is none; decimal text beside a number counts as that number.

mod comparisons;
mod decimal;
mod document;
mod engine;
mod factors;
mod fold;
mod formula;
mod row;
mod sides;
pub mod template;
mod words;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::event::{Position, Timestamp};
use crate::json;
use crate::texts::named;
use engine::Program;
use words::Path;

pub use fold::{FoldExpression, StateExpression};
pub use formula::{Formula, Reference};
pub use row::RowExpression;

/// Whether a value counts as true: all but `null`, `false`, zero and what is empty.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(keys) => !keys.is_empty(),
    }
}

/// A compiled expression.
#[derive(Clone)]
pub struct Expression(Arc<Compiled>);

struct Compiled {
    source: String,
    code: Code,
}

enum Code {
    /// A path, which may lead to a column that holds a text.
    Path(Path, Option<Column>),
    Program(Box<Program>),
}

/// A column of the event that holds a text.
#[derive(Debug, Clone, Copy)]
enum Column {
    Stream,
    Id,
    Correlation,
    Causation,
    Key,
}

/// Why an expression does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", help.as_ref().map(|help| format!(": {help}")).unwrap_or_default())]
pub struct ExpressionError {
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Why an expression has no value for this event: the verdict is `unknown`, never false.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undetermined(pub String);

/// What an expression can refer to. Byte slices are JSON texts, not yet parsed.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// `event.position`
    pub position: Position,
    /// `event.type`
    pub kind: &'a str,
    /// `event.time`, as RFC 3339 text; absent where it could not be read
    pub time: Option<Timestamp>,
    /// `event.stream`
    pub stream: Option<&'a str>,
    /// `event.version`
    pub version: Option<i64>,
    /// `event.id`
    pub id: Option<&'a str>,
    /// `event.correlation`
    pub correlation: Option<&'a str>,
    /// `event.causation`
    pub causation: Option<&'a str>,
    /// `event.key`
    pub key: Option<&'a str>,
    /// `data`
    pub data: Option<&'a [u8]>,
    /// `metadata`
    pub metadata: Option<&'a [u8]>,
}

impl Scope<'_> {
    /// The fields of `event`.
    const FIELDS: [&'static str; 9] = [
        "position",
        "type",
        "time",
        "stream",
        "version",
        "id",
        "correlation",
        "causation",
        "key",
    ];

    /// Whether its data and metadata can be read.
    pub fn is_sound(&self) -> bool {
        let is_sound = |document: Option<&[u8]>| document.is_none_or(json::is_valid);
        is_sound(self.data) && is_sound(self.metadata)
    }

    /// The value of `event.FIELD`; `None` where the event has none.
    fn field(&self, field: &str) -> Option<Value> {
        match field {
            "position" => Some(self.position.0.into()),
            "type" => Some(self.kind.into()),
            "time" => self.time.map(|time| time.to_string().into()),
            "stream" => self.stream.map(Value::from),
            "version" => self.version.map(Value::from),
            "id" => self.id.map(Value::from),
            "correlation" => self.correlation.map(Value::from),
            "causation" => self.causation.map(Value::from),
            "key" => self.key.map(Value::from),
            _ => None,
        }
    }
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is not one, or refers to a name that no expression here can see.
    pub fn parse(source: &str) -> Result<Expression, ExpressionError> {
        let code = match Path::parse(source.trim()) {
            Some(path) if words::EVENT.contains(&path.root()) => {
                words::check_field(&path)?;
                let column = Column::at(&path);
                Code::Path(path, column)
            }
            _ => Code::Program(Box::new(Program::compile(source, &words::EVENT)?)),
        };
        Ok(Expression(Arc::new(Compiled {
            source: source.to_owned(),
            code,
        })))
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Its value for this event.
    ///
    /// # Errors
    /// When a field it refers to is missing, or the evaluation fails or runs out of fuel.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, Undetermined> {
        match &self.0.code {
            Code::Path(path, _) => path.look_up(scope),
            Code::Program(program) => program.evaluate(scope),
        }
    }

    /// Whether it holds for this event. A value that is no truth value holds unless it is `null`,
    /// zero or empty.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, Undetermined> {
        self.evaluate(scope).map(|value| is_true(&value))
    }

    /// Whether all of them hold for this event: one that does not settles it, whatever the others are.
    ///
    /// # Errors
    /// As [`Expression::evaluate`], of the last one that cannot be told, where none is false.
    pub fn all_hold<'e>(
        all: impl IntoIterator<Item = &'e Expression>,
        scope: &Scope<'_>,
    ) -> Result<bool, Undetermined> {
        let mut told = Ok(true);
        for one in all {
            match one.holds(scope) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(reason) => told = Err(reason),
            }
        }
        told
    }

    /// The JSON text that it stands for in this event, as recorded, so that no digit of a number is
    /// lost; `None` where it is more than a plain path into `data` or `metadata`.
    pub fn recorded<'s>(&self, scope: &Scope<'s>) -> Option<Result<&'s str, Undetermined>> {
        match &self.0.code {
            Code::Path(path, _) if path.root() != "event" => Some(path.find(scope)),
            Code::Path(..) | Code::Program(_) => None,
        }
    }

    /// The text that ids and keys are compared by, with every digit of a whole number; `None` where it
    /// has a value that is no such text: `null`, a list or a mapping.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn text<'s>(&self, scope: &Scope<'s>) -> Result<Option<Cow<'s, str>>, Undetermined> {
        if let Code::Path(path, column) = &self.0.code {
            if let Some(text) = column.and_then(|column| column.text(scope)) {
                return Ok(Some(Cow::Borrowed(text)));
            }
            if path.root() != "event" {
                let recorded = path.find(scope)?;
                if let Some(plain) = json::plain(recorded) {
                    return Ok(Some(Cow::Borrowed(plain)));
                }
            }
        }
        let value = self.evaluate(scope)?;
        Ok(json::text(&value).map(|text| Cow::Owned(text.into_owned())))
    }

    /// The text that names something; `None` where it names nothing, or that cannot be told.
    pub fn name<'s>(&self, scope: &Scope<'s>) -> Option<Cow<'s, str>> {
        named(self.text(scope).ok().flatten())
    }

    /// Whether it is certain to name nothing: nothing that it looks at is there, or its value is `null`
    /// or blank. A list or a mapping, and what cannot be read or evaluated, may be meant as a name.
    pub fn names_nothing(&self, scope: &Scope<'_>) -> bool {
        if self.is_blind(scope) {
            return false;
        }
        let missing = |path: &Path| path.look_up(scope).is_err();
        match (&self.0.code, self.evaluate(scope)) {
            (_, Ok(Value::Null)) => true,
            (_, Ok(Value::String(text))) => named(Some(text)).is_none(),
            (_, Ok(_)) => false,
            (Code::Path(path, _), Err(_)) => match path.root() {
                "event" => true,
                _ => path.find(scope).is_err(),
            },
            (Code::Program(program), Err(_)) => program.paths().iter().all(missing),
        }
    }

    /// Whether a document that it looks into cannot be read, so that nobody knows what it would find.
    pub fn is_blind(&self, scope: &Scope<'_>) -> bool {
        let is_damaged = |document: Option<&[u8]>| document.is_some_and(|it| !json::is_valid(it));
        (self.reads_data() && is_damaged(scope.data))
            || (self.reads_metadata() && is_damaged(scope.metadata))
    }

    /// Whether it looks into `data`.
    pub fn reads_data(&self) -> bool {
        self.reads("data", None)
    }

    /// Whether it looks into `metadata`.
    pub fn reads_metadata(&self) -> bool {
        self.reads("metadata", None)
    }

    /// Whether it refers to `event.FIELD`, or to `event` in a way that may reach any field.
    pub fn reads_event(&self, field: &str) -> bool {
        self.reads("event", Some(field))
    }

    fn reads(&self, root: &str, field: Option<&str>) -> bool {
        match &self.0.code {
            Code::Path(path, _) => path.reaches(root, field),
            Code::Program(program) => program.paths().iter().any(|path| path.reaches(root, field)),
        }
    }
}

impl Column {
    /// The one that a path leads to.
    fn at(path: &Path) -> Option<Column> {
        match (path.root(), path.keys()) {
            ("event", [field]) => match field.as_str() {
                "stream" => Some(Column::Stream),
                "id" => Some(Column::Id),
                "correlation" => Some(Column::Correlation),
                "causation" => Some(Column::Causation),
                "key" => Some(Column::Key),
                _ => None,
            },
            _ => None,
        }
    }

    /// What it holds, if the event has it.
    fn text<'s>(self, scope: &Scope<'s>) -> Option<&'s str> {
        match self {
            Column::Stream => scope.stream,
            Column::Id => scope.id,
            Column::Correlation => scope.correlation,
            Column::Causation => scope.causation,
            Column::Key => scope.key,
        }
    }
}

impl Path {
    /// Whether it leads into `root`, and may lead to this field there.
    fn reaches(&self, root: &str, field: Option<&str>) -> bool {
        let first = self.keys().first().map(String::as_str);
        self.root() == root && (field.is_none() || first.is_none() || first == field)
    }

    fn look_up(&self, scope: &Scope<'_>) -> Result<Value, Undetermined> {
        let missing = || Undetermined(format!("`{self}` is missing"));
        match self.root() {
            "event" => match self.keys() {
                [] => Ok(Value::Object(
                    Scope::FIELDS
                        .iter()
                        .filter_map(|field| Some(((*field).to_owned(), scope.field(field)?)))
                        .collect(),
                )),
                [field] => scope.field(field).ok_or_else(missing),
                _ => Err(missing()),
            },
            root => {
                let bytes = bytes(scope, root)?;
                let found =
                    json::lookup(bytes, self.keys()).map_err(|error| not_json(root, &error))?;
                found.ok_or_else(missing)
            }
        }
    }

    /// The JSON text of what a path into `data` or `metadata` leads to.
    fn find<'s>(&self, scope: &Scope<'s>) -> Result<&'s str, Undetermined> {
        let root = self.root();
        json::find(bytes(scope, root)?, self.keys())
            .map_err(|error| not_json(root, &error))?
            .ok_or_else(|| Undetermined(format!("`{self}` is missing")))
    }
}

/// The JSON text of `data` or `metadata`.
fn bytes<'a>(scope: &Scope<'a>, root: &str) -> Result<&'a [u8], Undetermined> {
    let bytes = if root == "data" {
        scope.data
    } else {
        scope.metadata
    };
    bytes.ok_or_else(|| Undetermined(format!("the event has no {root}")))
}

fn not_json(root: &str, error: &serde_json::Error) -> Undetermined {
    Undetermined(format!("the event's {root} is not JSON: {error}"))
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.0.source).finish()
    }
}

impl PartialEq for Expression {
    /// Two expressions are equal if they are written alike.
    fn eq(&self, other: &Expression) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Expression {}

#[cfg(test)]
mod tests;
