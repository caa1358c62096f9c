//! `list --where`: an expression over an instance and the data it began with.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::definition::Definitions;
use crate::definition::log::LogDefinition;
use crate::event::Position;
use crate::expression::{ExpressionError, RowExpression, Undetermined};
use crate::log::{Filter, Log, LogError, OpenOptions};
use crate::report::InstanceRow;

/// What an expression can refer to.
const NAMES: [&str; 10] = [
    "id", "saga", "outcome", "at", "steps", "age", "attempts", "in_force", "rules", "data",
];

/// A compiled `--where`.
pub(super) struct Condition(RowExpression);

/// The data of start events, by saga and position.
#[derive(Default)]
pub(super) struct Starts(BTreeMap<(String, Position), Value>);

impl Condition {
    /// Compiles an expression.
    pub(super) fn parse(text: &str) -> Result<Condition, ExpressionError> {
        RowExpression::parse(text, &NAMES).map(Condition)
    }

    /// Whether it looks into the start event's data.
    pub(super) fn reads_data(&self) -> bool {
        self.0.refers_to("data")
    }

    /// Whether it holds of an instance; `Err` says why that cannot be told.
    pub(super) fn holds(&self, row: &InstanceRow, starts: &Starts) -> Result<bool, Undetermined> {
        let texts = |steps: &[std::sync::Arc<str>]| {
            steps
                .iter()
                .map(|step| Value::from(&**step))
                .collect::<Value>()
        };
        let mut fields = BTreeMap::from([
            ("id", Value::from(row.id.as_str())),
            ("saga", Value::from(&*row.saga)),
            ("outcome", Value::from(row.outcome.label())),
            ("at", Value::from(row.at.as_str())),
            ("steps", texts(&row.steps)),
            ("age", Value::from(row.age.as_secs())),
            ("attempts", Value::from(row.attempts)),
            ("in_force", texts(&row.in_force)),
            ("rules", row.rules.iter().copied().collect()),
        ]);
        let start = row
            .start
            .and_then(|start| starts.0.get(&(row.saga.to_string(), start)));
        fields.extend(start.map(|data| ("data", data.clone())));
        self.0.holds(fields)
    }
}

impl Starts {
    /// Reads the events that these instances started with.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub(super) fn read(
        definitions: &Definitions,
        log: Option<&Path>,
        rows: &[InstanceRow],
    ) -> Result<Starts, LogError> {
        let mut found = BTreeMap::new();
        for scope in &definitions.scopes {
            let wanted = |row: &&InstanceRow| scope.sagas.iter().any(|saga| saga.name == row.saga);
            let mine: Vec<&InstanceRow> = rows.iter().filter(wanted).collect();
            if mine.is_empty() {
                continue;
            }
            let mut positions: Vec<Position> = mine.iter().filter_map(|row| row.start).collect();
            positions.sort_unstable();
            positions.dedup();
            let declared = scope
                .log
                .clone()
                .unwrap_or_else(|| LogDefinition::undeclared("log"));
            let opened = Log::open(
                &declared,
                &OpenOptions {
                    path: log.map(Path::to_owned),
                },
            )?;
            let (events, _) = opened.events(Filter::Positions(&positions))?;
            let data: BTreeMap<Position, Value> = events
                .into_iter()
                .filter_map(|event| Some((event.position, event.data?)))
                .collect();
            for row in mine {
                let Some(start) = row.start else { continue };
                if let Some(data) = data.get(&start) {
                    found.insert((row.saga.to_string(), start), data.clone());
                }
            }
        }
        Ok(Starts(found))
    }
}
