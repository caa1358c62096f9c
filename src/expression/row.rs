//! Expressions over the rows of a listing: the same language and the same strictness, other names.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::expression::document::{self, Misses};
use crate::expression::engine::{Nested, compile, evaluate, is_global, names};
use crate::expression::{ExpressionError, Undetermined, is_true, words};
use crate::suggest::did_you_mean;

/// A compiled expression over rows.
pub struct RowExpression {
    code: minijinja::Expression<'static, 'static>,
    names: Vec<String>,
    asked_for: Arc<[String]>,
}

impl RowExpression {
    /// Compiles an expression that may refer to these names.
    ///
    /// # Errors
    /// When it is not one, or refers to another name.
    pub fn parse(source: &str, known: &[&str]) -> Result<RowExpression, ExpressionError> {
        let words = words::words(source);
        let code = compile(source, &words)?;
        let mut names = names(source, &code, Nested::LeftOut)?;
        names.retain(|name| !is_global(name));
        match names.iter().find(|name| !known.contains(&name.as_str())) {
            None => Ok(RowExpression {
                code,
                names,
                asked_for: words::asked_for(&words, &words::ROOTS).into(),
            }),
            Some(name) => Err(ExpressionError {
                message: format!("`{name}` cannot be seen here"),
                help: did_you_mean(name, known.iter().copied()),
            }),
        }
    }

    /// Whether it refers to this name.
    pub fn refers_to(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Whether it holds for a row; names without a value are missing.
    ///
    /// # Errors
    /// When something it refers to is missing, or the evaluation fails or runs out of fuel.
    pub fn holds(&self, row: BTreeMap<&str, Value>) -> Result<bool, Undetermined> {
        self.value(row).map(|value| is_true(&value))
    }

    /// Its value for a row; names without a value are missing.
    ///
    /// # Errors
    /// As [`RowExpression::holds`].
    pub fn value(&self, row: BTreeMap<&str, Value>) -> Result<Value, Undetermined> {
        if let Some(missing) = self
            .names
            .iter()
            .find(|name| !row.contains_key(name.as_str()))
        {
            return Err(Undetermined(format!("`{missing}` is missing")));
        }
        let misses = Misses::new(&self.asked_for);
        let context = row
            .into_iter()
            .map(|(name, json)| (name, document::value(json, name, &misses)));
        evaluate(&self.code, context.collect::<BTreeMap<_, _>>(), &misses)
    }
}
