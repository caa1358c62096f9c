//! From a projection document as written to the checked projection.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::projection::{
    Blank, Change, Checkpoint, Column, Counts, DEFAULT_TOLERANCE, DeadLetters, Effect, Field, Key,
    Letter, Operand, Operation, Picked, Projection, RowVersion, Stored,
};
use crate::definition::raw::projection::{self as raw, MOST_PLACES};
use crate::definition::raw::shape::Short;
use crate::definition::raw::written::{Name, Text};
use crate::definition::structure::shown;
use crate::definition::validate::log::relation;
use crate::event::Span;
use crate::expression::{Expression, FoldExpression};
use crate::finding::Severity;
use crate::suggest::did_you_mean;

/// The entry that every event of a key has.
const EVERY: &str = "*";

/// The checked projection; `None` where something fatal is wrong with it.
pub(crate) fn check(
    raw: raw::Projection,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Projection> {
    let from = faults.len();
    let key = key(raw.from, raw.key, at, faults);
    let fields = fields(&raw.on);
    if raw.on.is_empty() {
        faults.push(
            Fault::fatal(
                fault::BAD_VALUE,
                at.key("on").place(),
                "`on` cannot be empty",
            )
            .label("no event does anything")
            .help("name the event types and what they do".to_owned()),
        );
    }
    let mut on = BTreeMap::new();
    let mut every = None;
    for (kind, Short(raw)) in raw.on {
        let at = at.key("on");
        let effect = effect(raw, &fields, at.key(&kind), faults);
        match (kind.as_str(), effect) {
            (EVERY, Effect::Change(changes)) => every = Some(changes),
            (EVERY, Effect::Delete) => faults.push(
                Fault::fatal(
                    fault::BAD_VALUE,
                    at.key(&kind).place(),
                    "not every event can delete",
                )
                .label("no key would ever have a state")
                .help("write `delete` beside the event type that does".to_owned()),
            ),
            (_, effect) => {
                on.insert(kind.into(), effect);
            }
        }
    }
    let stored = match raw.stored {
        Some(raw) => stored(raw, &fields, at.key("stored"), faults),
        None => None,
    };
    if faults[from..].iter().any(|fault| fault.fatal) {
        return None;
    }
    let projection = Projection {
        name: raw.projection.0.0,
        about: raw.about,
        place: at.key("projection").place(),
        key: key?,
        narrow: raw.r#where.map(|text| text.0),
        fields,
        on,
        every,
        within: raw.within.map_or(Span::ZERO, |text| text.0),
        stored,
    };
    unanchored(&projection, at, faults);
    Some(projection)
}

fn key(
    from: Option<raw::From>,
    key: Option<Text<Expression>>,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Key> {
    match (from, key) {
        (Some(from), None) => {
            let pattern = from.stream.0;
            Some(Key::Stream {
                before: pattern.before,
                after: pattern.after,
            })
        }
        (None, Some(key)) => Some(Key::Expression(key.0)),
        (Some(_), Some(_)) => {
            faults.push(
                Fault::fatal(
                    fault::BAD_VALUE,
                    at.name_of("key").place(),
                    "the key comes from `from` or `key`, not both",
                )
                .label("the second one"),
            );
            None
        }
        (None, None) => {
            faults.push(
                Fault::fatal(
                    fault::MISSING_KEY,
                    at.place(),
                    "nothing says which key an event belongs to",
                )
                .label("`from` or `key` has to stand beside this")
                .help(
                    "write `from: { stream: \"order-{key}\" }` or `key: data.order_id`".to_owned(),
                ),
            );
            None
        }
    }
}

/// The operations of an effect, in the order in which they are checked.
fn operations(raw: raw::Effect) -> [(&'static str, Operation, BTreeMap<String, raw::Operand>); 5] {
    [
        ("set", Operation::Set, raw.set),
        ("add", Operation::Add, raw.add),
        ("subtract", Operation::Subtract, raw.subtract),
        ("append", Operation::Append, raw.append),
        ("remove", Operation::Remove, raw.remove),
    ]
}

/// Every field that some effect names, sorted.
fn fields(on: &BTreeMap<String, Short<raw::Effect>>) -> Vec<Field> {
    let mut fields: BTreeMap<&str, Blank> = BTreeMap::new();
    for Short(effect) in on.values() {
        let named = [
            (&effect.set, Blank::Nothing),
            (&effect.add, Blank::Zero),
            (&effect.subtract, Blank::Zero),
            (&effect.append, Blank::Empty),
            (&effect.remove, Blank::Empty),
        ];
        for (operands, blank) in named {
            for field in operands.keys() {
                let known = fields.entry(field).or_insert(blank);
                if *known == Blank::Nothing {
                    *known = blank;
                }
            }
        }
    }
    fields
        .into_iter()
        .map(|(name, blank)| Field {
            name: name.into(),
            blank,
        })
        .collect()
}

fn effect(raw: raw::Effect, fields: &[Field], at: At<'_>, faults: &mut Vec<Fault>) -> Effect {
    if raw.delete {
        return Effect::Delete;
    }
    let mut changed: BTreeMap<String, &'static str> = BTreeMap::new();
    let mut changes = Vec::new();
    for (key, operation, operands) in operations(raw) {
        for (name, operand) in operands {
            let at = at.key(key);
            if let Some(first) = changed.get(&name) {
                let message = format!("`{}` is changed twice by one event", shown(&name));
                faults.push(
                    Fault::fatal(fault::BAD_VALUE, at.name_of(&name).place(), message)
                        .label(format!("`{first}` changes it too"))
                        .help("write one expression that does both".to_owned()),
                );
                continue;
            }
            let operand = self::operand(operand, operation, at.key(&name), faults);
            if let (Some(operand), Some(field)) = (
                operand,
                fields.iter().position(|field| *field.name == *name),
            ) {
                changes.push(Change {
                    field,
                    operation,
                    operand,
                });
            }
            changed.insert(name, key);
        }
    }
    Effect::Change(changes)
}

fn operand(
    raw: raw::Operand,
    operation: Operation,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Operand> {
    if let Value::String(text) = &raw.0
        && let Some(source) = text.strip_prefix('=')
    {
        return match FoldExpression::parse(source) {
            Ok(expression) => Some(Operand::Expression(expression)),
            Err(error) => {
                faults.push(
                    Fault::fatal(fault::BAD_EXPRESSION, at.place(), error.message)
                        .label("an expression, since it begins with `=`")
                        .help(error.help),
                );
                None
            }
        };
    }
    let arithmetic = matches!(operation, Operation::Add | Operation::Subtract);
    if arithmetic && !raw.0.is_number() {
        faults.push(
            Fault::fatal(fault::BAD_VALUE, at.place(), "only numbers can be added")
                .label("a number or `=` and an expression is wanted"),
        );
        return None;
    }
    Some(Operand::Literal(raw.0))
}

fn stored(
    raw: raw::Stored,
    fields: &[Field],
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Stored> {
    let columns = columns(raw.columns, fields, at, faults);
    let tolerance = raw
        .tolerance
        .map_or(DEFAULT_TOLERANCE, |fraction| fraction.0);
    if !(0.0..1.0).contains(&tolerance) {
        faults.push(
            Fault::fatal(
                fault::BAD_VALUE,
                at.key("tolerance").place(),
                format!("a tolerance of {tolerance} says nothing"),
            )
            .label("from 0 to less than 1")
            .help("it is relative: `1e-9` is one part in a thousand million".to_owned()),
        );
    }
    let relation = relation(raw.table, raw.query, true, at, faults);
    let checkpoint = raw
        .checkpoint
        .map(|raw| checkpoint(raw, at.key("checkpoint"), faults));
    let dead_letters = raw
        .dead_letters
        .map(|raw| dead_letters(raw, at.key("dead-letters"), faults));
    Some(Stored {
        place: at.place(),
        database: raw.database.map(|path| at.folder().join(&*path.0.0)),
        relation: relation?,
        key: raw.key.0.to_string(),
        columns,
        ignore: raw.ignore.0.iter().map(|name| name.0.to_string()).collect(),
        version: raw.version.map(|Short(version)| RowVersion {
            column: version.column.0.to_string(),
            counts: match version.counts {
                None | Some(raw::Counts::Version) => Counts::Version,
                Some(raw::Counts::Position) => Counts::Position,
            },
        }),
        tolerance,
        checkpoint: checkpoint.flatten(),
        dead_letters: dead_letters.flatten(),
    })
}

fn columns(
    raw: Option<BTreeMap<String, Short<raw::Column>>>,
    fields: &[Field],
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Vec<Column> {
    let Some(raw) = raw else {
        let own = |(field, it): (usize, &Field)| Column {
            field,
            name: it.name.to_string(),
            scale: 0,
        };
        return fields.iter().enumerate().map(own).collect();
    };
    let at = at.key("columns");
    if raw.is_empty() {
        faults.push(
            Fault::fatal(fault::BAD_VALUE, at.place(), "`columns` cannot be empty")
                .label("nothing would be compared")
                .help("leave it out to compare every field with the column of its name".to_owned()),
        );
    }
    let mut columns = Vec::new();
    for (name, Short(column)) in raw {
        let Some(field) = fields.iter().position(|field| *field.name == *name) else {
            let message = format!("no event changes a field `{}`", shown(&name));
            let known = fields.iter().map(|field| &*field.name);
            faults.push(
                Fault::fatal(fault::UNKNOWN_FIELD, at.name_of(&name).place(), message)
                    .label("it would be compared with nothing")
                    .help(did_you_mean(&name, known)),
            );
            continue;
        };
        if column.scale > MOST_PLACES {
            faults.push(
                Fault::fatal(
                    fault::BAD_VALUE,
                    at.key(&name).key("scale").place(),
                    format!("`scale` cannot be {}", column.scale),
                )
                .label(format!("from 0 to {MOST_PLACES}")),
            );
        }
        columns.push(Column {
            field,
            name: column.column.0.to_string(),
            scale: column.scale,
        });
    }
    columns
}

fn checkpoint(
    raw: raw::CheckpointOrPosition,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Checkpoint> {
    let raw = match raw {
        raw::CheckpointOrPosition::Position(position) => {
            return Some(Checkpoint::Literal(position));
        }
        raw::CheckpointOrPosition::Row(row) => row,
    };
    let column = raw.column.0.to_string();
    let picked = picked((raw.table, raw.query, raw.r#where), column, at, faults)?;
    Some(Checkpoint::Row(picked))
}

/// The rows that a table, or a query, and a condition pick.
fn picked(
    (table, query, condition): (Option<Text<Name>>, Option<String>, Option<String>),
    column: String,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Picked> {
    if query.is_some() && condition.is_some() {
        faults.push(
            Fault::fatal(
                fault::BAD_VALUE,
                at.name_of("where").place(),
                "a query picks its row itself",
            )
            .label("it belongs into the `query`"),
        );
    }
    Some(Picked {
        place: at.place(),
        relation: relation(table, query, true, at, faults)?,
        condition,
        column,
    })
}

fn dead_letters(raw: raw::DeadLetters, at: At<'_>, faults: &mut Vec<Fault>) -> Option<DeadLetters> {
    let (column, holds) = match (raw.position, raw.id) {
        (position, Some(id)) => {
            if position.is_some() {
                let message = "a dead letter is known by `position` or `id`, not both";
                faults.push(
                    Fault::fatal(fault::BAD_VALUE, at.name_of("id").place(), message)
                        .label("the second one"),
                );
            }
            (Some(id), Letter::Id)
        }
        (Some(position), None) => (Some(position), Letter::Position),
        (None, None) => {
            let message = "nothing says which event a dead letter is";
            faults.push(
                Fault::fatal(fault::MISSING_KEY, at.place(), message)
                    .label("`position` or `id` has to stand in this")
                    .help("name the column that holds it, as `id: event_id`".to_owned()),
            );
            (None, Letter::Id)
        }
    };
    let column = column.map_or_else(String::new, |column| column.0.to_string());
    let picked = picked((raw.table, raw.query, raw.r#where), column, at, faults)?;
    Some(DeadLetters { picked, holds })
}

/// A projection whose stored rows are compared, and nothing says how far they have come.
fn unanchored(projection: &Projection, at: At<'_>, faults: &mut Vec<Fault>) {
    let Some(stored) = &projection.stored else {
        return;
    };
    if stored.version.is_some() || stored.checkpoint.is_some() {
        return;
    }
    let message = format!(
        "nothing says how far `{}` has come: a lost event cannot be told from a slow one",
        projection.name
    );
    faults.push(
        Fault::lint(
            fault::UNANCHORED_PROJECTION,
            Severity::Warning,
            at.name_of("stored").place(),
            message,
        )
        .label("neither a `checkpoint` nor a `version`")
        .help(
            "name the consumer's `checkpoint`, or the column with each row's `version`".to_owned(),
        ),
    );
}
