//! From a reaction document as written to the checked reaction.

use std::collections::BTreeMap;

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::raw::reaction::{self as raw, Matched};
use crate::definition::raw::written::By;
use crate::definition::reaction::{Count, Matching, Reaction};
use crate::definition::validate::saga::patterns;
use crate::expression::Expression;

/// The checked reaction; `None` where something fatal is wrong with it.
pub(crate) fn check(raw: raw::Reaction, at: At<'_>, faults: &mut Vec<Fault>) -> Option<Reaction> {
    let from = faults.len();
    let triggers = patterns(raw.when);
    let effects = patterns(raw.then);
    for (key, patterns) in [("when", &triggers), ("then", &effects)] {
        if patterns.is_empty() {
            let message = format!("`{key}` cannot be empty");
            let fault = Fault::fatal(fault::BAD_VALUE, at.key(key).place(), message);
            faults.push(fault.label("no event is meant"));
        }
    }
    for (index, effect) in effects.iter().enumerate() {
        let mut same = triggers
            .iter()
            .filter(|trigger| trigger.kind == effect.kind);
        if same.any(|trigger| trigger.when.is_none() || effect.when.is_none()) {
            let message = format!("`{}` would be a reaction to itself", effect.kind);
            let place = at.key("then").item(index).place();
            let fault =
                Fault::fatal(fault::TWO_MEANINGS, place, message).label("named in `when` too");
            faults.push(fault.help("tell the two apart with conditions".to_owned()));
        }
    }
    let kinds: Vec<&str> = triggers
        .iter()
        .chain(&effects)
        .map(|pattern| &*pattern.kind)
        .collect();
    let matching = matching(
        raw.r#match.map(|short| short.0),
        &kinds,
        at.key("match"),
        faults,
    );
    let reaction = Reaction {
        name: raw.reaction.0.0,
        about: raw.about,
        place: at.key("reaction").place(),
        narrow: raw.r#where.map(|text| text.0),
        triggers,
        effects,
        matching,
        within: raw.within.0,
        count: match raw.count.map(|short| short.0) {
            None | Some(raw::Count::AtLeastOnce) => Count::AtLeastOnce,
            Some(raw::Count::Once) => Count::Once,
            Some(raw::Count::Per(expression)) => Count::Per(expression),
        },
    };
    let is_sound = !faults[from..].iter().any(|fault| fault.fatal);
    is_sound.then_some(reaction)
}

fn matching(
    raw: Option<raw::Match>,
    kinds: &[&str],
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Matching {
    let mut default = None;
    let is_only = raw.as_ref().is_some_and(|raw| raw.0.len() == 1);
    let mut by_type: BTreeMap<_, Option<Expression>> = BTreeMap::new();
    for (kind, by) in raw.into_iter().flat_map(|raw| raw.0) {
        let is_every = kind == raw::EVERY;
        let by = match by.0 {
            Matched::Causation if is_every && is_only => return Matching::Causation,
            Matched::Causation => {
                let message = "`causation` matches all types or none";
                let fault = Fault::fatal(fault::BAD_VALUE, at.key(&kind).place(), message);
                faults.push(
                    fault
                        .label("of this type alone")
                        .help("write `match: causation`".to_owned()),
                );
                continue;
            }
            Matched::By(By::Correlation) => None,
            Matched::By(By::Expression(expression)) => Some(expression),
        };
        if is_every {
            default = by;
        } else if kinds.contains(&kind.as_str()) {
            by_type.insert(kind.as_str().into(), by);
        } else {
            let message = format!("`{kind}` is neither a trigger nor a reaction");
            let place = at.name_of(&kind).place();
            faults.push(Fault::fatal(fault::BAD_VALUE, place, message).label("never matched"));
        }
    }
    Matching::Value { default, by_type }
}
