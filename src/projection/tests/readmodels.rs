//! Read models as people keep them: spellings of values, checkpoints, other files.

use rusqlite::Connection;

use super::{Bench, Told, beside, told};
use crate::projection::{Mark, ReadModels};

const SPELLINGS: &str = "
projection: spellings
key: data.id
on:
  Told:
    set:
      amount: =data.amount
      flag: =data.flag
      list: =data.list
      word: =data.word
      rate: =data.rate
      ref: =data.ref
    add: { cents: =data.amount }
  Nothing:
    add: { cents: 0 }
  Touched:
    add: { untouched: 1 }
    append: { unlisted: 1 }
stored:
  table: view
  key: id
  columns:
    amount: amount
    cents: { column: cents, scale: 2 }
    flag: flag
    list: list
    word: word
    rate: rate
    ref: ref
    untouched: untouched
    unlisted: unlisted
  version: at
";

const TOLD: &str = r#"{"id":"k","amount":"174.41","flag":true,"list":[1,{"a":2.50}],"word":"x",
    "rate":0.1,"ref":"108be2c6-8288-5446-984e-bc06a502b9f8"}"#;

fn said(row: &str) -> Vec<String> {
    let sql = format!(
        "CREATE TABLE view (id, amount, cents, flag, list, word, rate, ref, untouched, unlisted, at);
         INSERT INTO view VALUES ({row});"
    );
    let events: [Told<'_>; 1] = [(0, "Told", "s", 1, TOLD)];
    let bench = Bench::new(SPELLINGS, &events, &sql);
    let mut said = told(&bench.audit(1000));
    let differing = &bench.audit(1000).standings;
    for difference in differing.iter().flat_map(|it| &it.differences) {
        said.push(format!(
            "{}: {} not {}",
            difference.column, difference.expected, difference.stored
        ));
    }
    said
}

#[test]
fn one_value_has_several_spellings() {
    let uuid = "x'108be2c682885446984ebc06a502b9f8'";
    for row in [
        format!("'k', '174.41', 17441, 1, '[1, {{\"a\": 2.5}}]', 'x', 0.1, {uuid}, 0, '[]', 1"),
        "'k', 174.41, '17441', 'true', '[1,{\"a\":2.500}]', 'x', '0.10', \
         '108be2c6-8288-5446-984e-bc06a502b9f8', null, null, 1"
            .to_owned(),
        format!(
            "'k', '174.41', 17441.0, 1.0, '[1.0,{{\"a\":2.5}}]', x'78', 0.1000000000001, {uuid}, 0.0, ' [ ] ', '01'"
        ),
    ] {
        assert_eq!(said(&row), Vec::<String>::new(), "{row}");
    }
}

#[test]
fn other_values_differ_each_in_its_column() {
    let row = "'k', '174.410', 17440, 0, '[1]', 'X', 0.1001, 'other', 1, '[1]', 1";
    assert_eq!(
        said(row),
        [
            "k divergent [1]",
            "amount: \"174.41\" not \"174.410\"",
            "cents: 17441 not 17440",
            "flag: true not 0",
            "list: [1,{\"a\":2.5}] not \"[1]\"",
            "rate: 0.1 not 0.1001",
            "ref: \"108be2c6-8288-5446-984e-bc06a502b9f8\" not \"other\"",
            "unlisted: null not \"[1]\"",
            "untouched: null not 1",
            "word: \"x\" not \"X\"",
        ]
    );
    let bad = "'k', '174.41', 17441, 1, '[1', 'x', 0.1, '108be2c6-8288-5446-984e-bc06a502b9f8', 0, '[]', 1";
    assert_eq!(
        said(bad),
        ["k unreadable [] (`list` holds \"[1\" where JSON is expected)"]
    );
}

const COUNTS: &str = "
projection: counts
key: data.id
on: { A: { add: { num: 1 } } }
stored:
  table: view
  key: id
  ignore: [updated_at, note]
  checkpoint: { table: checkpoints, where: \"consumer = 'v' -- the view\", column: at }
";

const VIEW: &str = "CREATE TABLE view (id, num, updated_at, note, extra);
    CREATE TABLE checkpoints (consumer TEXT, at);";

fn bench(projection: &str, sql: &str) -> Bench {
    let events: [Told<'_>; 2] = [
        (0, "A", "s", 1, r#"{"id":1}"#),
        (10, "A", "s", 2, r#"{"id":1}"#),
    ];
    Bench::new(projection, &events, &format!("{VIEW}{sql}"))
}

#[test]
fn a_checkpoint_is_a_number_or_the_text_of_one() {
    for (rows, mark) in [
        ("('v', 2)", Mark::At(2)),
        ("('v', '0000000000002'), ('w', 1)", Mark::At(2)),
        ("('v', ' 2 ')", Mark::At(2)),
        ("('v', 2.0)", Mark::At(2)),
        ("('v', null)", Mark::Absent("`at` is null".to_owned())),
        (
            "('w', 2)",
            Mark::Absent("no row is the consumer's".to_owned()),
        ),
        (
            "('v', 'late')",
            Mark::Unreadable("`at` holds \"late\"".to_owned()),
        ),
        ("('v', 2.5)", Mark::Unreadable("`at` holds 2.5".to_owned())),
        (
            "('v', 1), ('v', 2), ('v', 3)",
            Mark::Unreadable("3 rows might be the consumer's".to_owned()),
        ),
    ] {
        let sql = format!("INSERT INTO checkpoints VALUES {rows};");
        assert_eq!(bench(COUNTS, &sql).audit(0).mark, mark, "{rows}");
    }
}

#[test]
fn columns_that_nothing_is_compared_with_are_told() {
    assert_eq!(bench(COUNTS, "").audit(0).uncompared, ["extra"]);
    let misspelt = COUNTS.replace("updated_at", "updatedAt");
    let error = bench(&misspelt, "")
        .try_audit(0, false)
        .unwrap_err()
        .message;
    assert!(
        error.starts_with("there is no column `updatedAt` to ignore in the projection `counts`, "),
        "{error}"
    );
}

#[test]
fn a_table_or_column_that_is_not_there_is_an_error_with_its_place() {
    for (from, to, says) in [
        (
            "table: view",
            "table: veiw",
            "has no table `veiw`; did you mean `view`?",
        ),
        ("key: id", "key: ident", "`view` has no column `ident`"),
        (
            "column: at",
            "column: st",
            "`checkpoints` has no column `st`",
        ),
        ("consumer = 'v'", "consumr = 'v'", "no such column: consumr"),
    ] {
        let projection = COUNTS.replacen(from, to, if from == "key: id" { 2 } else { 1 });
        let projection = projection.replace("key: data.ident", "key: data.id");
        let error = bench(&projection, "")
            .try_audit(0, false)
            .unwrap_err()
            .message;
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_condition_can_only_read() {
    let projection = COUNTS.replace(
        "\"consumer = 'v' -- the view\"",
        "\"load_extension('x') is null\"",
    );
    let error = bench(&projection, "")
        .try_audit(0, false)
        .unwrap_err()
        .message;
    assert!(error.contains("not authorized"), "{error}");
}

#[test]
fn a_read_model_may_stand_in_another_file_and_come_from_a_query() {
    let projection = "
projection: counts
key: data.id
on: { A: { add: { num: 1 } } }
stored:
  database: views.db
  query: SELECT 'ignored' AS kind, id, sum(num) AS num FROM parts GROUP BY id
  key: id
  ignore: kind
  checkpoint: 2
";
    let bench = bench(projection, "");
    let other = beside(&bench, "views.db");
    let error = bench.try_audit(0, false).unwrap_err().message;
    let place = "views.db does not exist (for the projection `counts`, ";
    assert!(error.contains(place), "{error}");
    std::fs::write(&other, "").unwrap();
    let error = bench.try_audit(0, false).unwrap_err().message;
    let place = "views.db is empty (0 bytes), so it holds nothing; check that its writer uses this path (for the projection `counts`, ";
    assert!(error.contains(place), "{error}");
    Connection::open(&other)
        .unwrap()
        .execute_batch(
            "CREATE TABLE parts (id INTEGER, num INTEGER);
             INSERT INTO parts VALUES (1, 1), (1, 1), (2, 5);",
        )
        .unwrap();
    assert_eq!(told(&bench.audit(100)), ["2 orphan []"]);
    let log = bench.log();
    let unopened = ReadModels::default().mark(&bench.projections[0], &log);
    assert_eq!(unopened, Ok(Mark::At(2)));
    let unopened = ReadModels::default().uncompared(&bench.projections[0], &log);
    assert!(
        unopened
            .unwrap_err()
            .message
            .contains("was not opened before the log")
    );
}
