//! Keys of a log whose beginning was removed.

use super::verdicts::{BY_VERSION, LIFE, accounts, model};
use super::{Bench, told};

#[test]
fn a_log_without_its_beginning_tells_only_of_streams_that_begin_in_it() {
    let mut events = LIFE.to_vec();
    events.remove(0);
    events.push((0, "Opened", "account-b", 1, "{}"));
    let sql = model(
        "('a', 99, 'closed', 5), ('b', 3, 'open', 1), ('c', 1, 'open', 9)",
        "0",
    );
    let bench = Bench::new(&accounts(BY_VERSION), &events, &sql);
    assert_eq!(
        told(&bench.try_audit(1000, true).unwrap()),
        [
            "a unknown [] (its first events may have been cut off)",
            "b divergent [5] (nothing that was tried gives what `balance` holds, and all else is what its events give: edited outside)",
            "c unknown [] (its events may have been cut off)",
        ]
    );
}

#[test]
fn of_a_log_without_its_beginning_a_version_tells_what_it_counts_from_and_a_field_tells_nothing() {
    let opened = |stream, version| (0, "Opened", stream, version, r#"{"account":"a"}"#);
    let by_field =
        accounts(BY_VERSION).replace("from: { stream: \"account-{key}\" }", "key: data.account");
    let by_stream = accounts(BY_VERSION);
    let beheaded = "a unknown [] (its first events may have been cut off)";
    for (projection, other, version, expected) in [
        (&by_stream, 2, 1, "a divergent [1]"),
        (&by_stream, 0, 1, beheaded),
        (&by_stream, 1, 0, "a ahead [1]"),
        (&by_field, 2, 1, beheaded),
    ] {
        let events = [opened("account-a", version), (0, "Other", "z", other, "{}")];
        let sql = model("('a', 5, 'open', 1)", "0");
        let bench = Bench::new(projection, &events, &sql);
        let told = told(&bench.try_audit(1000, true).unwrap());
        let expected = told.len() == 1 && told[0].starts_with(expected);
        assert!(expected, "{other} {version} {told:?}");
    }
}
