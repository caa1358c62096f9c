//! From an invariant over folded states as written to the checked one, and, once every projection
//! is known, whether what it refers to is there.

use std::sync::Arc;

use crate::definition::document::At;
use crate::definition::fault::{self, Fault};
use crate::definition::projection::Projection;
use crate::definition::raw::requirement as raw;
use crate::definition::requirement::{KEY, Lookup, Requirement, STATE};
use crate::expression::Formula;
use crate::suggest::did_you_mean;

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

fn formula(source: &str, names: &[&str], at: At<'_>, faults: &mut Vec<Fault>) -> Option<Formula> {
    let compiled = Formula::parse(source, names);
    let report = |error: crate::expression::ExpressionError| {
        faults.push(
            Fault::fatal(fault::BAD_EXPRESSION, at.place(), error.message)
                .label("this expression")
                .help(error.help),
        );
    };
    compiled.map_err(report).ok()
}

/// Finds fault with an invariant over projections or fields that are not there.
pub(crate) fn bind(
    requirement: &Requirement,
    projections: &[Arc<Projection>],
    named: &[&str],
    faults: &mut Vec<Fault>,
) {
    let lookups = requirement.lookups.iter();
    let used = lookups.map(|lookup| (&lookup.projection, &lookup.place));
    for (name, place) in [(&requirement.each, &requirement.each_place)]
        .into_iter()
        .chain(used)
    {
        if !named.contains(&&**name) {
            let message = format!("no projection of this log is called `{name}`");
            let fault = Fault::fatal(fault::UNKNOWN_PROJECTION, place.clone(), message);
            let help = did_you_mean(name, named.iter().copied());
            faults.push(fault.label("it has no states").help(help));
        }
    }
    for (formula, place) in requirement.formulas() {
        for reference in formula.references() {
            let projection = requirement.projection(reference.name);
            let projection = projections
                .iter()
                .find(|one| projection.is_some_and(|name| *name == one.name));
            let (Some(projection), Some(field)) = (projection, reference.keys.first()) else {
                continue;
            };
            if projection.field(field).is_none() {
                let message = format!(
                    "no event changes a field `{field}` of `{}`",
                    projection.name
                );
                let known = projection.fields.iter().map(|field| &*field.name);
                faults.push(
                    Fault::fatal(fault::UNKNOWN_FIELD, place.clone(), message)
                        .label(format!("refers to `{reference}`"))
                        .help(did_you_mean(field, known)),
                );
            }
        }
    }
}
