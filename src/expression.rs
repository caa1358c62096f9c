//! Expressions in definitions: minijinja's syntax, strict about what is missing.

use serde_json::Value;

use crate::event::{Position, Timestamp};

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
}

/// Why an expression does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// A lower-case fragment.
    pub message: String,
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

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is not one, or refers to a name that no expression here can see.
    pub fn parse(source: &str) -> Result<Expression, ExpressionError> {
        Ok(Expression {
            source: source.to_owned(),
        })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its value for this event.
    ///
    /// # Errors
    /// When a field it refers to is missing, or the evaluation fails or runs out of fuel.
    pub fn evaluate(&self, _scope: &Scope<'_>) -> Result<Value, Undetermined> {
        unimplemented!()
    }

    /// Whether it holds for this event.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn holds(&self, _scope: &Scope<'_>) -> Result<bool, Undetermined> {
        unimplemented!()
    }

    /// Whether it looks into `data`.
    pub fn reads_data(&self) -> bool {
        true
    }

    /// Whether it looks into `metadata`.
    pub fn reads_metadata(&self) -> bool {
        true
    }

    /// The field of `event` it refers to, if it refers to `event.FIELD` anywhere.
    pub fn reads_event(&self, _field: &str) -> bool {
        true
    }
}
