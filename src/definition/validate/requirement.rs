//! From an invariant over folded states as written to the checked one, and, once every projection
//! is known, whether what it refers to is there.

use std::sync::Arc;

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::raw::requirement as raw;
use crate::definition::requirement::{KEY, Lookup, Requirement, STATE};
use crate::definition::validate::states::{Known, formula};

/// The checked invariant; `None` where something fatal is wrong with it.
pub(crate) fn check(
    raw: raw::Requirement,
    at: At<'_>,
    faults: &mut Vec<Fault>,
) -> Option<Requirement> {
    let from = faults.len();
    let mut names = vec![STATE, KEY];
    for name in raw.r#let.keys() {
        if names.contains(&name.as_str()) {
            let message = format!("`{name}` means something else already");
            let place = at.key("let").name_of(name).place();
            faults.push(Fault::fatal(fault::BAD_VALUE, place, message).label("another name"));
        } else if !is_name(name) {
            let message = format!("`{name}` cannot be a name in an expression");
            let place = at.key("let").name_of(name).place();
            let fault = Fault::fatal(fault::BAD_VALUE, place, message).label("not a name");
            faults.push(fault.help("letters, digits and `_`, no digit first".to_owned()));
        } else {
            names.push(name);
        }
    }
    let narrow = raw.r#where.as_deref();
    let narrow = narrow.map(|source| formula(source, &names, at.key("where"), faults));
    let require = formula(&raw.require, &names, at.key("require"), faults);
    let lookups = raw.r#let.iter().map(|(name, lookup)| Lookup {
        name: name.clone(),
        projection: Arc::clone(&lookup.0.projection),
        key: lookup.0.key.clone(),
        place: at.key("let").key(name).place(),
    });
    let requirement = Requirement {
        lookups: lookups.collect(),
        name: raw.invariant.0.0,
        about: raw.about,
        place: at.key("require").place(),
        each: raw.for_each.0.0,
        each_place: at.key("for-each").place(),
        narrow: narrow.flatten(),
        require: require?,
        grace: raw.grace.map(|text| text.0),
    };
    let is_sound = !faults[from..].iter().any(|fault| fault.fatal);
    is_sound.then_some(requirement)
}

fn is_name(name: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(word)
}

/// Finds fault with an invariant over projections or fields that are not there.
pub(crate) fn bind(requirement: &Requirement, known: Known<'_>, faults: &mut Vec<Fault>) {
    let lookups = requirement.lookups.iter();
    let used = lookups.map(|lookup| (&lookup.projection, &lookup.place));
    for (name, place) in [(&requirement.each, &requirement.each_place)]
        .into_iter()
        .chain(used)
    {
        known.projection(name, place, faults);
    }
    for (formula, place) in requirement.formulas() {
        let projection = |name: &str| requirement.projection(name);
        known.fields(formula, place, projection, faults);
    }
}
