//! What each event type means in a saga: one thing, unless conditions tell several apart.

use std::collections::BTreeMap;

use crate::definition::fault::{self, Fault, Place};

/// One mention of an event type.
#[derive(Debug)]
pub(crate) struct Mention {
    /// The event type.
    pub(crate) kind: String,
    /// What it means there, to be read after "means that": `step `pay` succeeded`.
    pub(crate) meaning: String,
    /// Whether a `when` says which of its events are meant.
    pub(crate) conditional: bool,
    /// Where it is mentioned.
    pub(crate) place: Place,
}

/// A fault at each mention that gives a type another meaning without a condition.
pub(crate) fn check(mentions: &[Mention], faults: &mut Vec<Fault>) {
    let from = faults.len();
    let mut first: BTreeMap<&str, &Mention> = BTreeMap::new();
    for mention in mentions.iter().filter(|mention| !mention.conditional) {
        let known = *first.entry(&mention.kind).or_insert(mention);
        if known.meaning == mention.meaning {
            continue;
        }
        if faults.len() - from >= fault::MOST {
            return;
        }
        let message = format!(
            "`{}` cannot mean both that {} and that {}",
            mention.kind, known.meaning, mention.meaning
        );
        faults.push(
            Fault::fatal(fault::TWO_MEANINGS, mention.place.clone(), message)
                .label(format!(
                    "line {} gives it another meaning",
                    known.place.line
                ))
                .help(format!(
                    "tell them apart with `{{ event: {}, when: … }}`, or remove one",
                    mention.kind
                )),
        );
    }
}
