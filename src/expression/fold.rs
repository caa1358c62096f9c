//! Expressions of a fold: over an event and, where they want to, over the state that the events
//! before it were folded into.
//!
//! The state is not there when a row is read. What such an expression looks at of the event is then
//! gathered, and it is evaluated when the event is applied.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::expression::engine::Program;
use crate::expression::words;
use crate::expression::{Expression, ExpressionError, Scope, Undetermined};

/// An expression of a fold.
#[derive(Debug, Clone)]
pub enum FoldExpression {
    /// Over the event alone.
    Event(Expression),
    /// Over the event and the state.
    State(StateExpression),
}

/// An expression that looks at `state`.
#[derive(Clone)]
pub struct StateExpression(Arc<Compiled>);

struct Compiled {
    source: String,
    program: Program,
}

impl FoldExpression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is not one, or refers to a name that no expression of a fold can see.
    pub fn parse(source: &str) -> Result<FoldExpression, ExpressionError> {
        if let Ok(expression) = Expression::parse(source) {
            return Ok(FoldExpression::Event(expression));
        }
        let compiled = Compiled {
            program: Program::compile(source, &words::ROOTS)?,
            source: source.to_owned(),
        };
        Ok(FoldExpression::State(StateExpression(Arc::new(compiled))))
    }

    /// As written.
    pub fn source(&self) -> &str {
        match self {
            FoldExpression::Event(expression) => expression.source(),
            FoldExpression::State(expression) => &expression.0.source,
        }
    }

    /// Whether it looks into `data`.
    pub fn reads_data(&self) -> bool {
        match self {
            FoldExpression::Event(expression) => expression.reads_data(),
            FoldExpression::State(expression) => expression.reads("data", None),
        }
    }

    /// Whether it looks into `metadata`.
    pub fn reads_metadata(&self) -> bool {
        match self {
            FoldExpression::Event(expression) => expression.reads_metadata(),
            FoldExpression::State(expression) => expression.reads("metadata", None),
        }
    }

    /// Whether it refers to `event.FIELD`, or to `event` in a way that may reach any field.
    pub fn reads_event(&self, field: &str) -> bool {
        match self {
            FoldExpression::Event(expression) => expression.reads_event(field),
            FoldExpression::State(expression) => expression.reads("event", Some(field)),
        }
    }
}

impl StateExpression {
    /// What it looks at of an event.
    ///
    /// # Errors
    /// When the event has no data, or data that is not JSON, and it looks into it.
    pub fn gather(&self, scope: &Scope<'_>) -> Result<Value, Undetermined> {
        self.0.program.gather(scope)
    }

    /// Its value for what was [gathered](StateExpression::gather) of an event and for a state.
    ///
    /// # Errors
    /// When something it refers to is missing in either, or the evaluation fails or runs out of
    /// fuel.
    pub fn evaluate(
        &self,
        gathered: Value,
        state: Map<String, Value>,
    ) -> Result<Value, Undetermined> {
        self.0.program.evaluate_over(gathered, state)
    }

    /// Whether it refers to this field of the state, or to the state in a way that may reach any field.
    pub fn reads_state(&self, field: &str) -> bool {
        self.reads("state", Some(field))
    }

    fn reads(&self, root: &str, field: Option<&str>) -> bool {
        self.0
            .program
            .paths()
            .iter()
            .any(|path| path.reaches(root, field))
    }
}

impl fmt::Debug for StateExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StateExpression")
            .field(&self.0.source)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Position;

    const DATA: &[u8] = br#"{"discount":250,"state":"open","exact":0.1000000000000000000001}"#;

    fn scope() -> Scope<'static> {
        Scope {
            position: Position(7),
            kind: "CouponApplied",
            time: None,
            stream: Some("order-1"),
            version: Some(3),
            id: None,
            correlation: None,
            causation: None,
            key: None,
            data: Some(DATA),
            metadata: None,
        }
    }

    fn evaluate(source: &str, state: Value) -> Result<Value, String> {
        let Ok(FoldExpression::State(expression)) = FoldExpression::parse(source) else {
            panic!("`{source}` does not look at the state")
        };
        let Value::Object(state) = state else {
            panic!("a state is an object")
        };
        let gathered = expression.gather(&scope()).map_err(|error| error.0)?;
        expression
            .evaluate(gathered, state)
            .map_err(|error| error.0)
    }

    #[test]
    fn the_state_is_seen_beside_the_event() {
        for (source, value) in [
            ("state.total - data.discount", json!(750)),
            (
                "state.total - data.discount if state.total > data.discount else 0",
                json!(750),
            ),
            ("state['total'] + event.version", json!(1003)),
            ("state.total", json!(1000)),
            ("state.gone | default(5)", json!(5)),
            ("'total' in state", json!(true)),
            ("data.state ~ state.total", json!("open1000")),
            ("state.name[0:2] ~ data.state[2:]", json!("anen")),
        ] {
            assert_eq!(
                evaluate(source, json!({"total": 1000, "name": "ann"})),
                Ok(value),
                "{source}"
            );
        }
    }

    #[test]
    fn what_is_missing_in_either_leaves_the_value_undetermined() {
        for (source, reason) in [
            ("state.gone > 1", "`state.gone` is missing"),
            ("state.total - data.gone", "`data.gone` is missing"),
            ("state.total - metadata.x", "the event has no metadata"),
        ] {
            let found = evaluate(source, json!({"total": 1000}));
            assert_eq!(found, Err(reason.to_owned()), "{source}");
        }
    }

    #[test]
    fn an_expression_over_the_event_alone_stays_one() {
        for source in ["data.state", "data.state == 'open'", "'state' ~ event.type"] {
            let parsed = FoldExpression::parse(source).unwrap();
            assert!(matches!(parsed, FoldExpression::Event(_)), "{source}");
        }
        assert!(Expression::parse("state.total").is_err());
        assert!(FoldExpression::parse("stat.total").is_err());
    }

    #[test]
    fn what_is_read_is_known_before() {
        let both = FoldExpression::parse("state.total - data.discount").unwrap();
        assert!(both.reads_data() && !both.reads_metadata() && !both.reads_event("version"));
        let version = FoldExpression::parse("state.total + event.version").unwrap();
        assert!(version.reads_event("version") && !version.reads_event("id"));
    }

    #[test]
    fn the_fields_that_it_looks_at_are_known_before() {
        let reads = |source: &str| {
            let Ok(FoldExpression::State(expression)) = FoldExpression::parse(source) else {
                panic!("`{source}` does not look at the state")
            };
            ["total", "name"].map(|field| expression.reads_state(field))
        };
        assert_eq!(reads("state.total - data.discount"), [true, false]);
        assert_eq!(reads("state.gone | default(state.name)"), [false, true]);
        for whole in [
            "'total' in state",
            "state[data.state] is defined",
            "state | length",
        ] {
            assert_eq!(reads(whole), [true, true], "{whole}");
        }
        assert!(reads("state['total'] + event.version")[0]);
    }

    #[test]
    fn a_recorded_number_keeps_its_digits() {
        let recorded = |source: &str| {
            let expression = Expression::parse(source).unwrap();
            expression
                .recorded(&scope())
                .map(|text| text.map(str::to_owned))
        };
        let exact = Some(Ok("0.1000000000000000000001".to_owned()));
        assert_eq!(recorded("data.exact"), exact);
        assert_eq!(recorded("data.exact + 1"), None);
        assert_eq!(recorded("event.version"), None);
        let missing = Undetermined("`data.gone` is missing".to_owned());
        assert_eq!(recorded("data.gone"), Some(Err(missing)));
    }
}
