//! Transactions against a slow evaluator, which settles nothing and reads the whole log anew for
//! each question.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::note::{Meaning, Note};
use super::{Happening, Ledger, What};
use crate::absent::Absent;
use crate::definition;
use crate::definition::transaction::Transaction;
use crate::event::{Position, Timestamp};
use crate::texts::{Keys, Texts};

/// Seconds that a participant may wait.
const LIMIT: i64 = 10;

fn definition() -> Arc<Transaction> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions/transfer.yaml");
    let definitions = definition::load(&[path], &[]).expect("it is sound");
    Arc::clone(&definitions.scopes[0].transactions[0])
}

/// An event: what it means, whom it is about, and the second at which it happened.
type Told = (Meaning, u8, i64);

fn logs() -> impl Strategy<Value = Vec<Told>> {
    use Happening::{Aborts, Commits, Joins, Prepares, Refuses};
    let meaning = prop_oneof![
        Just(Meaning::Commit),
        Just(Meaning::Abort),
        Just(Meaning::Of(Joins)),
        Just(Meaning::Of(Prepares)),
        Just(Meaning::Of(Prepares)),
        Just(Meaning::Of(Refuses)),
        Just(Meaning::Of(Commits)),
        Just(Meaning::Of(Commits)),
        Just(Meaning::Of(Aborts)),
    ];
    prop::collection::vec((meaning, 0..3_u8, 0..6_i64), 0..10).prop_map(|steps| {
        let mut seconds = 0;
        let tell = |(meaning, who, rest)| {
            seconds += rest;
            (meaning, who, seconds)
        };
        steps.into_iter().map(tell).collect()
    })
}

fn quickly(definition: &Arc<Transaction>, told: &[Told], horizon: i64) -> Vec<What> {
    let mut ledger = Ledger::new(std::slice::from_ref(definition), None);
    let mut texts = Texts::default();
    let id = texts.keep("t");
    for (index, (meaning, who, seconds)) in told.iter().enumerate() {
        let note = Note {
            definition: 0,
            id: Some((Keys::hash("t"), id)),
            meaning: Some(*meaning),
            participant: Some(texts.keep(&who.to_string())),
            position: Position(index as i64 + 1),
            time: at(*seconds),
        };
        ledger.take(&note, &texts);
    }
    let mut found: Vec<What> = ledger
        .conclude(at(horizon), false, &Absent::default())
        .remove(0)
        .faults
        .iter()
        .map(|fault| fault.what)
        .collect();
    found.sort_by_key(|what| format!("{what:?}"));
    found
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn slowly(told: &[Told], horizon: i64) -> Vec<What> {
    let first = |wanted: Meaning, who: Option<u8>| {
        let is = |(meaning, of, _): &Told| *meaning == wanted && who.is_none_or(|who| who == *of);
        told.iter().position(is)
    };
    let (commit, abort) = (first(Meaning::Commit, None), first(Meaning::Abort, None));
    let of = |who: u8, happening| first(Meaning::Of(happening), Some(who));
    let mut found = Vec::new();
    let (mut committed, mut aborted, mut silent, mut in_doubt, mut waiting) =
        (false, false, false, false, false);
    for who in 0..3_u8 {
        let of = |happening| of(who, happening);
        let takes_part = told
            .iter()
            .any(|(meaning, by, _)| matches!(meaning, Meaning::Of(_)) && *by == who);
        if !takes_part {
            continue;
        }
        let (prepared, refused) = (of(Happening::Prepares), of(Happening::Refuses));
        let ends = (of(Happening::Commits), of(Happening::Aborts));
        committed |= ends.0.is_some();
        let is_torn = ends.0.is_some() && ends.1.is_some();
        aborted |= ends.1.is_some() && (is_torn || prepared.is_some() && refused.is_none());
        if let Some(decided) = commit {
            let votes = prepared.is_some_and(|prepared| prepared < decided);
            // A no after the first yes takes nothing back once it was counted.
            let refuses = refused.is_some_and(|refused| refused < decided);
            let no_first = match (prepared, refused, ends.0.min(ends.1).or(ends.0).or(ends.1)) {
                (prepared, Some(refused), None) => {
                    prepared.is_none_or(|prepared| refused < prepared)
                }
                _ => false,
            };
            silent |= !votes || refuses || no_first;
        }
        let ended = ends.0.is_some() || ends.1.is_some();
        let waits = prepared
            .is_some_and(|prepared| !ended && refused.is_none_or(|refused| prepared < refused));
        waiting |= waits;
        let due = prepared.is_some_and(|prepared| horizon >= told[prepared].2 + LIMIT);
        in_doubt |= waits && due && commit.is_none() && abort.is_none();
    }
    match (commit, abort) {
        (Some(_), Some(_)) => found.push(What::Torn),
        (commit, abort) => {
            let both_ways = committed && aborted;
            let against = committed && abort.is_some() || aborted && commit.is_some();
            found.extend((both_ways || against).then_some(What::Mixed));
        }
    }
    found.extend((silent && abort.is_none()).then_some(What::WithoutVotes));
    found.extend(in_doubt.then_some(What::InDoubt));
    let decided = match (commit, abort) {
        (Some(commit), Some(abort)) => Some(commit.min(abort)),
        (commit, abort) => commit.or(abort),
    };
    let over = decided.is_some_and(|decided| horizon >= told[decided].2 + LIMIT);
    found.extend((over && waiting).then_some(What::Undelivered));
    found.sort_by_key(|what| format!("{what:?}"));
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn transactions_are_judged_as_a_slow_look_judges(told in logs(), after in 0..15_i64) {
        let definition = definition();
        let horizon = told.last().map_or(0, |(_, _, seconds)| *seconds) + after;
        prop_assert_eq!(quickly(&definition, &told, horizon), slowly(&told, horizon));
    }
}
