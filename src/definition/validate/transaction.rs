//! From a transaction document as written to the checked transaction.

use crate::definition::document::At;
use crate::definition::fault::Fault;
use crate::definition::raw::transaction as raw;
use crate::definition::raw::written::By;
use crate::definition::saga::EventPattern;
use crate::definition::transaction::Transaction;
use crate::definition::validate::meanings::{self, Mention};
use crate::definition::validate::saga::patterns;

/// The checked transaction; `None` where something fatal is wrong with it.
pub(crate) fn check(
    raw: raw::Transaction,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Transaction> {
    let from = faults.len();
    let transaction = Transaction {
        name: raw.transaction.0.0,
        about: raw.about,
        place: at.key("transaction").place(),
        narrow: raw.r#where.map(|text| text.0),
        id: match raw.id.0 {
            By::Correlation => None,
            By::Expression(expression) => Some(expression),
        },
        participant: raw.participant.0,
        begins: patterns(raw.begins),
        prepares: patterns(raw.prepares),
        refuses: patterns(raw.refuses),
        commits: patterns(raw.decides.commit),
        aborts: patterns(raw.decides.abort),
        committed: patterns(raw.ends.committed),
        aborted: patterns(raw.ends.aborted),
        in_doubt_after: raw.in_doubt_after.0,
    };
    meanings::check(&mentions(&transaction, at), faults);
    let is_sound = !faults[from..].iter().any(|fault| fault.fatal);
    is_sound.then_some(transaction)
}

/// Every event type that the transaction mentions, with what it means.
fn mentions(of: &Transaction, at: At<'_>) -> Vec<Mention> {
    let (decides, ends) = (at.key("decides"), at.key("ends"));
    let all: [(&[EventPattern], At<'_>, &str); 7] = [
        (&of.begins, at.key("begins"), "it begins"),
        (&of.prepares, at.key("prepares"), "a participant prepared"),
        (&of.refuses, at.key("refuses"), "a participant refused"),
        (&of.commits, decides.key("commit"), "commit is decided"),
        (&of.aborts, decides.key("abort"), "abort is decided"),
        (
            &of.committed,
            ends.key("committed"),
            "a participant committed",
        ),
        (&of.aborted, ends.key("aborted"), "a participant aborted"),
    ];
    all.into_iter()
        .flat_map(|(patterns, at, meaning)| {
            patterns
                .iter()
                .enumerate()
                .map(move |(index, pattern)| Mention {
                    kind: pattern.kind.to_string(),
                    meaning: meaning.to_owned(),
                    conditional: pattern.when.is_some(),
                    place: at.item(index).key("event").place(),
                })
        })
        .collect()
}
