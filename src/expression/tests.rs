mod comparisons;

use serde_json::json;

use super::*;

const DATA: &[u8] = br#"{"amount":120,"currency":"EUR","big":18446744073709551615,"rate":0.25,
    "parcel":null,"items":[{"price":3},{"price":4}],"my-key":7,"flag":false,"in":{"out":1}}"#;

fn scope<'a>() -> Scope<'a> {
    Scope {
        position: Position(7),
        kind: "OrderPlaced",
        time: Some(Timestamp::from_nanos(0)),
        stream: Some("order-1"),
        version: Some(3),
        id: None,
        correlation: Some("saga-9"),
        causation: None,
        key: None,
        data: Some(DATA),
        metadata: Some(br#"{"a":{"b":"deep"}}"#),
    }
}

fn evaluate(source: &str) -> Result<Value, String> {
    let expression = Expression::parse(source).map_err(|error| error.to_string())?;
    expression.evaluate(&scope()).map_err(|error| error.0)
}

#[test]
fn expressions_have_these_values() {
    for (source, value) in [
        ("data.amount", json!(120)),
        (" data.items.1.price ", json!(4)),
        ("data.big", json!(u64::MAX)),
        ("data.parcel", json!(null)),
        ("metadata.a.b", json!("deep")),
        ("event.stream", json!("order-1")),
        ("event.time", json!("1970-01-01T00:00:00Z")),
        ("event.position", json!(7)),
        ("data.amount > 100 and data.currency == 'EUR'", json!(true)),
        ("data.amount > 200 and data.nowhere == 1", json!(false)),
        ("data.parcel != none", json!(false)),
        ("data['my-key'] + 1", json!(8)),
        ("data.items[0].price", json!(3)),
        ("data.items|length", json!(2)),
        ("data.items|sum(attribute='price')", json!(7)),
        ("data.big - 1", json!(u64::MAX - 1)),
        ("data.rate * 4", json!(1.0)),
        ("data.nowhere is defined", json!(false)),
        (
            "data.nowhere is not defined or data.nowhere > 1",
            json!(true),
        ),
        ("data.nowhere | default(5)", json!(5)),
        ("data['no-where'] is undefined", json!(true)),
        ("'amount' in data", json!(true)),
        ("'nowhere' in data", json!(false)),
        ("'nowhere' not in data", json!(true)),
        ("event.type ~ ':' ~ event.version", json!("OrderPlaced:3")),
        ("[data.amount, data.currency]", json!([120, "EUR"])),
        ("data.in.out == 1", json!(true)),
        ("data.items[-1].price", json!(4)),
        ("data.currency[0:2]", json!("EU")),
        ("data.currency[1:] == 'UR'", json!(true)),
        ("data['currency'][:-1] ~ data.rate", json!("EU0.25")),
        ("data.currency[::2]", json!("ER")),
        ("data.currency[:]", json!("EUR")),
        ("(data.currency ~ event.version)[2:4]", json!("R3")),
        ("event.stream[6:]", json!("1")),
        ("metadata.a.b[event.version:]", json!("p")),
        ("{'a': data.currency[0:1], 'b': [1]}['a']", json!("E")),
        ("data.items[1:]", json!([{"price": 4}])),
        ("data.items[:1]|length", json!(1)),
        ("data['currency'][data['in'].out:]", json!("UR")),
        ("[1, 2, 3][[0][0]:]", json!([1, 2, 3])),
        ("data.currency[:not data.nowhere is defined]", json!("E")),
        ("data.currency[0 if data.rate else 1:2]", json!("EU")),
    ] {
        assert_eq!(evaluate(source), Ok(value), "{source}");
    }
}

#[test]
fn what_is_missing_leaves_the_value_undetermined() {
    for (source, reason) in [
        ("data.nowhere", "`data.nowhere` is missing"),
        ("data.amount.x", "`data.amount.x` is missing"),
        ("data.nowhere == 1", "`data.nowhere` is missing"),
        ("data.nowhere > 1", "`data.nowhere` is missing"),
        ("not data.nowhere", "`data.nowhere` is missing"),
        ("data['nowhere'] == 1", "`data.nowhere` is missing"),
        ("data.items[5].price == 1", "`data.items.5` is missing"),
        ("data.items[0].cost == 1", "`data.items.0.cost` is missing"),
        ("data.a is defined or data.b > 1", "`data.b` is missing"),
        ("data.in.nowhere == 1", "`data.in.nowhere` is missing"),
        ("event.id", "`event.id` is missing"),
        ("event.id == 'x'", "`event.id` is missing"),
        ("data.nowhere[0:2] == 'x'", "`data.nowhere` is missing"),
        ("data.currency[data.from:]", "`data.from` is missing"),
    ] {
        assert_eq!(evaluate(source), Err(reason.to_owned()), "{source}");
    }
}

#[test]
fn what_cannot_be_computed_is_undetermined_too() {
    for (source, start) in [
        ("data.currency + 1", "cannot be evaluated: "),
        ("range(1000000000000)", "cannot be evaluated: "),
        (
            "range(90000)|map('string')|join|length > 1",
            "cannot be evaluated: ",
        ),
        ("('a' * 90000000) * 90000000", "cannot be evaluated: "),
        ("1 / 0", "cannot be evaluated: "),
        ("1e308 * 10", "has no value"),
        ("data.amount if data.flag", "has no value"),
    ] {
        let reason = evaluate(source).unwrap_err();
        assert!(reason.starts_with(start), "{source}: {reason}");
    }
    let mut broken = scope();
    broken.data = Some(b"{");
    for source in ["data.amount", "data.amount > 1", "data['amount'] > 1"] {
        let reason = Expression::parse(source)
            .unwrap()
            .evaluate(&broken)
            .unwrap_err()
            .0;
        assert!(
            reason.starts_with("the event's data is not JSON: "),
            "{source}: {reason}"
        );
    }
    broken.data = None;
    for source in ["data.amount", "data.amount > 1"] {
        let reason = Expression::parse(source)
            .unwrap()
            .evaluate(&broken)
            .unwrap_err()
            .0;
        assert_eq!(reason, "the event has no data");
    }
}

#[test]
fn a_source_that_is_no_expression_is_refused_with_the_cure() {
    for (source, message) in [
        ("", "an expression cannot be empty"),
        (
            "datas.x[0:2]",
            "`datas` cannot be seen here: did you mean `data`?",
        ),
        (
            "event.strem[0:2]",
            "an event has no field `strem`: did you mean `event.stream`?",
        ),
        (
            "amount > 1",
            "`amount` cannot be seen here: did you mean `data.amount`? `event`, `data` and `metadata` can be seen",
        ),
        (
            "date.amount",
            "`date` cannot be seen here: did you mean `data`?",
        ),
        (
            "state.x == 1",
            "`state` cannot be seen here: did you mean `data.state`? `event`, `data` and `metadata` can be seen",
        ),
        (
            "stream == 'x'",
            "`stream` cannot be seen here: did you mean `event.stream` or `data.stream`?",
        ),
        (
            "data.x == null",
            "`null` cannot be seen here: nothing is called `none`",
        ),
        (
            "event.streem",
            "an event has no field `streem`: did you mean `event.stream`?",
        ),
        (
            "event.amount > 1",
            "an event has no field `amount`: did you mean `data.amount`?",
        ),
        (
            "event.idempotency",
            "an event has no field `idempotency`: did you mean `event.key`?",
        ),
        (
            "data.été",
            "not an expression: unexpected character: write `data['été']`",
        ),
        (
            "1 + data.a.größe > 2",
            "not an expression: unexpected character: write `data.a['größe']`",
        ),
        ("data.x|nope", "there is no filter `nope`"),
        ("data.x is nope", "there is no test `nope`"),
    ] {
        assert_eq!(
            Expression::parse(source).unwrap_err().to_string(),
            message,
            "{source}"
        );
    }
    for source in [
        "data.",
        "data.x = 1",
        "{{ data.x }}",
        "data.x && data.y",
        "data.x ==",
        ")",
        "'open",
    ] {
        let message = Expression::parse(source).unwrap_err().message;
        assert!(
            message.starts_with("not an expression: "),
            "{source}: {message}"
        );
    }
}

#[test]
fn hostile_sources_end_in_an_error() {
    let million = format!("data.x + {}", "1".repeat(1_000_000));
    let long_path = format!("data.x{}", " + data.x".repeat(400));
    let sum = format!("0{}", "+1".repeat(2000));
    for source in [
        million,
        "(".repeat(4000),
        "[".repeat(4000),
        "-".repeat(4000),
        "not ".repeat(1000),
        "1 if ".repeat(800),
        format!("{}1{}", "(".repeat(1500), ")".repeat(1500)),
        format!("data{}", "[data".repeat(700)),
        "'".repeat(4001),
        "1 if 1 else ".repeat(300),
    ] {
        assert!(Expression::parse(&source).is_err(), "{}", &source[..20]);
    }
    for source in [
        long_path,
        sum,
        format!("data{}", ".x".repeat(2000)),
        format!("1{}", " is defined".repeat(370)),
        format!("1{}", "|string".repeat(500)),
        format!("1{}", " < 1".repeat(1000)),
        format!("1{}", "**1".repeat(1000)),
        format!("data{}", "[0]".repeat(1300)),
        format!("1{}", " and 1".repeat(600)),
    ] {
        if let Ok(expression) = Expression::parse(&source) {
            drop(expression.evaluate(&scope()));
        }
    }
}

#[test]
fn what_takes_no_work_to_make_is_not_made_large() {
    let many = ["range(99999)"; 11];
    for (source, reason) in [
        ("1 in ([2] * 90000000)", "a list cannot be multiplied"),
        ("[1] * 1000000", "a list cannot be multiplied"),
        ("1000000 * data.items", "a list cannot be multiplied"),
        ("2 * data.currency|list", "a list cannot be multiplied"),
        (&format!("[{}]", many.join(",")), "has too large a value"),
        (&many.join("+"), "has too large a value"),
    ] {
        let value = Expression::parse(source).unwrap().evaluate(&scope());
        let reason = reason.to_owned();
        assert!(
            value.as_ref().is_err_and(|error| error.0.contains(&reason)),
            "{source}: {value:?}"
        );
    }
    for (source, value) in [
        ("data.amount * 2 + 1", json!(241)),
        ("data.items|length * 2", json!(4)),
        ("2 * data.items|length", json!(4)),
        ("'a' * 3", json!("aaa")),
        ("range(99999)|length * 1", json!(99999)),
        ("2 * (data.amount > 1)", json!(2)),
    ] {
        let found = Expression::parse(source).unwrap().evaluate(&scope());
        assert_eq!(found, Ok(value), "{source}");
    }
    for source in ["debug()", "dict(a=1)", "namespace()"] {
        let message = Expression::parse(source).unwrap_err().message;
        assert!(message.ends_with("cannot be seen here"), "{message}");
    }
}

#[test]
fn what_is_read_is_known_before() {
    let plain = Expression::parse("data.x").unwrap();
    assert!(plain.reads_data() && !plain.reads_metadata() && !plain.reads_event("stream"));
    let both = Expression::parse("event.stream == metadata.tenant").unwrap();
    assert!(!both.reads_data() && both.reads_metadata());
    assert!(both.reads_event("stream") && !both.reads_event("id"));
    let part = Expression::parse("data.x[event.version:] == event.stream[0:2]").unwrap();
    assert!(part.reads_data() && !part.reads_metadata() && !part.reads_event("id"));
    assert!(part.reads_event("stream") && part.reads_event("version"));
    let any = Expression::parse("event['id'] == 'x'").unwrap();
    assert!(any.reads_event("id") && any.reads_event("stream"));
}

#[test]
fn an_expression_can_go_to_other_threads() {
    fn travels<T: Send + Sync + Clone + std::fmt::Debug>() {}
    travels::<Expression>();
}

#[test]
fn values_hold_unless_they_are_nothing_zero_or_empty() {
    for (source, holds) in [
        ("data.flag", false),
        ("data.amount", true),
        ("data.parcel", false),
        ("data.currency", true),
        ("data.items", true),
        ("data.amount - 120", false),
    ] {
        assert_eq!(
            Expression::parse(source).unwrap().holds(&scope()),
            Ok(holds),
            "{source}"
        );
    }
}
