//! What well-formed projections become.

use std::path::PathBuf;

use super::{lines, read};
use crate::definition::log::Relation;
use crate::definition::projection::{
    Blank, Checkpoint, Counts, Effect, Key, Operand, Operation, Projection,
};
use crate::event::Span;
use crate::expression::FoldExpression;

const ORDER_VIEW: &str = include_str!("order-view.yaml");

/// Each change as `operation field operand`.
fn changes(projection: &Projection, effect: &Effect) -> Vec<String> {
    let Effect::Change(changes) = effect else {
        return vec!["delete".to_owned()];
    };
    let words = changes.iter().map(|change| {
        let operation = match change.operation {
            Operation::Set => "set",
            Operation::Add => "add",
            Operation::Subtract => "subtract",
            Operation::Append => "append",
            Operation::Remove => "remove",
        };
        let operand = match &change.operand {
            Operand::Literal(value) => value.to_string(),
            Operand::Expression(FoldExpression::Event(it)) => format!("={}", it.source()),
            Operand::Expression(it @ FoldExpression::State(_)) => {
                format!("state: ={}", it.source())
            }
        };
        format!(
            "{operation} {} {operand}",
            projection.fields[change.field].name
        )
    });
    words.collect()
}

#[test]
fn a_projection_is_read_as_written() {
    let definitions = read(ORDER_VIEW);
    assert_eq!(lines(&definitions.lints), Vec::<String>::new());
    let [projection] = definitions.scopes[0].projections.as_slice() else {
        panic!("one projection")
    };
    assert_eq!(projection.within, Span::from_secs(30));
    let Key::Stream { before, after } = &projection.key else {
        panic!("a stream's pattern")
    };
    assert_eq!((before.as_str(), after.as_str()), ("order-", ""));
    let fields: Vec<(&str, Blank)> = projection
        .fields
        .iter()
        .map(|field| (&*field.name, field.blank))
        .collect();
    assert_eq!(
        fields,
        [
            ("applied", Blank::Zero),
            ("items", Blank::Zero),
            ("last_version", Blank::Nothing),
            ("status", Blank::Nothing),
            ("tags", Blank::Empty),
            ("total", Blank::Zero),
        ]
    );
    let effects: Vec<(&str, Vec<String>)> = projection
        .on
        .iter()
        .map(|(kind, effect)| (&**kind, changes(projection, effect)))
        .collect();
    let expected: [(&str, &[&str]); 6] = [
        (
            "CouponApplied",
            &[
                "set total state: =state.total - data.discount if state.total > data.discount else 0",
            ],
        ),
        ("ItemAdded", &["add items 1", "add total =data.price"]),
        (
            "ItemRemoved",
            &["subtract items 1", "subtract total =data.price"],
        ),
        ("OrderForgotten", &["delete"]),
        (
            "OrderPlaced",
            &[
                "set items 0",
                "set status \"placed\"",
                "set total =data.total",
            ],
        ),
        ("TagAdded", &["append tags =data.tag"]),
    ];
    let expected = expected.map(|(kind, changes)| {
        let changes: Vec<String> = changes.iter().map(|it| (*it).to_owned()).collect();
        (kind, changes)
    });
    assert_eq!(effects, expected);
    let every = Effect::Change(projection.every.clone().unwrap());
    assert_eq!(
        changes(projection, &every),
        ["set last_version =event.version", "add applied 1"]
    );
}

#[test]
fn a_read_model_is_read_as_written() {
    let definitions = read(ORDER_VIEW);
    let projection = &definitions.scopes[0].projections[0];
    let stored = projection.stored.as_ref().unwrap();
    assert_eq!(stored.relation, Relation::Table("order_view".to_owned()));
    assert_eq!(stored.database, Some(PathBuf::from("views.db")));
    let columns: Vec<(&str, &str, u32)> = stored
        .columns
        .iter()
        .map(|column| {
            let field = &*projection.fields[column.field].name;
            (field, column.name.as_str(), column.scale)
        })
        .collect();
    assert_eq!(
        columns,
        [
            ("items", "items", 0),
            ("status", "status", 0),
            ("total", "total_cents", 2)
        ]
    );
    assert_eq!(stored.ignore, ["updated_at"]);
    assert_eq!(stored.tolerance, 1e-9);
    let version = stored.version.as_ref().unwrap();
    assert_eq!(
        (version.column.as_str(), version.counts),
        ("last_version", Counts::Version)
    );
    let Some(Checkpoint::Row(picked)) = &stored.checkpoint else {
        panic!("a checkpoint in a table")
    };
    assert_eq!(picked.relation, Relation::Table("checkpoints".to_owned()));
    assert_eq!(picked.condition.as_deref(), Some("name = 'order_view'"));
    assert_eq!(picked.column, "position");
}

#[test]
fn without_columns_every_field_has_the_column_of_its_name() {
    let definitions = read(
        "projection: view
key: data.order
on: { A: { set: { total: 1, state: open } } }
stored: { table: t, key: id, checkpoint: 7, version: { column: at, counts: position } }",
    );
    let projection = &definitions.scopes[0].projections[0];
    let stored = projection.stored.as_ref().unwrap();
    let names: Vec<&str> = stored.columns.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["state", "total"]);
    assert_eq!(stored.checkpoint, Some(Checkpoint::Literal(7)));
    assert_eq!(stored.version.as_ref().unwrap().counts, Counts::Position);
}
