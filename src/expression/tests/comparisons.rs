//! Numbers beside what is text, or something else, in comparisons.

use proptest::prelude::{Just, Strategy, prop_assert_eq, prop_oneof, proptest};

use super::*;
use crate::sampling::sampled;

const KINDS: &[u8] = br#"{"five":5,"text":"5","cents":"5.00","owed":"-50.00","word":"abc","empty":"","yes":true,
    "list":[1],"map":{"a":1},"nothing":null,"great":18446744073709551615,"greater":"18446744073709551616",
    "none":"none","x":"x","items":[{"n":"7"}],"tenth":0.1,"more":"0.1000000000000000000001"}"#;

fn of_kinds(source: &str) -> Result<Value, String> {
    let expression = Expression::parse(source).map_err(|error| error.to_string())?;
    let scope = Scope {
        data: Some(KINDS),
        ..scope()
    };
    expression.evaluate(&scope).map_err(|error| error.0)
}

#[test]
fn decimal_text_beside_a_number_counts_as_that_number() {
    for (source, value) in [
        ("data.owed >= 0", false),
        ("data.owed < 0", true),
        ("0 > data.owed", true),
        ("-50 == data.owed", true),
        ("data.owed != -50", false),
        ("data.text == 5", true),
        ("data.cents == data.five", true),
        ("data.five >= data.cents", true),
        ("data.cents > event.version + 1", true),
        ("event.version < data.text", true),
        ("0 < data.text <= 5", true),
        ("5 < data.text <= data.word", false),
        ("data['text'] > 4 and not data.text > 5", true),
        ("data.items[0].n > 6", true),
        ("data.nowhere|default('7') > 6", true),
        ("data.text|trim < 6", true),
        ("data.greater > data.great", true),
        ("data.greater == data.great", false),
        ("data.more > data.tenth", true),
        ("data.more == 0.1", false),
        ("[data.text > 4, data.text > 5][0]", true),
        // Text beside text, and what is no number beside one, are the engine's.
        ("data.text == data.cents", false),
        ("data.text > data.word", false),
        ("data.word > '5'", true),
        ("data.five == '5'", false),
        ("data.word == 5", false),
        ("data.word != 5", true),
        ("data.list == 1", false),
        ("data.list == [1]", true),
        ("data.map != 1", true),
        ("data.empty == 0", false),
        ("data.nothing == 0", false),
        ("data.nothing < 0", true),
        ("data.text + data.five|string == 55", false),
        // What was asked of text, and what is not reached.
        ("data.none == 'none' or data.none > 1", true),
        ("data.text == 'none' or data.text > 1", true),
        ("data.x == 'y' and data.word > 1", false),
        ("data.word is number and data.word > 1", false),
        ("1 > 2 > data.word", false),
        ("(data.word > 1 if data.x == 'y' else true)", true),
    ] {
        assert_eq!(of_kinds(source), Ok(json!(value)), "{source}");
    }
}

#[test]
fn what_is_no_number_has_no_order_with_one() {
    for (source, reason) in [
        (
            "data.word > 1",
            "`data.word` is text that is no number: `abc`",
        ),
        (
            "1 <= data.empty",
            "`data.empty` is text that is no number: ``",
        ),
        (
            "not data.word < 1",
            "`data.word` is text that is no number: `abc`",
        ),
        (
            "data.yes >= data.five",
            "`data.yes` is true, which is no number",
        ),
        ("data.list > 1", "`data.list` is a list, which is no number"),
        (
            "data.map < 1",
            "`data.map` is a mapping, which is no number",
        ),
        (
            "data.x == 'x' and data.word > 1",
            "`data.word` is text that is no number: `abc`",
        ),
        (
            "data.word == 'none' or data.word > 1",
            "`data.word` is text that is no number: `abc`",
        ),
        (
            "data.word > 1 or data.nowhere",
            "`data.word` is text that is no number: `abc`",
        ),
        (
            "data.text * 2 > 1",
            "`data.text * 2` is text, and no number: `55`",
        ),
        (
            "(data.text + data.text) > 1",
            "`(data.text + data.text)` is text, and no number: `55`",
        ),
        (
            "0 < 1 < data['word']",
            "`data['word']` is text that is no number: `abc`",
        ),
        (
            "data.nowhere > 1 or data.word > 1",
            "`data.nowhere` is missing",
        ),
    ] {
        assert_eq!(of_kinds(source), Err(reason.to_owned()), "{source}");
    }
}

#[test]
fn a_formula_and_a_row_compare_alike() {
    let Value::Object(values) = json!({"state": {"n": "12", "word": "abc"}}) else {
        return;
    };
    let holds = |source| Formula::parse(source, &["state"]).unwrap().holds(&values);
    assert_eq!(holds("state.n > 9"), Ok(true));
    let reason = "`state.word` is text that is no number: `abc`";
    assert_eq!(
        holds("state.word > 9"),
        Err(Undetermined(reason.to_owned()))
    );
    let row = RowExpression::parse("age > 9", &["age"]).unwrap();
    let of = |age: Value| row.holds([("age", age)].into());
    assert_eq!(of(json!("12")), Ok(true));
    assert!(of(json!("abc")).is_err());
}

/// Expressions of all kinds, not all of them sound; whatever they look at is a number.
fn sources() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("data.a"),
        Just("data['b']"),
        Just("data.l[1]"),
        Just("data.in.or"),
        Just("event.version"),
        Just("1"),
        Just("-2"),
        Just("2.5e-1"),
        Just("18446744073709551616"),
        Just("'<'"),
        Just("none"),
        Just("true"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let joint = proptest::sample::select(vec![
            "<", "<=", ">", " >= ", "==", " != ", " and ", " or ", " + ", "-", " * ", " in ",
            " not in ", " if ", " ~ ", " // ",
        ]);
        let around = proptest::sample::select(vec![
            ("(", ")"),
            ("(not ", ")"),
            ("[", ", 1]"),
            ("[1, ", "]"),
            ("data.l[", "]"),
            ("data.l[:", "]"),
            ("{'k': ", "}['k']"),
            ("range(", ")|length"),
            ("", "|default(1 < 2)"),
            ("(", " is defined)"),
            ("(", " is not divisibleby 2)"),
            ("(", " is in [1 < 2])"),
            ("2 if ", " else 3"),
        ]);
        prop_oneof![
            (inner.clone(), joint, inner.clone())
                .prop_map(|(one, joint, other)| one + joint + &other),
            (inner, around).prop_map(|(inner, (before, after))| format!("{before}{inner}{after}")),
        ]
    })
}

proptest! {
    #![proptest_config(sampled(256))]
    #[test]
    fn where_no_text_meets_a_number_the_engine_itself_says_the_same(source in sources()) {
        let mut engine = minijinja::Environment::new();
        engine.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        let data = json!({"a": 2, "b": 0.25, "l": [1, 2], "in": {"or": 3}});
        let bytes = data.to_string();
        let scope = Scope { data: Some(bytes.as_bytes()), ..scope() };
        let told = engine.compile_expression(&source).map(|plain| {
            let seen = json!({"data": data, "event": {"version": 3}});
            let seen: minijinja::Value = serde_json::from_value(seen).unwrap();
            let value = plain.eval(seen);
            value.ok().and_then(|value| serde_json::to_value(value).ok())
        });
        let found = Expression::parse(&source);
        if let Err(error) = &found {
            let seen = error.message.contains("cannot be seen here");
            assert!(seen || told.is_err(), "{source}: {error}");
        }
        let (Ok(told), Ok(found)) = (told, found) else {
            return Ok(());
        };
        match (told, found.evaluate(&scope)) {
            (Some(told), Ok(found)) => prop_assert_eq!(told, found, "{}", source),
            (Some(_), Err(reason)) => {
                let known = ["no number", "is missing", "no value", "be multiplied"];
                let is_known = known.iter().any(|known| reason.0.contains(known));
                assert!(is_known, "{source}: {reason}");
            }
            (None, Err(_)) => {}
            (None, Ok(found)) => prop_assert_eq!(Value::Null, found, "{}", source),
        }
    }
}
