//! Expressions over named values, such as the states of several aggregates.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::expression::engine::Program;
use crate::expression::words::Path;
use crate::expression::{ExpressionError, Undetermined};

/// An expression that sees the names that it was compiled for, and nothing else.
#[derive(Clone)]
pub struct Formula(Arc<Compiled>);

struct Compiled {
    source: String,
    names: Arc<[String]>,
    code: Code,
}

/// How it is evaluated: a plain path is looked up without the engine.
enum Code {
    Path(Path),
    Program(Box<Program>),
}

/// What a formula refers to: `order.status` is the field `status` of `order`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The name.
    pub name: &'a str,
    /// The keys below it.
    pub keys: &'a [String],
}

impl Formula {
    /// Compiles an expression that sees these names.
    ///
    /// # Errors
    /// When it is not one, or refers to another name.
    pub fn parse(source: &str, names: &[&str]) -> Result<Formula, ExpressionError> {
        let code = match Path::below(source.trim(), names) {
            Some(path) => Code::Path(path),
            None => Code::Program(Box::new(Program::compile(source, names)?)),
        };
        Ok(Formula(Arc::new(Compiled {
            code,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            source: source.to_owned(),
        })))
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What it leads to, where it is a plain path.
    pub fn path(&self) -> Option<Reference<'_>> {
        match &self.0.code {
            Code::Path(path) => Some(Reference::to(path)),
            Code::Program(_) => None,
        }
    }

    /// What it refers to, each once.
    pub fn references(&self) -> impl Iterator<Item = Reference<'_>> {
        let paths = match &self.0.code {
            Code::Path(path) => std::slice::from_ref(path),
            Code::Program(program) => program.paths(),
        };
        paths.iter().map(Reference::to)
    }

    /// Its value for these values; a name that has none is missing.
    ///
    /// # Errors
    /// When something that it refers to is missing, or the evaluation fails or runs out of fuel.
    pub fn evaluate(&self, values: &Map<String, Value>) -> Result<Value, Undetermined> {
        match &self.0.code {
            Code::Program(program) => program.evaluate_among(&self.0.names, values),
            Code::Path(path) => {
                let reference = Reference::to(path);
                let missing = || Undetermined(format!("`{reference}` is missing"));
                reference.of(values).cloned().ok_or_else(missing)
            }
        }
    }

    /// Whether it holds, as [`Expression::holds`](crate::expression::Expression::holds) has it.
    ///
    /// # Errors
    /// As [`Formula::evaluate`].
    pub fn holds(&self, values: &Map<String, Value>) -> Result<bool, Undetermined> {
        self.evaluate(values)
            .map(|value| crate::expression::is_true(&value))
    }
}

impl<'a> Reference<'a> {
    fn to(path: &'a Path) -> Reference<'a> {
        Reference {
            name: path.root(),
            keys: path.keys(),
        }
    }

    /// The value that it stands for among these.
    pub fn of<'v>(&self, values: &'v Map<String, Value>) -> Option<&'v Value> {
        let mut keys = self.keys.iter();
        let named = values.get(self.name)?;
        keys.try_fold(named, |value, key| match value {
            Value::Object(fields) => fields.get(key),
            Value::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        self.keys.iter().try_for_each(|key| write!(f, ".{key}"))
    }
}

impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Formula").field(&self.0.source).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(source: &str, values: Value) -> Result<bool, String> {
        let Value::Object(values) = values else {
            panic!("{values} is no mapping")
        };
        let formula = Formula::parse(source, &["state", "payment"]).unwrap();
        formula
            .holds(&values)
            .map_err(|undetermined| undetermined.0)
    }

    #[test]
    fn what_is_not_needed_may_be_missing() {
        let source = "state.status != 'paid' or payment.status == 'captured'";
        assert_eq!(
            holds(source, json!({"state": {"status": "open"}})),
            Ok(true)
        );
        let paid = json!({"state": {"status": "paid"}});
        assert_eq!(holds(source, paid), Err("`payment` is missing".to_owned()));
        let bare = json!({"state": {"status": "paid"}, "payment": {}});
        assert_eq!(
            holds(source, bare),
            Err("`payment.status` is missing".to_owned())
        );
        let open = json!({"state": {"status": "paid"}, "payment": {"status": "open"}});
        assert_eq!(holds(source, open), Ok(false));
        assert_eq!(
            holds("payment is not defined", json!({"state": {}})),
            Ok(true)
        );
        assert_eq!(
            holds(
                "payment.status is defined",
                json!({"payment": {"status": 1}})
            ),
            Ok(true)
        );
    }

    #[test]
    fn only_its_names_can_be_seen() {
        let error = Formula::parse("data.total > 0", &["state", "payment"]).unwrap_err();
        assert_eq!(error.message, "`data` cannot be seen here");
        assert_eq!(
            error.help.as_deref(),
            Some("`state` and `payment` can be seen")
        );
        let error = Formula::parse("paiment.total > 0", &["state", "payment"]).unwrap_err();
        assert_eq!(error.help.as_deref(), Some("did you mean `payment`?"));
    }

    #[test]
    fn what_it_refers_to_can_be_shown() {
        let formula = Formula::parse("state.a.b > 1 and payment.x", &["state", "payment"]).unwrap();
        let Value::Object(values) = json!({"state": {"a": {"b": 7}}}) else {
            return;
        };
        let shown: Vec<_> = formula
            .references()
            .map(|reference| (reference.to_string(), reference.of(&values).cloned()))
            .collect();
        assert_eq!(
            shown,
            [
                ("payment.x".to_owned(), None),
                ("state.a.b".to_owned(), Some(json!(7)))
            ]
        );
        let part = Formula::parse("state.a[0:1] == 'x'", &["state", "payment"]).unwrap();
        let told: Vec<_> = part.references().map(|it| it.to_string()).collect();
        assert_eq!(told, ["state.a"]);
    }
}
